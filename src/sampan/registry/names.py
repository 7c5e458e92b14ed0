"""The grammar of names, tags and digests. OCI Distribution Specification 1.1, "Pulling manifests"."""

import re
from typing import NamedTuple

from sampan.registry.errors import DigestInvalid, ManifestInvalid, NameInvalid

# The first component may be a host with a port: the cache serves docker.io/library/alpine under that name.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"(?:{_COMPONENT}:[0-9]{{1,5}}/)?{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_HEX_LENGTH = {"sha256": 64, "sha512": 128}
_HEX = re.compile(r"[a-f0-9]+")
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
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


def check_digest(text: str) -> str:
    """The digest itself. Raises DigestInvalid."""
    algorithm, colon, hexadecimal = text.partition(":")
    length = _HEX_LENGTH.get(algorithm)
    if not colon or (length is None and not algorithm.isalnum()):
        raise DigestInvalid("provided digest is no digest", {"digest": text[:200]})
    if length is None:
        raise DigestInvalid(f"unsupported digest algorithm {algorithm}", {"digest": text[:200]})
    if len(hexadecimal) != length or not _HEX.fullmatch(hexadecimal):
        raise DigestInvalid(
            f"provided digest is no {algorithm} digest: {length} hexadecimal digits expected",
            {"digest": text[:200]},
        )
    return text


def parse_reference(text: str) -> Reference:
    """A tag or a digest. Raises DigestInvalid, ManifestInvalid."""
    if ":" in text:
        return Reference(None, check_digest(text))
    if not is_tag(text):
        raise ManifestInvalid("invalid tag", {"tag": text[:200]})
    return Reference(text, None)
