"""Reading sections of the configuration file into frozen dataclasses, strictly.

A part declares its section as a frozen dataclass with `option()` fields: `delete_untagged` is the key
`delete-untagged`. Unknown keys and wrong types are errors that name the place.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Any, TypeVar

from sampan.errors import Invalid

T = TypeVar("T")
_DURATION = re.compile(r"([0-9]+)(ms|s|m|h|d|w)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = re.compile(r"([0-9]+) ?([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def duration(value: Any) -> float:
    """Seconds: a number, or `72h`, `1h30m`, `7d`. Raises Invalid."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and value and not _DURATION.sub("", value):
        return sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(value))
    raise Invalid(f'{value!r} is not a duration: write, for example, "72h" or "7d"')


def size(value: Any) -> int:
    """Bytes: a number, or `10GiB` (1024), `10GB` (1000). Raises Invalid."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise Invalid(f'{value!r} is not a size: write, for example, "10GiB"')
    base = 1024 if match[3] else 1000
    return int(match[1]) * int(base ** _POWERS[match[2].lower()])


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{value!r} is not a string")
    return value


def switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{value!r} is neither true nor false")
    return value


def number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Invalid(f"{value!r} is not a whole number")
    return value


def texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise Invalid(f"{value!r} is not a list of strings")
    return tuple(text(item) for item in value)


def sections(kind: type[T]) -> Callable[[Any], tuple[T, ...]]:
    """A parser of repeated tables: `[[retention]]`."""

    def parse(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Invalid("is not a list of tables")
        return tuple(read(kind, item) for item in value)

    return parse


def option(default: Any, parse: Callable[[Any], Any], help: str) -> Any:
    """A field of a section: its default, how its value is read, what it means."""
    return dataclasses.field(default=default, metadata={"parse": parse, "help": help})


def table(kind: type[Any], help: str) -> Any:
    """A field that is a section of its own, `[gc]`, with that section's defaults."""
    return option(kind(), lambda value: read(kind, value), help)


def required(parse: Callable[[Any], Any], help: str) -> Any:
    return dataclasses.field(metadata={"parse": parse, "help": help})


def read(kind: type[T], values: Any) -> T:
    """Raises Invalid, naming the key."""
    if not isinstance(values, dict):
        raise Invalid("is not a table")
    assert dataclasses.is_dataclass(kind)
    fields = {item.name.replace("_", "-"): item for item in dataclasses.fields(kind)}
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key not in fields:
            raise Invalid(f"{key}: no such setting; known are {', '.join(sorted(fields))}")
        try:
            found[fields[key].name] = fields[key].metadata["parse"](value)
        except Invalid as error:
            raise Invalid(f"{key}: {error.message}") from None
    for key, item in fields.items():
        if item.default is dataclasses.MISSING and item.name not in found:
            raise Invalid(f"{key}: missing")
    return kind(**found)
