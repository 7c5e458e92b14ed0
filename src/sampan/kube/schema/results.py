"""What checks of a value say: errors in Go's words, and how many of a value's parts were right. Pure."""

from collections.abc import Callable
from typing import Any

from sampan.specs.golang.floats import general
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import fielderror
from sampan.specs.kubernetes.fielderror import FieldError

Schema = dict[str, Any]
MOST = 5000  # errors of one object: nobody reads more


class Uncorrelated:
    """There is no old value that belongs to the new one."""


UNKNOWN = Uncorrelated()


class Result:
    """`matches`: how many checks there were that found nothing."""

    __slots__ = ("errors", "matches")

    def __init__(self, errors: list[FieldError], matches: int = 0) -> None:
        self.errors = errors
        self.matches = matches

    def merge(self, other: "Result") -> None:
        if other.errors and len(self.errors) < MOST:
            self.errors = list(dict.fromkeys([*self.errors, *other.errors]))
        self.matches += other.matches


Check = Callable[[Any, str, Any], Result]


def same(one: Any, other: Any) -> bool:
    """As JSON values: true is not 1."""
    if type(one) is not type(other):
        return False
    if type(one) is dict:
        return len(one) == len(other) and all(
            key in other and same(item, other[key]) for key, item in one.items()
        )
    if type(one) is list:
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def child(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def bare(what: str) -> Result:
    """An error of no field in particular."""
    return Result([FieldError("<nil>", fielderror.INVALID, f'Invalid value: "": {what}')])


def invalid(path: str, value: Any, what: str) -> Result:
    return Result(
        [
            FieldError(
                path or "<nil>", fielderror.INVALID, f"Invalid value: {show(value)}: {path} in body {what}"
            )
        ]
    )


def show(value: Any) -> str:
    return general(value) if type(value) is float else fielderror.show(value)


def wrong_type(path: str, wanted: str, found: str) -> Result:
    what = f"{path} in body must be of type {wanted}: {quote(found)}"
    return Result(
        [FieldError(path or "<nil>", fielderror.TYPE_INVALID, f"Invalid value: {quote(found)}: {what}")]
    )


def add(result: Result, found: Result) -> None:
    """Of a part of the value: its errors name another place, so that there is nothing twice."""
    if found.errors and len(result.errors) < MOST:
        result.errors += found.errors
    result.matches += found.matches
