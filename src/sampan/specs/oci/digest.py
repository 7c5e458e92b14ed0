"""Digests of content, sha256:<hex>: OCI image-spec descriptor.md, in go-digest's words."""

from sampan.errors import Invalid

_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}  # hexadecimal digits
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset("0123456789")
_HEX = frozenset("0123456789abcdef")
_ANY_HEX = _HEX | frozenset("ABCDEF")
_SHORTEST = 32


def of(data: bytes) -> str:
    """SHA-256, the only algorithm that content is kept under."""
    from hashlib import sha256  # 2 ms that reading names does not need

    return f"sha256:{sha256(data).hexdigest()}"


def parse(text: str) -> str:
    """The digest itself, checked. Raises Invalid."""
    if is_digest(text):
        return text
    if not is_written_as_one(text):
        raise Invalid("invalid checksum digest format")
    algorithm, _, hexadecimal = text.partition(":")
    if algorithm not in _LENGTHS:
        raise Invalid("unsupported digest algorithm")
    if len(hexadecimal) != _LENGTHS[algorithm]:
        raise Invalid("invalid checksum digest length")
    raise Invalid("invalid checksum digest format")


def is_digest(text: str) -> bool:
    """Whether it is sha256, sha384 or sha512 with as many lower-case hexadecimal digits as that has."""
    algorithm, _, hexadecimal = text.partition(":")
    return len(hexadecimal) == _LENGTHS.get(algorithm) and _HEX.issuperset(hexadecimal)


def is_sha256(text: str) -> bool:
    """Whether it is one of those that content is kept under."""
    return text.startswith("sha256:") and is_digest(text)


def is_identifier(text: str) -> bool:
    """Whether it is the hexadecimal part of one: a whole image ID without its algorithm."""
    return len(text) == _LENGTHS["sha256"] and _HEX.issuperset(text)


def is_written_as_one(text: str) -> bool:
    """Whether a reference may end with it, algorithm and length aside. distribution/reference, regexp.go"""
    if is_digest(text):
        return True
    algorithm, colon, hexadecimal = text.partition(":")
    for mark in "-_+.":
        algorithm = algorithm.replace(mark, "/")
    words = algorithm.split("/")
    return (
        bool(colon)
        and all(word[:1] in _LETTERS and (_LETTERS | _DIGITS).issuperset(word) for word in words)
        and len(hexadecimal) >= _SHORTEST
        and _ANY_HEX.issuperset(hexadecimal)
    )
