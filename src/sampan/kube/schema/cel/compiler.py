"""Expressions as nested functions of a frame, which count what they cost; cel-go's interpreter/runtimecost.go

A frame holds variables, local ones by number, and the cost so far.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sampan.kube.schema.cel import loops
from sampan.kube.schema.cel.costs import call_cost
from sampan.kube.schema.cel.errors import BudgetExceeded, CelEvaluationError
from sampan.kube.schema.cel.frame import Frame, Run
from sampan.kube.schema.cel.functions import standard
from sampan.kube.schema.cel.functions.overload import Overload
from sampan.kube.schema.cel.functions.table import functions
from sampan.kube.schema.cel.numbers import ARITHMETIC
from sampan.kube.schema.cel.syntax import (
    Call,
    Comprehension,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Node,
    Select,
)
from sampan.kube.schema.cel.types import Type
from sampan.kube.schema.cel.values import (
    LISTS,
    NONE,
    Duration,
    Opaque,
    Optional,
    Timestamp,
    TypeValue,
    Uint,
    equal,
    some,
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
LIST_COST, MAP_COST = 10, 30


def compile_node(root: Node) -> tuple[Run, int]:
    """What evaluates a checked expression, and how many local variables it needs."""
    compiler = _Compiler()
    return compiler.node(root), compiler.slots


class _Compiler:
    def __init__(self) -> None:
        self.slots = 0
        self.scopes: list[dict[str, int]] = []

    def node(self, node: Node) -> Run:
        made: Run = _MAKERS[type(node)](self, node)
        return made

    def literal(self, node: Literal) -> Run:
        value = node.value
        return lambda frame: value

    def ident(self, node: Ident) -> Run:
        if node.local:
            slot = next(scope[node.name] for scope in reversed(self.scopes) if node.name in scope)
            return _local(slot)
        if node.value is not None:
            value = node.value
            return lambda frame: value
        return _variable(node.name)

    def select(self, node: Select) -> Run:
        if node.resolved is not None:
            return self.ident(node.resolved)
        operand = self.node(node.operand)
        if node.test:
            return _test(operand, node.key)
        return _optional_field(operand, node.key) if node.optional else _field(operand, node.key)

    def list_literal(self, node: ListLiteral) -> Run:
        items = [self.node(item) for item in node.items]
        optional = node.optional

        def run(frame: Frame) -> Any:
            found = []
            for at, item in enumerate(items):
                value = item(frame)
                if at in optional:
                    if not _optional(value).has:
                        continue
                    value = value.value
                found.append(value)
            frame.spend(LIST_COST)
            return found

        return run

    def map_literal(self, node: MapLiteral) -> Run:
        entries = [(self.node(key), self.node(value)) for key, value in node.entries]
        optional = node.optional

        def run(frame: Frame) -> Any:
            found: dict[Any, Any] = {}
            for at, (key, value) in enumerate(entries):
                name, entry = key(frame), value(frame)
                if at in optional:
                    if not _optional(entry).has:
                        continue
                    entry = entry.value
                loops.insert(found, name, entry)
            frame.spend(MAP_COST)
            return found

        return run

    def comprehension(self, node: Comprehension) -> Run:
        range_ = self.node(node.range)
        slots = tuple(range(self.slots, self.slots + len(node.variables)))
        self.slots += len(slots)
        self.scopes.append(dict(zip(node.variables, slots, strict=True)))
        condition = self.node(node.condition) if node.condition is not None else None
        step = self.node(node.step)
        self.scopes.pop()
        return loops.make(node.kind, range_, slots, condition, step)

    def call(self, node: Call) -> Run:
        special = _SPECIAL.get(node.function)
        operands = [node.target, *node.args] if node.target is not None else list(node.args)
        runs = [self.node(operand) for operand in operands]
        if special is not None:
            return special(*runs)
        do = _implementation(node, [operand.type for operand in operands])
        cost = call_cost(node.function, node.overloads[0].id)
        return _call(do, runs, cost, late=node.function == "join")


def _local(slot: int) -> Run:
    def run(frame: Frame) -> Any:
        frame.cost += 1
        return frame.slots[slot]

    return run


def _variable(name: str) -> Run:
    def run(frame: Frame) -> Any:
        frame.cost += 1
        try:
            return frame.variables[name]
        except KeyError:
            raise CelEvaluationError(f"no such attribute(s): {name}") from None

    return run


def _field(operand: Run, key: str) -> Run:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        frame.cost += 1
        try:
            return value[key]
        except (KeyError, TypeError):
            return _field_of(value, key)

    return run


def _field_of(value: Any, key: str) -> Any:
    if type(value) is Optional:
        if not value.has:
            return NONE
        return some(value.value[key]) if _has_field(value.value, key) else NONE
    _no_list(value)
    raise CelEvaluationError(f"no such key: {key}")


def _no_list(value: Any) -> None:
    if isinstance(value, list):
        raise CelEvaluationError("unsupported index type 'string' in list")


def _has_field(value: Any, key: str) -> bool:
    if type(value) is dict or isinstance(value, Mapping):
        return key in value
    if type(value) is Optional:
        return value.has and _has_field(value.value, key)
    _no_list(value)
    return False  # as cel-go tests presence in what has no fields at all


def _test(operand: Run, key: str) -> Run:
    return lambda frame: _has_field(operand(frame), key)


def _optional_field(operand: Run, key: str) -> Run:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        frame.cost += 1
        if type(value) is Optional:
            if not value.has:
                return NONE
            value = value.value
        return some(value[key]) if _has_field(value, key) else NONE

    return run


def _optional(value: Any) -> Optional:
    if type(value) is not Optional:
        raise CelEvaluationError("no such overload")
    return value


# Operators that do not look at all their operands


def _truth(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise CelEvaluationError("no such overload")


def _and(left: Run, right: Run) -> Run:
    """False if either is, even if the other one is an error."""

    def run(frame: Frame) -> Any:
        try:
            first = left(frame)
            if first is False:
                return False
            failure = None if first is True else CelEvaluationError("no such overload")
        except BudgetExceeded:
            raise
        except CelEvaluationError as e:
            failure = e
        if failure is None:
            return _truth(right(frame))
        return _other(right, frame, False, failure)

    return run


def _or(left: Run, right: Run) -> Run:
    """True if either is, even if the other one is an error."""

    def run(frame: Frame) -> Any:
        try:
            first = left(frame)
            if first is True:
                return True
            failure = None if first is False else CelEvaluationError("no such overload")
        except BudgetExceeded:
            raise
        except CelEvaluationError as e:
            failure = e
        if failure is None:
            return _truth(right(frame))
        return _other(right, frame, True, failure)

    return run


def _other(right: Run, frame: Frame, decisive: bool, failure: CelEvaluationError) -> Any:
    try:
        if right(frame) is decisive:
            return decisive
    except BudgetExceeded:
        raise
    except CelEvaluationError:
        pass
    raise failure


def _not(operand: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame.cost += 1
        return not _truth(operand(frame))

    return run


def _choice(condition: Run, yes: Run, no: Run) -> Run:
    return lambda frame: yes(frame) if _truth(condition(frame)) else no(frame)


def _or_value(operand: Run, other: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame.cost += 1
        found = _optional(operand(frame))
        return found.value if found.has else other(frame)

    return run


def _or_optional(operand: Run, other: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame.cost += 1
        found = _optional(operand(frame))
        return found if found.has else other(frame)

    return run


_SPECIAL: dict[str, Callable[..., Run]] = {
    "_&&_": _and,
    "_||_": _or,
    "!_": _not,
    "_?_:_": _choice,
    "or": _or_optional,
    "orValue": _or_value,
}


# Functions


def _call(do: Callable[..., Any], runs: list[Run], cost: Any, *, late: bool) -> Run:
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


def _implementation(node: Call, types: list[Type]) -> Callable[..., Any]:
    general = _ANY_TYPE.get(node.function)
    if general is not None:
        return general
    overloads = node.overloads
    if len(overloads) == 1 and all(map(_known, types, overloads[0].params)):
        found: Callable[..., Any] = overloads[0].implementation
        return found
    if node.function == "_[_]":
        return _index
    member = node.target is not None
    candidates = [
        one
        for one in functions()[node.function]
        if one.member is member and len(one.params) == len(overloads[0].params)
    ]
    return _dispatch(candidates)


def _index(container: Any, key: Any) -> Any:
    if type(container) is Optional:
        from sampan.kube.schema.cel.functions.optionals import optional_index

        return optional_index(container, key)
    return standard.index(container, key)


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


_MAKERS: dict[type, Any] = {
    Literal: _Compiler.literal,
    Ident: _Compiler.ident,
    Select: _Compiler.select,
    Call: _Compiler.call,
    ListLiteral: _Compiler.list_literal,
    MapLiteral: _Compiler.map_literal,
    Comprehension: _Compiler.comprehension,
}
