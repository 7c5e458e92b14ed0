"""Calls of functions: the implementation is chosen when a rule is compiled, or once the values are known."""

from collections.abc import Callable, Mapping
from typing import Any

from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.frame import Frame, Run
from sampan.kube.schema.cel.functions import standard
from sampan.kube.schema.cel.functions.overload import Overload
from sampan.kube.schema.cel.functions.table import functions
from sampan.kube.schema.cel.numbers import ARITHMETIC
from sampan.kube.schema.cel.selection import index
from sampan.kube.schema.cel.syntax import (
    Call,
)
from sampan.kube.schema.cel.types import Type
from sampan.kube.schema.cel.values import (
    LISTS,
    Duration,
    Opaque,
    Optional,
    Timestamp,
    TypeValue,
    Uint,
    equal,
)

# Of these there is one implementation, which looks at what it gets.
_ANY_TYPE: dict[str, Callable[..., Any]] = {
    **ARITHMETIC,
    "_==_": equal,
    "_!=_": lambda one, other: not equal(one, other),
    "@in": lambda value, container: standard.contains(container, value),
    "type": standard.type_of,
    "dyn": standard.same,
}


def call_of(do: Callable[..., Any], runs: list[Run], cost: Any, *, late: bool) -> Run:
    if late:
        return _late_call(do, runs, cost)
    if len(runs) == 1:
        return _unary(do, runs[0], cost)
    if len(runs) == 2:
        return _binary(do, runs[0], runs[1], cost)

    def run(frame: Frame) -> Any:
        args = [one(frame) for one in runs]
        frame.spend(cost if type(cost) is int else cost(args))
        return do(*args)

    return run


def _unary(do: Callable[..., Any], operand: Run, cost: Any) -> Run:
    if type(cost) is int:

        def constant(frame: Frame) -> Any:
            value = operand(frame)
            frame.cost += cost
            return do(value)

        return constant

    def run(frame: Frame) -> Any:
        value = operand(frame)
        frame.spend(cost((value,)))
        return do(value)

    return run


def _binary(do: Callable[..., Any], left: Run, right: Run, cost: Any) -> Run:
    if type(cost) is int:

        def constant(frame: Frame) -> Any:
            one, other = left(frame), right(frame)
            frame.spend(cost)
            return do(one, other)

        return constant

    def run(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        frame.spend(cost((one, other)))
        return do(one, other)

    return run


def _late_call(do: Callable[..., Any], runs: list[Run], cost: Any) -> Run:
    """Of a function whose cost depends on its result."""

    def run(frame: Frame) -> Any:
        value = do(*[one(frame) for one in runs])
        frame.spend(cost((value,)))
        return value

    return run


def implementation(node: Call, types: list[Type]) -> Callable[..., Any]:
    general = _ANY_TYPE.get(node.function)
    if general is not None:
        return general
    overloads = node.overloads
    if len(overloads) == 1 and all(map(_known, types, overloads[0].params)):
        found: Callable[..., Any] = overloads[0].implementation
        return found
    if node.function == "_[_]":
        return index
    member = node.target is not None
    candidates = [
        one
        for one in functions()[node.function]
        if one.member is member and len(one.params) == len(overloads[0].params)
    ]
    return _dispatch(candidates)


def _known(actual: Type, formal: Type) -> bool:
    """Whether nothing but the formal type can turn up there."""
    if formal.kind in ("param", "dyn"):
        return True
    if actual.kind != formal.kind:
        return False
    return all(map(_known, actual.params, formal.params))


def _dispatch(candidates: list[Overload]) -> Callable[..., Any]:
    """Picks by what the arguments are."""

    def do(*args: Any) -> Any:
        for overload in candidates:
            if all(map(_accepts, overload.params, args)):
                return overload.implementation(*args)
        raise CelEvaluationError("no such overload")

    return do


_KINDS: dict[str, type] = {
    "bool": bool,
    "int": int,
    "uint": Uint,
    "double": float,
    "string": str,
    "bytes": bytes,
    "null": type(None),
    "duration": Duration,
    "timestamp": Timestamp,
    "type": TypeValue,
    "optional_type": Optional,
}


def _accepts(formal: Type, value: Any) -> bool:
    kind = formal.kind
    if kind in ("param", "dyn"):
        return True
    if kind == "list":
        return type(value) in LISTS and (not value or _accepts(formal.params[0], value[0]))
    if kind == "map":
        return isinstance(value, Mapping)
    if kind == "opaque":
        return isinstance(value, Opaque) and value.cel_type == formal.name
    return type(value) is _KINDS.get(kind)
