"""Whether a patched object fits its type, in the words of Go's converter from unstructured objects.

k8s.io/apimachinery/pkg/runtime/converter.go; it is what the result of a strategic merge patch goes through
instead of a JSON decoder. Types with a decoder of their own (quantities, times) are left to that.
"""

from typing import Any

from sampan.kube.schema.node import Node
from sampan.specs.golang.printing import kind_of


def mismatch(node: Node, value: Any, known: Any = None) -> str:
    """What is wrong with the first value of a wrong type; empty if nothing is. `known` fits: what `value`
    shares with it is not looked at again.
    """
    if value is None or value is known or node.type == "any":
        return ""
    if node.type in ("object", "map"):
        return _in_map(node, value, known if isinstance(known, dict) else {})
    if node.type == "list":
        if not isinstance(value, list):
            return f"cannot restore slice from {kind_of(value)}"
        item = node.items
        return next(filter(None, (mismatch(item, one) for one in value)), "") if item else ""
    return _scalar(node, value)


def _in_map(node: Node, value: Any, known: dict[str, Any]) -> str:
    if not isinstance(value, dict):
        what = "struct from:" if node.type == "object" else "map from"
        return f"cannot restore {what} {kind_of(value)}"
    for key, one in value.items():
        place = node.items if node.type == "map" else node.fields.get(key)
        if place is not None and (why := mismatch(place, one, known.get(key))):
            return why
    return ""


def _scalar(node: Node, value: Any) -> str:
    kind = kind_of(value)
    if node.type == "string":
        if node.format == "byte" and kind != "string":
            return f"cannot restore slice from {kind}"
        if node.format or kind == "string":
            return ""
        return _inconvertible(kind, node.go_type, "string", kind == "int64")
    if node.type == "integer":
        go = node.format or "int64"
        if kind == "int64" or (kind == "float64" and value.is_integer()):
            return ""
        return _inconvertible(kind, node.go_type, go, kind == "float64")
    if node.type == "number":
        return "" if kind in ("int64", "float64") else _inconvertible(kind, node.go_type, "float64", False)
    return "" if kind == "bool" else _inconvertible(kind, node.go_type, "bool", False)


def _inconvertible(kind: str, named: str, go: str, convertible: bool) -> str:
    """Go converts integers to strings; the converter does not, and says so in other words than of the
    rest.
    """
    return f"cannot convert {kind} to {named or go}" if convertible else f"unrecognized type: {go}"
