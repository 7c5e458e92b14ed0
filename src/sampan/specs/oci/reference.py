"""Docker's image references: `ubuntu` is `docker.io/library/ubuntu:latest`. Pure.

Grammar and normalisation of github.com/distribution/reference, to the letter, its messages included. Without
regular expressions: the command line has checked a name before they would be loaded.
"""

from sampan.errors import Invalid
from sampan.specs.oci import digest as digests

DEFAULT_DOMAIN = "docker.io"
LEGACY_DOMAIN = "index.docker.io"
OFFICIAL_PREFIX = "library/"
DEFAULT_TAG = "latest"
MAX_PATH = 255
MAX_TAG = 128

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_ALNUM = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LABEL = _ALNUM | {"-"}
_WORD = _ALNUM | {"_"}
_TAG = _WORD | {".", "-"}
_IPV6 = frozenset("0123456789abcdefABCDEF:")
_DIGITS = frozenset("0123456789")


class Reference:
    """A named reference, normalised: `domain` and `path` are always whole. Immutable."""

    __slots__ = ("digest", "domain", "path", "tag")
    domain: str
    path: str
    tag: str | None
    digest: str | None

    def __init__(self, domain: str, path: str, tag: str | None = None, digest: str | None = None) -> None:
        for name, value in (("domain", domain), ("path", path), ("tag", tag), ("digest", digest)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} of a Reference cannot be set")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str, str | None, str | None]:
        return self.domain, self.path, self.tag, self.digest

    def __repr__(self) -> str:
        return f"Reference({str(self)!r})"

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
        return self if self.tag or self.digest else Reference(self.domain, self.path, DEFAULT_TAG)

    def with_tag(self, tag: str) -> "Reference":
        """Raises Invalid when the tag breaks the grammar."""
        if not is_tag(tag):
            raise Invalid("invalid tag format")
        return Reference(self.domain, self.path, tag)

    def without_digest(self) -> "Reference":
        return Reference(self.domain, self.path, self.tag)

    def with_digest(self, digest: str) -> "Reference":
        return Reference(self.domain, self.path, None, digests.parse(digest))


def parse(text: str) -> Reference:
    """A reference as a person writes it, normalised. Raises Invalid."""
    if digests.is_identifier(text):
        raise Invalid(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    domain, remainder = _split_domain(text)
    remote = remainder.partition(":")[0]
    if remote.lower() != remote:
        raise Invalid(f"invalid reference format: repository name ({remote}) must be lowercase")
    return _read(domain, remainder)


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


def _read(domain: str, remainder: str) -> Reference:
    named, at, digest = remainder.partition("@")
    slash = named.rfind("/")
    path, colon, tag = named[slash + 1 :].partition(":")
    path = named[: slash + 1] + path
    good = is_path(path) and (not colon or is_tag(tag)) and (not at or digests.is_written_as_one(digest))
    if not good or not is_domain(domain):
        if good and domain.lower() != domain and is_path(domain.lower()):
            raise Invalid("repository name must be lowercase")
        raise Invalid("invalid reference format")
    if len(path) > MAX_PATH:
        raise Invalid(f"repository name must not be more than {MAX_PATH} characters")
    return Reference(domain, path, tag if colon else None, digests.parse(digest) if at else None)


def is_tag(text: str) -> bool:
    """Up to 128 ASCII letters, digits, `_`, `.` and `-`, beginning with neither of the last two.
    distribution/reference, regexp.go
    """
    return 0 < len(text) <= MAX_TAG and text[0] in _WORD and _TAG.issuperset(text)


def is_path(text: str) -> bool:
    """Components of lower-case letters and digits, joined by one dot, one or two underscores, or dashes."""
    return all(map(_is_component, text.split("/")))


def _is_component(text: str) -> bool:
    if _LOWER.issuperset(text):
        return bool(text)
    between = ""
    for char in text:
        if char not in _LOWER:
            between += char
            continue
        if between not in ("", ".", "_", "__") and between.strip("-"):
            return False
        between = ""
    return text[0] in _LOWER and not between


def is_domain(text: str) -> bool:
    """A host's name, or an IPv6 address in brackets, with or without a port."""
    if text.startswith("["):
        address, bracket, port = text[1:].partition("]")
        host = bool(bracket) and bool(address) and _IPV6.issuperset(address)
    else:
        name, colon, port = text.partition(":")
        host, port = all(map(_is_label, name.split("."))), colon + port
    return host and (not port or (port[0] == ":" and len(port) > 1 and _DIGITS.issuperset(port[1:])))


def _is_label(text: str) -> bool:
    return bool(text) and _LABEL.issuperset(text) and text[0] != "-" and text[-1] != "-"
