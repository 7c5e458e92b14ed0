"""CEL's functions of strings, and the extended ones up to version 2, which Kubernetes has; cel-go's
ext/strings.go

Positions count characters.
"""

from typing import Any

from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.formatting import format_string
from sampan.kube.schema.cel.functions.overload import Row

_WHITE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029"
    "\u202f\u205f\u3000"
)
_LOWER = {code: code + 32 for code in range(65, 91)}
_UPPER = {code: code - 32 for code in range(97, 123)}
_QUOTED = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def _range(index: int) -> CelEvaluationError:
    return CelEvaluationError(f"index out of range: {index}")


def char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise _range(index)
    return text[index : index + 1]


def index_of(text: str, part: str, start: int = 0) -> int:
    if part == "" and start == 0:
        return 0
    if not 0 <= start < max(len(text), 1):
        raise _range(start)
    return text.find(part, start)


def last_index_of(text: str, part: str, start: int | None = None) -> int:
    if start is None:
        return text.rfind(part)
    if part == "":
        return start
    if not 0 <= start < max(len(text), 1):
        raise _range(start)
    return text.rfind(part, 0, start + len(part))


def substring(text: str, start: int, end: int | None = None) -> str:
    if end is None:
        if not 0 <= start <= len(text):
            raise _range(start)
        return text[start:]
    if start > end:
        raise CelEvaluationError(f"invalid substring range. start: {start}, end: {end}")
    if not 0 <= start <= len(text):
        raise _range(start)
    if not 0 <= end <= len(text):
        raise _range(end)
    return text[start:end]


def replace(text: str, old: str, new: str, count: int = -1) -> str:
    return text.replace(old, new, -1 if count < 0 else count)


def split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if count == 1:
        return [text]
    if not separator:
        return list(text) if count < 0 or count >= len(text) else [*text[: count - 1], text[count - 1 :]]
    return text.split(separator, -1 if count < 0 else count - 1)


def join(items: list[Any], separator: str = "") -> str:
    if not all(type(item) is str for item in items):
        raise CelEvaluationError("no such overload")
    return separator.join(items)


def quote(text: str) -> str:
    return '"' + "".join(_QUOTED.get(char, char) for char in text) + '"'


def overloads() -> list[Row]:
    return [
        ("contains", "contains_string", "string . string -> bool", lambda text, part: part in text),
        (
            "startsWith",
            "starts_with_string",
            "string . string -> bool",
            lambda text, part: text.startswith(part),
        ),
        ("endsWith", "ends_with_string", "string . string -> bool", lambda text, part: text.endswith(part)),
        ("charAt", "string_char_at_int", "string . int -> string", char_at),
        ("indexOf", "string_index_of_string", "string . string -> int", index_of),
        ("indexOf", "string_index_of_string_int", "string . string, int -> int", index_of),
        ("lastIndexOf", "string_last_index_of_string", "string . string -> int", last_index_of),
        ("lastIndexOf", "string_last_index_of_string_int", "string . string, int -> int", last_index_of),
        ("lowerAscii", "string_lower_ascii", "string . -> string", lambda text: text.translate(_LOWER)),
        ("upperAscii", "string_upper_ascii", "string . -> string", lambda text: text.translate(_UPPER)),
        ("replace", "string_replace_string_string", "string . string, string -> string", replace),
        ("replace", "string_replace_string_string_int", "string . string, string, int -> string", replace),
        ("split", "string_split_string", "string . string -> list(string)", split),
        ("split", "string_split_string_int", "string . string, int -> list(string)", split),
        ("substring", "string_substring_int", "string . int -> string", substring),
        ("substring", "string_substring_int_int", "string . int, int -> string", substring),
        ("trim", "string_trim", "string . -> string", lambda text: text.strip(_WHITE)),
        ("join", "list_join", "list(string) . -> string", join),
        ("join", "list_join_string", "list(string) . string -> string", join),
        ("format", "string_format", "string . list(dyn) -> string", format_string),
        ("strings.quote", "strings_quote", "string -> string", quote),
    ]
