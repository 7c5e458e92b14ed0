"""Docker's image references: `ubuntu` is `docker.io/library/ubuntu:latest`.

Grammar and normalisation of github.com/distribution/reference, to the letter, its messages included.
"""

import re
from dataclasses import dataclass, replace

from sampan.errors import Invalid

DEFAULT_DOMAIN = "docker.io"
LEGACY_DOMAIN = "index.docker.io"
OFFICIAL_PREFIX = "library/"
DEFAULT_TAG = "latest"
MAX_PATH = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[(?:[a-fA-F0-9:]+)\])"
_DOMAIN = rf"{_HOST}(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"

_REFERENCE = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PATH})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?"
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_TAG_ONLY = re.compile(_TAG)
_DIGEST_HEX = {"sha256": 64, "sha384": 96, "sha512": 128}


@dataclass(frozen=True)
class Reference:
    """A named reference, normalised: `domain` and `path` are always whole."""

    domain: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Domain and path: `docker.io/library/ubuntu`."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The name as people write it: `ubuntu`."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        short = self.path.removeprefix(OFFICIAL_PREFIX)
        return short if "/" not in short else self.path

    @property
    def familiar(self) -> str:
        return self.familiar_name + self._suffix

    def __str__(self) -> str:
        return self.name + self._suffix

    @property
    def _suffix(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        return tag + (f"@{self.digest}" if self.digest is not None else "")

    def with_default_tag(self) -> "Reference":
        """With `:latest` when there is neither tag nor digest."""
        return self if self.tag or self.digest else replace(self, tag=DEFAULT_TAG)

    def with_tag(self, tag: str) -> "Reference":
        """Raises Invalid when the tag breaks the grammar."""
        if not _TAG_ONLY.fullmatch(tag):
            raise Invalid("invalid tag format")
        return replace(self, tag=tag, digest=None)

    def with_digest(self, digest: str) -> "Reference":
        return replace(self, tag=None, digest=parse_digest(digest))


def parse_digest(text: str) -> str:
    """The digest itself, checked. Raises Invalid."""
    algorithm, colon, hexadecimal = text.partition(":")
    if not colon or not re.fullmatch(_DIGEST, text):
        raise Invalid("invalid checksum digest format")
    if algorithm not in _DIGEST_HEX:
        raise Invalid("unsupported digest algorithm")
    if len(hexadecimal) != _DIGEST_HEX[algorithm]:
        raise Invalid("invalid checksum digest length")
    if not re.fullmatch(r"[a-f0-9]+", hexadecimal):
        raise Invalid("invalid checksum digest format")
    return text


def is_digest(text: str) -> bool:
    try:
        parse_digest(text)
    except Invalid:
        return False
    return True


def is_identifier(text: str) -> bool:
    """Whether it is a whole image ID without its algorithm."""
    return _IDENTIFIER.fullmatch(text) is not None


def parse(text: str) -> Reference:
    """A reference as a person writes it, normalised. Raises Invalid."""
    if is_identifier(text):
        raise Invalid(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    domain, remainder = _split_domain(text)
    remote = remainder.partition(":")[0]
    if remote.lower() != remote:
        raise Invalid(f"invalid reference format: repository name ({remote}) must be lowercase")
    return _parse_normalized(f"{domain}/{remainder}")


def _split_domain(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    # A first component with a dot, a port or an upper-case letter, or localhost, is a registry.
    if not slash or not (set(".:") & set(first) or first == "localhost" or first.lower() != first):
        domain, remainder = DEFAULT_DOMAIN, text
    else:
        domain, remainder = first, rest
    if domain == LEGACY_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in remainder:
        remainder = OFFICIAL_PREFIX + remainder
    return domain, remainder


def _parse_normalized(text: str) -> Reference:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        if _REFERENCE.fullmatch(text.lower()):
            raise Invalid("repository name must be lowercase")
        raise Invalid("invalid reference format")
    domain = match["domain"]
    if domain is None:  # `text` always has a domain; one that breaks the grammar matched as a path
        raise Invalid("invalid reference format")
    if len(match["path"]) > MAX_PATH:
        raise Invalid(f"repository name must not be more than {MAX_PATH} characters")
    if match["digest"] is not None:
        parse_digest(match["digest"])
    return Reference(domain, match["path"], match["tag"], match["digest"])
