"""The grammar of names, tags and digests. OCI Distribution Specification 1.1, "Pulling manifests"."""

from typing import NamedTuple

from sampan.errors import Invalid
from sampan.registry.errors import DigestInvalid, ManifestInvalid, NameInvalid
from sampan.registry.layout import ALGORITHMS
from sampan.specs.oci import digest as digests
from sampan.specs.oci.reference import is_domain, is_path, is_tag

MAX_NAME = 255


class Reference(NamedTuple):
    """What stands behind /manifests/: exactly one of the two is set."""

    tag: str | None
    digest: str | None

    def __str__(self) -> str:
        return self.digest or self.tag or ""


def check_name(name: str) -> str:
    """The name itself. Raises NameInvalid."""
    if len(name) > MAX_NAME:
        raise NameInvalid(
            f"repository name must not be more than {MAX_NAME} characters", {"name": name[:300]}
        )
    if not is_name(name):
        raise NameInvalid("invalid repository name", {"name": name})
    return name


def is_name(text: str) -> bool:
    first, slash, rest = text.partition("/")
    # The cache serves docker.io/library/alpine under that name, and so the first component may have a port.
    host, colon, port = first.partition(":")
    with_port = bool(colon and slash) and len(port) <= 5 and is_domain(first)
    return len(text) <= MAX_NAME and is_path(f"{host}/{rest}" if with_port else text)


def check_digest(text: str) -> str:
    """The digest itself. Raises DigestInvalid."""
    try:
        digests.parse(text)
    except Invalid as error:
        raise DigestInvalid(f"provided digest is invalid: {error.message}", {"digest": text[:200]}) from None
    algorithm = text.partition(":")[0]
    if algorithm not in ALGORITHMS:
        raise DigestInvalid(f"unsupported digest algorithm {algorithm}", {"digest": text[:200]})
    return text


def parse_reference(text: str) -> Reference:
    """A tag or a digest. Raises DigestInvalid, ManifestInvalid."""
    if ":" in text:
        return Reference(None, check_digest(text))
    if not is_tag(text):
        raise ManifestInvalid("invalid tag", {"tag": text[:200]})
    return Reference(text, None)
