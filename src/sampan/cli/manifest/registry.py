"""A registry asked by the client itself, as `manifest` does: manifests, small blobs, mounts.

Source: OCI distribution specification 1.1, end-2, end-3, end-7, end-11.
"""

from __future__ import annotations

import asyncio
import os
from urllib.parse import urlencode, urljoin

from sampan.cli import gojson
from sampan.cli.errors import CliError
from sampan.cli.image.auth import credentials
from sampan.errors import SampanError
from sampan.http.bearer import Authorizer, Credentials, TokenAnswer
from sampan.http.transport import Proxies, Refused, Tls, Transport, Unreachable, limited
from sampan.specs.oci import digest as digests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from sampan.cli.session import Session

LIST_TYPES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MANIFEST_TYPES = ("application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST)
CERTIFICATES = ("/etc/sampan/certs.d", "/etc/docker/certs.d")
_LIMIT = 8 << 20  # bytes of a manifest or configuration; the specification has registries take 4 MiB


class NoSuchManifest(CliError):
    """The registry does not have it."""


class Answer:
    """A response, its body whole."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Registry:
    """One repository's registry. `insecure` allows certificates nobody signed, and plain HTTP."""

    def __init__(self, session: Session, host: str, insecure: bool) -> None:
        self._host = "registry-1.docker.io" if host == "docker.io" else host
        name = self._host.rsplit(":", 1)[0]
        self._insecure = insecure or name in ("localhost", "[::1]") or name.startswith("127.")
        self._tls = _tls(self._host, self._insecure)
        self._known = _known(session, host)
        self._base = ""
        self._authorizer: Authorizer | None = None

    # -- what is there to ask ---------------------------------------------------------------------------

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str]:
        """The bytes of a manifest or list and its media type; raises NoSuchManifest, CliError."""
        accept = ", ".join((*MANIFEST_TYPES, *LIST_TYPES))
        answer = self._ask(
            "GET", f"{repository}/manifests/{reference}", _pull(repository), {"Accept": accept}
        )
        if answer.status == 404:
            raise NoSuchManifest(f"no such manifest: {reference}")
        self._check(answer, 200)
        return answer.body, answer.headers.get("Content-Type", "").partition(";")[0].strip()

    def blob(self, repository: str, digest: str) -> bytes:
        """Raises CliError, also where the bytes do not have that digest."""
        answer = self._ask("GET", f"{repository}/blobs/{digest}", _pull(repository))
        self._check(answer, 200)
        verify(answer.body, digest, "blob")
        return answer.body

    def put_manifest(self, repository: str, reference: str, media_type: str, data: bytes) -> str:
        """Its digest; raises CliError."""
        answer = self._ask(
            "PUT",
            f"{repository}/manifests/{reference}",
            _push(repository),
            {"Content-Type": media_type},
            data,
        )
        self._check(answer, 201)
        return str(answer.headers.get("Docker-Content-Digest") or digests.of(data))

    def mount(self, repository: str, digest: str, source: str) -> None:
        """Have a blob of repository `source` in `repository`, too; raises CliError."""
        query = urlencode({"mount": digest, "from": source})
        scopes = (*_push(repository), *_pull(source))
        answer = self._ask("POST", f"{repository}/blobs/uploads/?{query}", scopes, {}, b"")
        if answer.status == 201:
            return
        self._check(answer, 202)  # it would take an upload instead: give that up
        location = urljoin(self._base, answer.headers.get("Location", ""))
        if location.startswith(f"{self._base}/v2/"):  # credentials are for this registry alone
            self._ask("DELETE", location, scopes)
        raise CliError(f"failed to mount blob {source}@{digest} to {repository}")

    # -- transport --------------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        scopes: tuple[str, ...],
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        return asyncio.run(self._asked(method, path, scopes, headers or {}, data))

    async def _asked(
        self, method: str, path: str, scopes: tuple[str, ...], headers: Mapping[str, str], data: bytes | None
    ) -> Answer:
        self._transport = Transport(Proxies.of_environment(), agent="sampan-cli")
        try:
            base = self._base = self._base or await self._find()
            url = urljoin(f"{base}/v2/", path)
            for _ in range(2):
                sent = {**headers, **await self._authorized(scopes)}
                answer = await self._send(method, url, sent, data)
                if answer.status != 401 or not self._challenged(answer, scopes):
                    break
            return answer
        except SampanError as error:
            raise CliError(error.message) from None
        finally:
            await self._transport.close()

    async def _find(self) -> str:
        """The base URL that answers; raises CliError with the first failure."""
        failure = ""
        for scheme in ("https", "http") if self._insecure else ("https",):
            base = f"{scheme}://{self._host}"
            self._authorizer = Authorizer(self._known, self._fetch_token, secure=scheme == "https")
            try:
                answer = await self._send("GET", f"{base}/v2/", {}, None)
            except (Unreachable, Refused) as error:
                failure = failure or f"error pinging v2 registry: {error.message}"
                continue
            self._challenged(answer, ())
            return base
        raise CliError(f"failed to configure transport: {failure}")

    def _challenged(self, answer: Answer, scopes: tuple[str, ...]) -> bool:
        assert self._authorizer is not None
        return self._authorizer.challenged(answer.headers.getall("WWW-Authenticate", []), scopes)

    async def _authorized(self, scopes: tuple[str, ...]) -> dict[str, str]:
        assert self._authorizer is not None
        header = await self._authorizer.header(scopes)
        return {"Authorization": header} if header else {}

    async def _fetch_token(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        query: Sequence[tuple[str, str]],
        form: Mapping[str, str],
    ) -> TokenAnswer:
        return await self._transport.ask(self._tls, method, url, headers, query, form)

    async def _send(self, method: str, url: str, headers: Mapping[str, str], data: bytes | None) -> Answer:
        secure = url.startswith("https:")
        async with self._transport.request(
            method, url, tls=self._tls, headers=headers, secure=secure, data=data, follow=True
        ) as response:
            return Answer(response.status, response.headers, await limited(response, _LIMIT))

    def _check(self, answer: Answer, wanted: int) -> None:
        if answer.status == wanted:
            return
        try:
            first = gojson.loads(answer.body)["errors"][0]
            text = f"{str(first['code']).lower().replace('_', ' ')}: {first.get('message') or ''}"
        except (ValueError, KeyError, TypeError, IndexError):
            text = f"received unexpected HTTP status: {answer.status}"
        raise CliError(text)


def _tls(host: str, insecure: bool) -> Tls:
    """NAME.crt are authorities; NAME.cert with NAME.key is who we are."""
    paths = [
        os.path.join(root, host, name)
        for root in CERTIFICATES
        if os.path.isdir(os.path.join(root, host))
        for name in sorted(os.listdir(os.path.join(root, host)))
    ]
    return Tls(
        verify=not insecure,
        authorities=tuple(path for path in paths if path.endswith(".crt")),
        client=tuple((path, path.removesuffix(".cert") + ".key") for path in paths if path.endswith(".cert")),
    )


def _known(session: Session, host: str) -> Credentials:
    entry = credentials(session, host)
    return Credentials(
        entry.get("username", ""),
        entry.get("password", ""),
        entry.get("identitytoken", ""),
        entry.get("registrytoken", ""),
    )


def _pull(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull",)


def _push(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull,push",)


def verify(data: bytes, digest: str, what: str) -> None:
    """Raises CliError where `data` does not have `digest`."""
    import hashlib

    algorithm, _, value = digest.partition(":")
    if algorithm not in ("sha256", "sha384", "sha512"):
        raise CliError(f"unsupported digest algorithm {algorithm!r}")
    if hashlib.new(algorithm, data).hexdigest() != value:
        raise CliError(f"{what} verification failed for digest {digest}")
