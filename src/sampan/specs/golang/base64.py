"""What Go's encoding/base64 (StdEncoding) finds wrong with a text. Pure; https://pkg.go.dev/encoding/base64"""

from binascii import Error, a2b_base64

_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def corrupt_at(text: str) -> "int | None":
    """The place of Go's CorruptInputError, None if there is nothing wrong. Line breaks are skipped."""
    plain = text.replace("\n", "").replace("\r", "")
    try:
        a2b_base64(plain.encode("ascii"), strict_mode=True)
    except (Error, UnicodeEncodeError):
        return _place(text.encode("utf-8", "replace"))
    return _place(text.encode()) if len(plain) % 4 else None


def _place(data: bytes) -> int:
    """Four characters at a time, as decodeQuantum goes through them."""
    seen = 0  # of the four
    for at, byte in enumerate(data):
        char = chr(byte)
        if char in "\r\n":
            continue
        if char in _ALPHABET:
            seen = (seen + 1) % 4
        elif char != "=" or seen < 2:
            return at
        else:
            return _after_padding(data, at + 1, seen)
    return len(data) - seen


def _after_padding(data: bytes, at: int, seen: int) -> int:
    at = _skip(data, at)
    if seen == 2:
        if at == len(data):
            return at
        if data[at : at + 1] != b"=":
            return at - 1
        at += 1
    return _skip(data, at)


def _skip(data: bytes, at: int) -> int:
    while data[at : at + 1] in (b"\r", b"\n"):
        at += 1
    return at
