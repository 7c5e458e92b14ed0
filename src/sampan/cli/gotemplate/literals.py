"""Go's literals: numbers, quoted strings, characters. Raise ValueError."""

from __future__ import annotations

_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}


def number(text: str) -> int | float:
    clean = text.replace("_", "")
    sign = -1 if clean.startswith("-") else 1
    body = clean.lstrip("+-")
    try:
        if body[:2].lower() in ("0x", "0o", "0b") and "p" not in body.lower():
            return sign * int(body, 0)
        if body.isdigit():
            return sign * int(body, 8 if len(body) > 1 and body[0] == "0" else 10)
        if body.lower().startswith("0x"):
            return sign * float.fromhex(body)
        value = float(body)
    except ValueError:
        raise ValueError(f'bad number syntax: "{text}"') from None
    if not body[0].isdigit() and body[0] != ".":
        raise ValueError(f'bad number syntax: "{text}"')
    return sign * value


def unquote(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    return _unescape(text[1:-1], text)


def character(text: str) -> int:
    value = _unescape(text[1:-1], text)
    if len(value) != 1:
        raise ValueError(f"malformed character constant: {text}")
    return ord(value)


def _unescape(body: str, whole: str) -> str:
    out = ""
    at = 0
    while at < len(body):
        char = body[at]
        at += 1
        if char != "\\":
            out += char
            continue
        code = body[at : at + 1]
        at += 1
        if code in _ESCAPES:
            out += _ESCAPES[code]
            continue
        size = {"x": 2, "u": 4, "U": 8}.get(code, 3)
        digits = body[at : at + size] if size != 3 else body[at - 1 : at + 2]
        at += size if size != 3 else 2
        try:
            out += chr(int(digits, 16 if size != 3 else 8))
        except (ValueError, OverflowError):
            raise ValueError(f"invalid syntax: {whole}") from None
    return out
