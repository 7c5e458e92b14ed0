"""Bodies in JSON: values, fields that are there twice, and what Go says of a body that is no object.

A fast parser reads almost every body. What it refuses is looked at again: Go takes lone surrogates and bytes
that are no UTF-8 (as U+FFFD), and has its own words for what is wrong.
"""

import json
import re
from typing import Any

import orjson

from sampan.specs.golang.json import kind_of
from sampan.specs.golang.jsonsyntax import syntax_error

SNIPPET = 30  # bytes of a body that are shown
NO_KIND = "couldn't get version/kind; json parse error: "
HEADER = (
    r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
)
REPLACED = "\ufffd"
_LONE = re.compile("[\ud800-\udfff]")  # surrogates; a byte that is no UTF-8 is read as one
MOST_DUPLICATES = 100  # that are told of one body, as upstream's decoder limits them


class DecodeError(Exception):
    """Its text is Go's."""


def parse_json(data: bytes) -> tuple[Any, list[str]]:
    """The value, and `duplicate field "x"` for each field that is there twice; the last one counts.

    Raises DecodeError, also where apiVersion and kind cannot be told. No value at all (null) is {}.
    """
    value, duplicates = read_json(data, NO_KIND)
    check_header(value)
    return ({} if value is None else value), duplicates


def read_json(data: bytes, prefix: str = "") -> tuple[Any, list[str]]:
    """The same of any value. `prefix` is said before what Go says of a text that is no JSON."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _slowly(data, prefix)
    # A colon follows each key. It may also follow an escaped quote within a text, as in managed fields.
    keys = data.count(b'":') - data.count(b'\\":')
    return value, _duplicates(data) if keys != _keys(value) else []


def _slowly(data: bytes, prefix: str) -> Any:
    text = _LONE.sub(REPLACED, data.decode("utf-8", "surrogateescape"))
    wrong = syntax_error(text)
    if wrong:
        raise DecodeError(prefix + wrong)
    try:
        return _clean(json.loads(text, parse_float=_finite, parse_int=_integer))
    except RecursionError:
        raise DecodeError(prefix + "exceeded max depth") from None


def _integer(text: str) -> int | float:
    # Python refuses to read integers of thousands of digits; these are no integers of JSON's anyway.
    return int(text) if len(text) < 30 else _finite(text)


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise DecodeError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return value


def _clean(value: Any) -> Any:
    """Without lone surrogates, and without integers that no JSON is written with."""
    if isinstance(value, str):
        return _LONE.sub(REPLACED, value)
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(one) for key, one in value.items()}
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return _finite(str(value))
    return value


def _keys(value: Any) -> int:
    """How many fields there are in all."""
    count = 0
    todo = [value]
    while todo:
        one = todo.pop()
        if type(one) is dict:
            count += len(one)
            todo += one.values()
        elif type(one) is list:
            todo += one
    return count


class _Twice(dict[str, Any]):
    """An object with the fields that it had more than once."""

    twice: tuple[str, ...] = ()


def _pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
    made = _Twice(found)
    if len(made) != len(found):
        seen: set[str] = set()
        made.twice = tuple(name for name, _ in found if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return made


def _duplicates(data: bytes) -> list[str]:
    try:
        value = json.loads(data.decode("utf-8", "replace"), object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        return []
    found: list[str] = []
    _tell_duplicates(value, "", found)
    return list(dict.fromkeys(found))[:MOST_DUPLICATES]


def _tell_duplicates(value: Any, path: str, found: list[str]) -> None:
    if len(found) > MOST_DUPLICATES:
        return
    if isinstance(value, _Twice):
        found += [f'duplicate field "{path}{name}"' for name in value.twice]
        for name, one in value.items():
            _tell_duplicates(one, f"{path}{name}.", found)
    elif isinstance(value, list):
        for at, one in enumerate(value):
            _tell_duplicates(one, f"{path[:-1]}[{at}].", found)


def check_header(value: Any) -> None:
    """apiVersion and kind are read first, by themselves; raises DecodeError."""
    if value is None:
        return
    if not isinstance(value, dict):
        raise DecodeError(f"{NO_KIND}json: cannot unmarshal {kind_of(value)} into Go value of type {HEADER}")
    for name in ("apiVersion", "kind"):
        one = value.get(name)
        if one is not None and not isinstance(one, str):
            raise DecodeError(
                f"{NO_KIND}json: cannot unmarshal {kind_of(one)} into Go struct field .{name} of type string"
            )
    version = value.get("apiVersion") or ""
    if version.count("/") > 1:
        raise DecodeError(f"unexpected GroupVersion string: {version}")


def unrecognized(kind: str, error: Exception, data: bytes) -> str:
    """What is said of a body that is no object of any kind."""
    return f"the object provided is unrecognized (must be of type {kind}): {error} ({_snippet(data)})"


def _snippet(data: bytes) -> str:
    if not data:
        return "<empty>"
    shown = data[:SNIPPET].decode("utf-8", "replace") if data[:1] == b"{" else data[:SNIPPET].hex()
    return shown if len(data) <= SNIPPET else f"{shown} ..."


def go_kind(value: Any) -> str:
    """How Go's decoder names a value's type."""
    return kind_of(value)
