"""Expressions as nested functions of a frame, which count what they cost; cel-go's interpreter/runtimecost.go

A frame holds variables, local ones by number, and the cost so far.
"""

from collections.abc import Callable
from typing import Any

from sampan.kube.schema.cel import loops
from sampan.kube.schema.cel.calls import call_of, implementation
from sampan.kube.schema.cel.costs import call_cost
from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.frame import Frame, Run
from sampan.kube.schema.cel.logic import both, choice, either, negation, or_optional, or_value
from sampan.kube.schema.cel.selection import as_optional, field, optional_field, presence
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
            return presence(operand, node.key)
        return optional_field(operand, node.key) if node.optional else field(operand, node.key)

    def list_literal(self, node: ListLiteral) -> Run:
        items = [self.node(item) for item in node.items]
        optional = node.optional

        def run(frame: Frame) -> Any:
            found = []
            for at, item in enumerate(items):
                value = item(frame)
                if at in optional:
                    if not as_optional(value).has:
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
                    if not as_optional(entry).has:
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
        do = implementation(node, [operand.type for operand in operands])
        cost = call_cost(node.function, node.overloads[0].id)
        return call_of(do, runs, cost, late=node.function == "join")


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


_SPECIAL: dict[str, Callable[..., Run]] = {
    "_&&_": both,
    "_||_": either,
    "!_": negation,
    "_?_:_": choice,
    "or": or_optional,
    "orValue": or_value,
}


_MAKERS: dict[type, Any] = {
    Literal: _Compiler.literal,
    Ident: _Compiler.ident,
    Select: _Compiler.select,
    Call: _Compiler.call,
    ListLiteral: _Compiler.list_literal,
    MapLiteral: _Compiler.map_literal,
    Comprehension: _Compiler.comprehension,
}
