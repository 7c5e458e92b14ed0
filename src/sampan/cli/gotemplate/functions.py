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


def fits(value: Any, wanted: str) -> bool:
    """Whether a value can be an argument of this Go type."""
    if wanted == "string":
        return isinstance(value, str)
    if wanted == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, (list, tuple))


def _title(text: str) -> str:
    """Go's strings.Title: a letter after anything but a letter, digit or underscore."""
    out, start = "", True
    for char in text:
        out += char.upper() if start else char
        start = not (char.isalnum() or char == "_") if char.isascii() else char.isspace()
    return out


def _pad(text: str, before: int, after: int) -> str:
    return " " * before + text + " " * after if text else ""


_Function = tuple["Callable[..., Any]", int, "int | None", tuple[str, ...]]

# name -> (function, least arguments, most arguments or None, Go types of the first ones)
FUNCTIONS: dict[str, _Function] = {
    "eq": (_eq, 1, None, ()),
    "ge": (lambda a, b: not _lt(a, b), 2, 2, ()),
    "gt": (lambda a, b: not (_lt(a, b) or _eq(a, b)), 2, 2, ()),
    "html": (_html, 0, None, ()),
    "index": (_index, 1, None, ()),
    "join": (lambda values, mark: mark.join(show(value) for value in values), 2, 2, ("[]string", "string")),
    "js": (_js, 0, None, ()),
    "json": (to_json, 1, 1, ()),
    "le": (lambda a, b: _lt(a, b) or _eq(a, b), 2, 2, ()),
    "len": (_len, 1, 1, ()),
    "lower": (lambda text: text.lower(), 1, 1, ("string",)),
    "lt": (_lt, 2, 2, ()),
    "ne": (lambda a, b: not _eq(a, b), 2, 2, ()),
    "not": (lambda value: not truth(value), 1, 1, ()),
    "pad": (_pad, 3, 3, ("string", "int", "int")),
    "print": (lambda *values: sprint(values), 0, None, ()),
    "printf": (lambda form, *values: sprintf(form, values), 1, None, ("string",)),
    "println": (lambda *values: sprintln(values), 0, None, ()),
    "slice": (_slice, 1, None, ()),
    "split": (lambda text, mark: text.split(mark) if mark else list(text), 2, 2, ("string", "string")),
    "title": (_title, 1, 1, ("string",)),
    "truncate": (lambda text, length: text[:length], 2, 2, ("string", "int")),
    "upper": (lambda text: text.upper(), 1, 1, ("string",)),
    "urlquery": (_urlquery, 0, None, ()),
}

# In a table's header line the values are the headers, which these leave as they are.
HEADER_FUNCTIONS: dict[str, _Function] = {
    **FUNCTIONS,
    "join": (lambda value, _mark: value, 2, 2, ()),
    "json": (lambda value: value, 1, 1, ()),
    "lower": (lambda value: value, 1, 1, ()),
    "split": (lambda value, _mark: value, 2, 2, ()),
    "title": (lambda value: value, 1, 1, ()),
    "upper": (lambda value: value, 1, 1, ()),
    "truncate": (lambda value, _length: value, 2, 2, ()),
}
NAMES = frozenset({*FUNCTIONS, "and", "or", "call"})
