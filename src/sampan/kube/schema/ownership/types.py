"""How ownership sees a node: what is owned as a whole, and by what the elements of a list are known.

k8s.io/kube-openapi/pkg/schemaconv turns OpenAPI into the types of structured-merge-diff; this reads them off
nodes.
"""

from typing import Any

from sampan.kube.schema.node import MISSING, Node
from sampan.kube.schema.ownership import elements
from sampan.specs.golang.quote import quote_list

# Of what nobody has declared: maps are owned field by field, lists and scalars as a whole.
UNDECLARED = Node("any")

SCALAR, MAP, LIST = range(3)


class Unkeyed(Exception):
    """An element of a list has no path element; says why."""


def shape(node: Node, value: Any) -> int:
    """What `value` is to be taken for; of undeclared types the value says so itself. A custom resource may
    have anything anywhere until it is validated: what does not fit is owned as a whole.
    """
    kind = node.type
    if kind in ("object", "map"):
        return MAP if value is None or isinstance(value, dict) else SCALAR
    if kind == "list":
        return LIST if value is None or isinstance(value, list) else SCALAR
    if kind == "any":
        if isinstance(value, dict):
            return MAP
        if isinstance(value, list):
            return LIST
    return SCALAR


def atomic_map(node: Node) -> bool:
    if node.type == "any":  # RawExtension is a blob; JSON, FieldsV1 and undeclared fields are trees
        return node.definition.endswith("RawExtension")
    return node.map_type == "atomic"


def associative(node: Node) -> bool:
    """Whether the elements of a list are owned one by one."""
    return node.type == "list" and node.list_type != "atomic"


def declared(node: Node, key: str) -> bool:
    """Whether a map has this key as a field: owning what is below such a one is not owning it."""
    return key in node.fields


def child(node: Node, key: str) -> Node:
    """The type of a map's value."""
    return node.fields.get(key) or node.items or UNDECLARED


def element(node: Node, item: Any) -> str:
    """The path element of an item of an associative list. Raises Unkeyed."""
    if node.list_type == "set":
        if isinstance(item, dict):
            raise Unkeyed("associative list without keys has an element that's a map type")
        if isinstance(item, list):
            raise Unkeyed("not supported: associative list with lists as elements")
        if item is None:
            raise Unkeyed("associative list without keys has an element that's an explicit null")
        return elements.of_value(item)
    if not isinstance(item, dict):
        what = "a null element" if item is None else "non-map elements"
        raise Unkeyed(f"associative list with keys may not have {what}")
    names = node.list_keys if len(node.list_keys) == 1 else tuple(sorted(node.list_keys))
    if all(name in item for name in names):
        return elements.of_keys(names, [item[name] for name in names])
    found = {name: item[name] if name in item else _default(node, name) for name in names}
    known = {name: value for name, value in found.items() if value is not MISSING}
    if not known:
        raise Unkeyed(
            "associative list with keys has an element that omits all key fields "
            f"{quote_list(node.list_keys)} (and doesn't have default values for any key fields)"
        )
    return elements.of_keys(tuple(known), list(known.values()))


def _default(node: Node, name: str) -> Any:
    """MISSING if there is none. Go's zero value is one where the field is always written (openapi-gen)."""
    field = node.items.fields.get(name) if node.items is not None else None
    if field is None:
        return MISSING
    found = field.default if field.default is not MISSING else field.always
    return MISSING if found is None else found
