"""JSON as Go's encoding/json reads, writes and indents it.

Reading uses CPython's scanner without the json package, whose import (re, enum) costs 5 ms:
docs/decisions/cli-json.md.
"""

from __future__ import annotations

import _json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WHITESPACE = " \t\n\r"


class Number(str):
    """A JSON number kept as its text where Go's client does so (json.Number)."""

    __slots__ = ()


class _Settings:
    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float: Any = float
    parse_int: Any = int
    parse_constant: Any = float
    memo: dict[str, str] = {}


_scan = _json.make_scanner(_Settings())  # type: ignore[arg-type]


def loads(data: bytes | str) -> Any:
    """The value in `data`; raises ValueError when it is not one JSON value."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    value, end = scan(text, 0)
    if text[end:].strip(_WHITESPACE):
        raise ValueError(f"invalid character {text[end:].strip()[:1]!r} after top-level value")
    return value


def scan(text: str, start: int) -> tuple[Any, int]:
    """One value at `start` and where it ends; raises ValueError."""
    while start < len(text) and text[start] in _WHITESPACE:
        start += 1
    if start == len(text):
        raise ValueError("unexpected end of JSON input")
    try:
        return _scan(text, start)
    except StopIteration as stop:
        raise ValueError(_problem(text, stop.value, "Expecting value")) from None
    except (SystemError, ValueError):
        # It looks up the class of its exception in json.decoder: a SystemError when nobody has imported that.
        from json.decoder import JSONDecodeError

        try:
            return _scan(text, start)
        except JSONDecodeError as error:
            raise ValueError(_problem(text, error.pos, error.msg)) from None


def _problem(text: str, at: int, reason: str) -> str:
    """Go's words for what CPython's scanner refuses."""
    while at < len(text) and text[at] in _WHITESPACE:
        at += 1
    if at >= len(text) or reason.startswith("Unterminated"):
        return "unexpected end of JSON input"
    where = next((words for start, words in _REASONS if reason.startswith(start)), "in JSON")
    return f"invalid character '{text[at]}' {where}"


_REASONS = (
    ("Expecting property name", "looking for beginning of object key string"),
    ("Expecting ':'", "after object key"),
    ("Expecting ','", "after object key:value pair or array element"),
    ("Expecting value", "looking for beginning of value"),
    ("Invalid control", "in string literal"),
    ("Invalid \\", "in string escape code"),
)


def dumps(value: Any, *, sort: bool = False) -> str:
    """Compact JSON, HTML-escaped as Go's json.Marshal does. `sort` orders keys as for Go maps."""
    out: list[str] = []
    _write(value, out.append, sort)
    return "".join(out)


def _write(value: Any, put: Any, sort: bool) -> None:
    if value is None:
        put("null")
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif isinstance(value, Number):
        put(value)
    elif isinstance(value, str):
        put(escape(value))
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, float):
        put(number(value))
    elif isinstance(value, dict):
        put("{")
        separator = ""
        for key in sorted(value) if sort else value:
            put(separator + escape(key) + ":")
            _write(value[key], put, sort)
            separator = ","
        put("}")
    else:
        put("[")
        for index, item in enumerate(value):
            if index:
                put(",")
            _write(item, put, sort)
        put("]")


def escape(text: str) -> str:
    """A JSON string; <, > and & escaped, other characters kept (Go's encoder with EscapeHTML)."""
    if text.isalnum() and text.isascii():
        return f'"{text}"'
    out = ['"']
    for char in text:
        out.append(_ESCAPED.get(char) or (char if char >= " " else f"\\u{ord(char):04x}"))
    out.append('"')
    return "".join(out).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_ESCAPED = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def number(value: float) -> str:
    """Go's float64 encoding: shortest digits, exponent form below 1e-6 and from 1e21."""
    if value == 0:
        return "-0" if str(value)[0] == "-" else "0"
    size = abs(value)
    digits, _, exponent = f"{value!r}".partition("e")
    if size < 1e-6 or size >= 1e21:
        if not exponent:
            mantissa, _, exponent = f"{value:.16e}".partition("e")
            digits = mantissa.rstrip("0").rstrip(".")
        power = int(exponent)
        digits = digits.removesuffix(".0")
        return f"{digits}e{'-' if power < 0 else '+'}{abs(power) if power < 0 else format(power, '02d')}"
    if exponent:
        return f"{value:.25f}".rstrip("0").rstrip(".") if size < 1 else f"{value:.0f}"
    return digits.removesuffix(".0")


def indent(text: str, prefix: str = "", step: str = "    ") -> str:
    """Go's json.Indent: the same tokens on lines of their own; the text is already valid JSON."""
    out: list[str] = []
    depth = 0
    opened = False
    at, size = 0, len(text)
    while at < size:
        char = text[at]
        if char in _WHITESPACE:
            at += 1
            continue
        if opened and char not in "]}":
            depth += 1
            out.append("\n" + prefix + step * depth)
        if char == '"':
            end = at + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            out.append(text[at : end + 1])
            at = end + 1
            opened = False
            continue
        if char in "{[":
            out.append(char)
            opened = True
            at += 1
            continue
        if char == ",":
            out.append(",\n" + prefix + step * depth)
        elif char == ":":
            out.append(": ")
        elif char in "}]":
            if not opened:
                depth -= 1
                out.append("\n" + prefix + step * depth)
            out.append(char)
        else:
            out.append(char)
        opened = False
        at += 1
    return "".join(out)
