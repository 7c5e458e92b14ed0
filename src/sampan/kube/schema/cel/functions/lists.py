"""Kubernetes' functions of lists, and CEL's of sets; k8s.io/apiserver pkg/cel/library/lists.go, cel-go's
ext/sets.go
"""

from itertools import pairwise
from typing import Any

from sampan.kube.schema.cel import numbers
from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.overload import Row
from sampan.kube.schema.cel.values import Duration, Uint, equal, set_key

_COMPARABLE = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")


def is_sorted(items: list[Any]) -> bool:
    return all(numbers.less_equal(one, other) for one, other in pairwise(items))


def _sum(start: Any) -> Any:
    def total(items: list[Any]) -> Any:
        result = start
        for item in items:
            result = numbers.add(result, item)
        return result

    return total


def _extreme(name: str, better: Any) -> Any:
    def pick(items: list[Any]) -> Any:
        if not items:
            raise CelEvaluationError(f"{name} called on empty list")
        best = items[0]
        for item in items[1:]:
            if better(item, best):
                best = item
        return best

    return pick


def index_of(items: list[Any], value: Any) -> int:
    return next((at for at, item in enumerate(items) if equal(item, value)), -1)


def last_index_of(items: list[Any], value: Any) -> int:
    return next((at for at in range(len(items) - 1, -1, -1) if equal(items[at], value)), -1)


def _keys(items: list[Any]) -> set[Any]:
    return {set_key(item) for item in items}


def contains(items: list[Any], wanted: list[Any]) -> bool:
    return _keys(wanted) <= _keys(items)


def equivalent(one: list[Any], other: list[Any]) -> bool:
    return _keys(one) == _keys(other)


def intersects(one: list[Any], other: list[Any]) -> bool:
    return not _keys(one).isdisjoint(_keys(other))


def overloads() -> list[Row]:
    rows: list[Row] = []
    zeros = {"int": 0, "uint": Uint(0), "double": 0.0, "duration": Duration(0)}
    for kind in _COMPARABLE:
        rows.append(("isSorted", f"list_{kind}_is_sorted_bool", f"list({kind}) . -> bool", is_sorted))
        if kind in zeros:
            rows.append(("sum", f"list_{kind}_sum_{kind}", f"list({kind}) . -> {kind}", _sum(zeros[kind])))
        for name, better in (("max", numbers.greater), ("min", numbers.less)):
            do = _extreme(name, better)
            rows.append((name, f"list_{kind}_{name}_{kind}", f"list({kind}) . -> {kind}", do))
    return [
        *rows,
        ("indexOf", "list_a_index_of_int", "list(A) . A -> int", index_of),
        ("lastIndexOf", "list_a_last_index_of_int", "list(A) . A -> int", last_index_of),
        ("sets.contains", "list_sets_contains_list", "list(A), list(A) -> bool", contains),
        ("sets.equivalent", "list_sets_equivalent_list", "list(A), list(A) -> bool", equivalent),
        ("sets.intersects", "list_sets_intersects_list", "list(A), list(A) -> bool", intersects),
    ]
