"""The functions a template can call: Go's own and those Docker adds.

`and`, `or` are not here: they do not evaluate what they need not (execute.py).
"""

from __future__ import annotations

from sampan.cli.gotemplate.printf import sprint, sprintf, sprintln
from sampan.cli.gotemplate.values import NO_VALUE, NoValue, Struct, Texts, show, to_json, truth, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class CallError(Exception):
    """A function that cannot do what it was asked; the text follows "error calling NAME: "."""


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if value is None or isinstance(value, NoValue):
            raise CallError("index of untyped nil")
        if isinstance(value, Struct):
            raise CallError(f"can't index item of type {type_name(value)}")
        if isinstance(value, dict):
            if not isinstance(key, str):
                raise CallError(f"value has type {type_name(key)}; should be string")
            value = value.get(key, "" if isinstance(value, Texts) else NO_VALUE)
        elif isinstance(value, (list, str)):
            value = _item(value, key)
        else:
            raise CallError(f"can't index item of type {type_name(value)}")
    return value


def _item(value: Any, key: Any) -> Any:
    if key is None or isinstance(key, NoValue):
        raise CallError("cannot index slice/array with nil")
    if isinstance(key, bool) or not isinstance(key, int):
        raise CallError(f"cannot index slice/array with type {type_name(key)}")
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if not 0 <= key < len(value):
        raise CallError(f"index out of range: {key}")
    return value[key]


def _slice(value: Any, *bounds: Any) -> Any:
    if not isinstance(value, (str, list)):
        raise CallError(f"can't slice item of type {type_name(value)}")
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    if len(bounds) > (2 if isinstance(value, str) else 3):
        raise CallError(
            "cannot 3-index slice a string" if len(bounds) == 3 else f"too many slice indexes: {len(bounds)}"
        )
    for bound in bounds:
        if isinstance(bound, bool) or not isinstance(bound, int):
            raise CallError(f"cannot index slice/array with type {type_name(bound)}")
        if not 0 <= bound <= len(raw):
            raise CallError(f"index out of range: {bound}")
    low = bounds[0] if bounds else 0
    high = bounds[1] if len(bounds) > 1 else len(raw)
    if low > high:
        raise CallError(f"invalid slice index: {low} > {high}")
    part = raw[low:high]
    return part.decode("utf-8", "surrogateescape") if isinstance(part, bytes) else part


def _len(value: Any) -> int:
    if value is None or isinstance(value, NoValue):
        raise CallError("len of nil pointer")
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, (dict, list)) and not isinstance(value, Struct):
        return len(value)
    raise CallError(f"len of type {type_name(value)}")


def _kind(value: Any) -> str:
    if value is None or isinstance(value, NoValue):
        return "nil"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    return "string" if isinstance(value, str) else "other"


def _eq(first: Any, *others: Any) -> bool:
    if not others:
        raise CallError("missing argument for comparison")
    left = _kind(first)
    if left == "other":
        raise CallError(f"non-comparable type {show(first)}: {type_name(first)}")
    for other in others:
        right = _kind(other)
        if left == right:
            if left == "nil" or first == other:
                return True
        elif left != "nil" and right != "nil":
            raise CallError("incompatible types for comparison")
    return False


def _lt(first: Any, second: Any) -> bool:
    left, right = _kind(first), _kind(second)
    if left in ("bool", "other", "nil"):
        raise CallError("invalid type for comparison")
    if left != right:
        raise CallError("incompatible types for comparison")
    return bool(first < second)


def _joined_text(values: tuple[Any, ...]) -> str:
    return values[0] if len(values) == 1 and isinstance(values[0], str) else sprint(values)


def _html(*values: Any) -> str:
    text = _joined_text(values)
    for char, escaped in (
        ("&", "&amp;"),
        ("'", "&#39;"),
        ('"', "&#34;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("\0", "\ufffd"),
    ):
        text = text.replace(char, escaped)
    return text


_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}


def _js(*values: Any) -> str:
    text = _joined_text(values)
    return "".join(_JS.get(char) or (char if char.isprintable() else f"\\u{ord(char):04X}") for char in text)


def _urlquery(*values: Any) -> str:
    from sampan.cli.http import escape

    return escape(_joined_text(values)).replace("%20", "+")


def _needs_text(value: Any, function: str = "") -> str:
    if not isinstance(value, str):
        raise CallError(f"wrong type for value; expected string; got {type_name(value)}")
    return value


def _join(values: Any, separator: Any) -> str:
    if not isinstance(values, (list, tuple)):
        raise CallError(f"wrong type for value; expected []string; got {type_name(values)}")
    return _needs_text(separator).join(show(value) for value in values)


def _title(text: Any) -> str:
    out, start = "", True
    for char in _needs_text(text):
        out += char.upper() if start else char
        start = char.isspace() or not (char.isalnum() or char in "_'")
    return out


def _pad(text: Any, before: Any, after: Any) -> str:
    return " " * before + _needs_text(text) + " " * after if text else ""


def _truncate(text: Any, length: Any) -> str:
    return _needs_text(text)[:length]


# name -> (function, least arguments, most arguments or None)
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int | None]] = {
    "eq": (_eq, 1, None),
    "ge": (lambda a, b: not _lt(a, b), 2, 2),
    "gt": (lambda a, b: not (_lt(a, b) or _eq(a, b)), 2, 2),
    "html": (_html, 0, None),
    "index": (_index, 1, None),
    "join": (_join, 2, 2),
    "js": (_js, 0, None),
    "json": (to_json, 1, 1),
    "le": (lambda a, b: _lt(a, b) or _eq(a, b), 2, 2),
    "len": (_len, 1, 1),
    "lower": (lambda text: _needs_text(text).lower(), 1, 1),
    "lt": (_lt, 2, 2),
    "ne": (lambda a, b: not _eq(a, b), 2, 2),
    "not": (lambda value: not truth(value), 1, 1),
    "pad": (_pad, 3, 3),
    "print": (lambda *values: sprint(values), 0, None),
    "printf": (lambda form, *values: sprintf(_needs_text(form), values), 1, None),
    "println": (lambda *values: sprintln(values), 0, None),
    "slice": (_slice, 1, None),
    "split": (lambda text, mark: _needs_text(text).split(_needs_text(mark)), 2, 2),
    "title": (_title, 1, 1),
    "truncate": (_truncate, 2, 2),
    "upper": (lambda text: _needs_text(text).upper(), 1, 1),
    "urlquery": (_urlquery, 0, None),
}

# In a table's header line the values are the headers, which these leave as they are.
HEADER_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int | None]] = {
    **FUNCTIONS,
    "join": (lambda value, _mark: value, 2, 2),
    "json": (lambda value: value, 1, 1),
    "lower": (lambda value: value, 1, 1),
    "split": (lambda value, _mark: value, 2, 2),
    "title": (lambda value: value, 1, 1),
    "upper": (lambda value: value, 1, 1),
    "truncate": (lambda value, _length: value, 2, 2),
    "pad": (_pad, 3, 3),
}
NAMES = frozenset({*FUNCTIONS, "and", "or", "call"})
