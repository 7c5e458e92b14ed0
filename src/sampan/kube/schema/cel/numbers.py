"""Arithmetic within 64 bits, and comparison of whatever can be compared."""

import math
from collections.abc import Callable
from typing import Any

from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.values import (
    INT_MAX,
    INT_MIN,
    LISTS,
    NUMBERS,
    UINT_MAX,
    Duration,
    MapList,
    SetList,
    Timestamp,
    Uint,
    map_key,
    set_key,
)


def no_overload() -> CelEvaluationError:
    return CelEvaluationError("no such overload")


def _whole(value: int) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise CelEvaluationError("integer overflow")
    return value


def _unsigned(value: int) -> Uint:
    if not 0 <= value <= UINT_MAX:
        raise CelEvaluationError("unsigned integer overflow")
    return Uint(value)


def add(one: Any, other: Any) -> Any:
    kind = type(one)
    if kind is type(other):
        if kind is int:
            return _whole(one + other)
        if kind is str or kind is float or kind is bytes:
            return one + other
        if kind is Uint:
            return _unsigned(int(one) + int(other))
        if kind is Duration:
            return Duration(one.ns + other.ns)
    if kind in LISTS and type(other) in LISTS:
        return _joined(one, other)
    if kind is Timestamp and type(other) is Duration:
        return Timestamp(one.ns + other.ns)
    if kind is Duration and type(other) is Timestamp:
        return Timestamp(one.ns + other.ns)
    raise no_overload()


def _joined(one: Any, other: Any) -> Any:
    """Lists that are sets or maps stay so: what is there already is replaced, or not added again."""
    if type(one) is MapList:
        merged = {map_key(item, one.keys): item for item in one}
        merged.update((map_key(item, one.keys), item) for item in other)
        return MapList(list(merged.values()), one.keys)
    if type(one) is SetList:
        found = {set_key(item): item for item in one}
        for item in other:
            found.setdefault(set_key(item), item)
        return SetList(found.values())
    return [*one, *other]


def subtract(one: Any, other: Any) -> Any:
    kind = type(one)
    if kind is type(other):
        if kind is int:
            return _whole(one - other)
        if kind is float:
            return one - other
        if kind is Uint:
            return _unsigned(int(one) - int(other))
        if kind is Duration or kind is Timestamp:
            return Duration(one.ns - other.ns)
    if kind is Timestamp and type(other) is Duration:
        return Timestamp(one.ns - other.ns)
    raise no_overload()


def multiply(one: Any, other: Any) -> Any:
    kind = type(one)
    if kind is type(other):
        if kind is int:
            return _whole(one * other)
        if kind is float:
            return one * other
        if kind is Uint:
            return _unsigned(int(one) * int(other))
    raise no_overload()


def divide(one: Any, other: Any) -> Any:
    kind = type(one)
    if kind is not type(other) or kind not in NUMBERS:
        raise no_overload()
    if kind is float:
        return _float_divide(one, other)
    if other == 0:
        raise CelEvaluationError("division by zero")
    if kind is Uint:
        return Uint(int(one) // int(other))
    quotient = abs(one) // abs(other)
    return _whole(quotient if (one < 0) == (other < 0) else -quotient)


def _float_divide(one: float, other: float) -> float:
    if other != 0:
        return one / other
    if one == 0 or math.isnan(one):
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1.0, other)


def modulo(one: Any, other: Any) -> Any:
    kind = type(one)
    if kind is not type(other) or kind not in (int, Uint):
        raise no_overload()
    if other == 0:
        raise CelEvaluationError("modulus by zero")
    if kind is Uint:
        return Uint(int(one) % int(other))
    if one == INT_MIN and other == -1:
        raise CelEvaluationError("integer overflow")
    rest = abs(one) % abs(other)
    return rest if one >= 0 else -rest


def negate(one: Any) -> Any:
    kind = type(one)
    if kind is int:
        return _whole(-one)
    if kind is float:
        return -one
    if kind is Duration:
        return Duration(-one.ns)
    raise no_overload()


def _ordered(one: Any, other: Any) -> tuple[Any, Any]:
    """The two in a form that Python orders as CEL does."""
    kind, against = type(one), type(other)
    if kind is against and (kind in NUMBERS or kind is str or kind is bytes or kind is bool):
        return one, other
    if kind is against and (kind is Timestamp or kind is Duration):
        return one.ns, other.ns
    if kind in NUMBERS and against in NUMBERS:
        return one, other
    raise no_overload()


def less(one: Any, other: Any) -> bool:
    a, b = _ordered(one, other)
    return bool(a < b)


def less_equal(one: Any, other: Any) -> bool:
    a, b = _ordered(one, other)
    return bool(a <= b)


def greater(one: Any, other: Any) -> bool:
    a, b = _ordered(one, other)
    return bool(a > b)


def greater_equal(one: Any, other: Any) -> bool:
    a, b = _ordered(one, other)
    return bool(a >= b)


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "_+_": add,
    "_-_": subtract,
    "_*_": multiply,
    "_/_": divide,
    "_%_": modulo,
    "_<_": less,
    "_<=_": less_equal,
    "_>_": greater,
    "_>=_": greater_equal,
}
