"""What calls cost when they are made; cel-go's interpreter/runtimecost.go, k8s.io/apiserver
pkg/cel/library/cost.go

More than upstream for huge lists and deep values: what is one step for Go, which shares memory, is a copy
here.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sampan.kube.schema.cel.values import LISTS, size_of

Cost = int | Callable[[Sequence[Any]], int]
TRAVERSAL = 0.1  # of a character
REGEX = 0.25  # of a character of a pattern
AUTHORIZATION = 350_000
_FREE = 1000  # items and characters that are not worth counting
_SLOWER = 20


def _ceil(value: float) -> int:
    return math.ceil(value)


def _first(args: Sequence[Any]) -> int:
    return _ceil(size_of(args[0]) * TRAVERSAL)


def _second(args: Sequence[Any]) -> int:
    return _ceil(size_of(args[1]) * TRAVERSAL)


def _twice(args: Sequence[Any]) -> int:
    return _ceil(size_of(args[0]) * 2 * TRAVERSAL)


def _equality(args: Sequence[Any]) -> int:
    one, other = args
    least = _ceil(min(size_of(one), size_of(other)) * TRAVERSAL)
    if type(one) is str or type(one) is int:
        return least
    return least + min(weight(one), weight(other)) // _SLOWER


def _comparison(args: Sequence[Any]) -> int:
    return _ceil(min(size_of(args[0]), size_of(args[1])) * TRAVERSAL)


def _membership(args: Sequence[Any]) -> int:
    return size_of(args[1]) + weight(args[1]) // _SLOWER if type(args[1]) in LISTS else 1


def _addition(args: Sequence[Any]) -> int:
    one, other = args
    if type(one) is str or type(one) is bytes:
        return _ceil((len(one) + size_of(other)) * TRAVERSAL)
    if type(one) in LISTS:
        return 1 + max(0, len(one) + size_of(other) - _FREE) // _SLOWER
    return 1


def _regex(args: Sequence[Any]) -> int:
    return _ceil((1 + size_of(args[0])) * TRAVERSAL) * _ceil(size_of(args[1]) * REGEX)


def _contains(args: Sequence[Any]) -> int:
    return _first(args) * _second(args)


def _traversal(args: Sequence[Any]) -> int:
    return traversal(args[0])


def traversal(value: Any) -> int:
    """Of a value as a tree."""
    kind = type(value)
    if kind is str or kind is bytes:
        return int(len(value) * TRAVERSAL)
    if kind in LISTS:
        return sum(map(traversal, value))
    if isinstance(value, Mapping):
        return sum(traversal(key) + traversal(item) for key, item in value.items())
    return 1


def _sets(factor: int) -> Callable[[Sequence[Any]], int]:
    return lambda args: size_of(args[0]) * size_of(args[1]) * factor + 1 + weight(args[0]) // _SLOWER


def _contains_address(text: str, mask: bool) -> Callable[[Sequence[Any]], int]:
    def cost(args: Sequence[Any]) -> int:
        size = size_of(args[0])
        found = _ceil(2 * size * TRAVERSAL) + (_ceil(size * TRAVERSAL) + 1 if mask else 0)
        return found + (_second(args) if text else 0)

    return cost


def selector(length: int) -> int:
    """Of reading a selector: ten for the list, and sixty... for each requirement, two characters long at
    least.
    """
    return 10 + _ceil(length * TRAVERSAL) + _ceil(_ceil(length * 0.5) * 50.0)


def _selector(args: Sequence[Any]) -> int:
    return selector(size_of(args[1]))


def _format(args: Sequence[Any]) -> int:
    pattern = getattr(args[0], "pattern", 0)
    return _ceil((1 + size_of(args[1])) * TRAVERSAL) * _ceil(pattern * REGEX)


def _format_string(args: Sequence[Any]) -> int:
    return _first(args) + weight(args[1]) // _SLOWER


def weight(value: Any) -> int:
    """How many values and characters there are in it, beyond what is not worth counting."""
    kind = type(value)
    if kind not in LISTS and kind is not dict:
        return max(0, len(value) // 10 - _FREE) if kind is str or kind is bytes else 0
    count = 0
    pending = [value]
    while pending:
        one = pending.pop()
        kind = type(one)
        if kind in LISTS:
            count += len(one)
            pending += one
        elif kind is dict:
            count += len(one)
            pending += one.values()
        elif kind is str:
            count += len(one) // 100
    return max(0, count - _FREE)


_COSTS: dict[str, Cost] = {
    "startsWith": _second,
    "endsWith": _second,
    "contains": _contains,
    "matches": _regex,
    "find": _regex,
    "findAll": _regex,
    "@in": _membership,
    "_==_": _equality,
    "_!=_": _equality,
    "_+_": _addition,
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _comparison),
    "check": AUTHORIZATION,
    "fieldSelector": _selector,
    "labelSelector": _selector,
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _traversal),
    **dict.fromkeys(
        ("url", "lowerAscii", "upperAscii", "substring", "trim", "isURL", "strings.quote"), _first
    ),
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "ip", "quantity", "isQuantity", "semver", "isSemver"), _first),
    **dict.fromkeys(("replace", "split", "join", "ip.isCanonical"), _twice),
    "validate": _format,
    "format": _format_string,
    "sets.contains": _sets(1),
    "sets.intersects": _sets(1),
    "sets.equivalent": _sets(2),
}
_OVERLOADS: dict[str, Cost] = {
    "cidr_ip": 1,
    "bytes_to_string": _first,
    "string_to_bytes": _first,
    "cidr_contains_ip_string": _contains_address("text", False),
    "cidr_contains_ip_ip": _contains_address("", False),
    "cidr_contains_cidr_string": _contains_address("text", True),
    "cidr_contains_cidr": _contains_address("", True),
}


def call_cost(function: str, overload: str) -> Cost:
    """A number, or a function of the arguments (of `join`: of its result)."""
    return _OVERLOADS.get(overload) or _COSTS.get(function) or 1
