"""Pull, push and search as far as they go yet: the name is resolved, and the registry asked if it is there.

The registry client itself is issue 3. A registry that cannot be reached is told from one that can, and
nothing else is tried in its stead.
"""

import os
from dataclasses import dataclass

from sampan.engine.bootstrap.names import suggestion
from sampan.errors import Failed, Invalid, Unsupported
from sampan.images import references
from sampan.images.references import DEFAULT_DOMAIN, Reference

DOCKER_HUB = "registry-1.docker.io"
SEARCH = "index.docker.io"
TIMEOUT = 15.0  # seconds, as Docker's dial and TLS handshake together


def parse(image: str, tag: str) -> Reference:
    """POST /images/create?fromImage=&tag=, where tag may be a digest. Raises Invalid in Docker's words."""
    reference = references.parse(image)
    if not tag:
        return reference.with_default_tag()
    return reference.with_digest(tag) if ":" in tag else reference.with_tag(tag)


@dataclass(frozen=True)
class Registry:
    host: str

    @classmethod
    def of(cls, reference: Reference) -> "Registry":
        return cls(DOCKER_HUB if reference.domain == DEFAULT_DOMAIN else reference.domain)

    @property
    def url(self) -> str:
        return f"https://{self.host}/v2/"

    async def reach(self, hint: str = "") -> None:
        """Raises Failed, with what went wrong, when the registry does not answer."""
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        try:
            async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
                async with session.get(self.url, allow_redirects=False):
                    return
        except aiohttp.InvalidURL:
            raise Invalid(f"invalid registry host: {self.host}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Failed(f'Get "{self.url}": {reason(error)}', hint=hint) from error


def reason(error: BaseException) -> str:
    """Why a connection failed, in one line without Python in it."""
    import aiohttp

    if isinstance(error, TimeoutError):
        return "no answer within 15 seconds"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {error.host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        text = os.strerror(number).lower() if number else str(error.os_error)
        return f"dial tcp {error.host}:{error.port}: connect: {text}"
    return str(error) or type(error).__name__


async def pull(image: str, tag: str) -> None:
    """Always raises: Failed when the registry is out of reach, else Unsupported."""
    reference = parse(image, tag)
    await Registry.of(reference).reach(suggestion(reference))
    raise Unsupported(
        f"cannot pull {reference.familiar}: pulling from a registry is not implemented yet (issue 3)",
        hint=suggestion(reference),
    )


async def push(reference: Reference) -> None:
    """Always raises, as `pull`."""
    await Registry.of(reference).reach()
    raise Unsupported(
        f"cannot push {reference.familiar}: pushing to a registry is not implemented yet (issue 3)"
    )


async def search(term: str) -> None:
    """Always raises, as `pull`."""
    await Registry(SEARCH).reach()
    raise Unsupported(f"cannot search for {term}: searching a registry is not implemented yet (issue 3)")
