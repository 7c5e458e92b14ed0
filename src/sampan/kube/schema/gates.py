"""Fields behind feature gates that are off: taken out of objects before they are stored.

Decoding keeps them, since upstream drops them only in a kind's strategy, after it was noted who owns which
fields: whoever sends one comes to own it all the same. Where they are is compiled once for each kind.
"""

from collections.abc import Callable
from typing import Any

from sampan.kube.schema.node import Node

_Drop = Callable[[Any], None]
_compiled: dict[int, tuple[Node, _Drop | None]] = {}


def drop(node: Node, value: dict[str, Any]) -> None:
    """Changes `value`, an object of the node's kind."""
    dropping = _dropping(node)
    if dropping is not None:
        dropping(value)


def _dropping(node: Node) -> _Drop | None:
    """None if there is nothing of the kind in there."""
    known = _compiled.get(id(node))
    if known is None:
        known = _compiled[id(node)] = (node, _compile(node, ()))
    return known[1]


def _compile(node: Node, around: tuple[int, ...]) -> _Drop | None:
    if node.items is not None:
        inside = _compile(node.items, around)
        return None if inside is None else _each(inside)
    key = id(node.fields)
    if not node.fields or key in around:  # a definition that contains itself has no such fields
        return None
    off = [name for name, field in node.fields.items() if field.off]
    below = {name: _compile(field, (*around, key)) for name, field in node.fields.items() if not field.off}
    parts = [(name, dropping) for name, dropping in below.items() if dropping is not None]
    return _fields(off, parts) if off or parts else None


def _fields(off: list[str], parts: list[tuple[str, _Drop]]) -> _Drop:
    def drop_fields(value: Any) -> None:
        for name in off:
            value.pop(name, None)
        for name, dropping in parts:
            one = value.get(name)
            if one:
                dropping(one)

    return drop_fields


def _each(inside: _Drop) -> _Drop:
    def drop_in_each(value: Any) -> None:
        for one in value.values() if isinstance(value, dict) else value:
            inside(one)

    return drop_in_each
