"""What an expression consists of. The checker fills in `type`, and what it found out on the way."""

from typing import Any

from sampan.kube.schema.cel.types import ERROR, Type


class Node:
    """`position` is an offset into the source."""

    __slots__ = ("position", "type")

    def __init__(self, position: int) -> None:
        self.position = position
        self.type: Type = ERROR


class Literal(Node):
    __slots__ = ("value",)

    def __init__(self, position: int, value: Any) -> None:
        super().__init__(position)
        self.value = value


class Ident(Node):
    """`local`: it is bound by a comprehension around it. `value`: it names a type."""

    __slots__ = ("local", "name", "value")

    def __init__(self, position: int, name: str) -> None:
        super().__init__(position)
        self.name = name
        self.local = False
        self.value: Any = None


class Select(Node):
    """`operand.field`; `test`: has(operand.field); `optional`: operand.?field. `key`: the field's name in the
    object, which may be spelt differently (`__namespace__`).
    """

    __slots__ = ("field", "key", "operand", "optional", "resolved", "test")

    def __init__(
        self, position: int, operand: Node, field: str, *, test: bool = False, optional: bool = False
    ) -> None:
        super().__init__(position)
        self.operand = operand
        self.field = field
        self.key = field
        self.test = test
        self.optional = optional
        self.resolved: Ident | None = None  # it is a qualified name after all


class Call(Node):
    """`target.function(args)` or `function(args)`; operators are functions: `_+_`."""

    __slots__ = ("args", "function", "overloads", "target")

    def __init__(self, position: int, function: str, args: list[Node], target: Node | None = None) -> None:
        super().__init__(position)
        self.function = function
        self.args = args
        self.target = target
        self.overloads: tuple[Any, ...] = ()


class ListLiteral(Node):
    """`optional` are the indexes of `[?x]`."""

    __slots__ = ("items", "optional")

    def __init__(self, position: int, items: list[Node], optional: frozenset[int]) -> None:
        super().__init__(position)
        self.items = items
        self.optional = optional


class MapLiteral(Node):
    __slots__ = ("entries", "optional")

    def __init__(self, position: int, entries: list[tuple[Node, Node]], optional: frozenset[int]) -> None:
        super().__init__(position)
        self.entries = entries
        self.optional = optional


class Struct(Node):
    """`Name{field: value}`; Kubernetes has none of these types but in policies that mutate."""

    __slots__ = ("fields", "name")

    def __init__(self, position: int, name: str, fields: list[tuple[str, Node, int]]) -> None:
        super().__init__(position)
        self.name = name
        self.fields = fields


class Comprehension(Node):
    """One of the macros that loop, or `bind`.

    `kind`: all, exists, exists_one, map, filter, transformList, transformMap, transformMapEntry, and of one
    variable bound to `range`: bind, optMap, optFlatMap.
    """

    __slots__ = ("condition", "kind", "range", "step", "variables")

    def __init__(
        self,
        position: int,
        kind: str,
        range_: Node,
        variables: tuple[str, ...],
        step: Node,
        condition: Node | None = None,
    ) -> None:
        super().__init__(position)
        self.kind = kind
        self.range = range_
        self.variables = variables
        self.condition = condition
        self.step = step


def children(node: Node) -> list[Node | None]:
    """What a node is made of, in order."""
    if isinstance(node, Select):
        return [node.operand]
    if isinstance(node, Call):
        return [node.target, *node.args]
    if isinstance(node, ListLiteral):
        return list(node.items)
    if isinstance(node, MapLiteral):
        return [part for entry in node.entries for part in entry]
    if isinstance(node, Struct):
        return [value for _, value, _ in node.fields]
    if isinstance(node, Comprehension):
        return [node.range, node.condition, node.step]
    return []
