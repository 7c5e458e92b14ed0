"""What is wrong with an applied configuration: sigs.k8s.io/structured-merge-diff/typed, validate.go."""

from typing import Any

from sampan.kube.schema.node import Node
from sampan.kube.schema.ownership.elements import show_element
from sampan.kube.schema.ownership.types import Unkeyed, associative, element
from sampan.specs.golang.printing import plain, syntax, type_name

Error = tuple[str, str]  # path, message


def problems(node: Node, value: Any) -> str:
    """In upstream's words; empty if nothing is wrong."""
    found = [f"{path}: {message}" if path else message for path, message in _errors(node, value, "", False)]
    if len(found) <= 1:
        return "".join(found)
    return "\n".join(["errors:", *(f"  {error}" for error in found)])


def _errors(node: Node, value: Any, path: str, preserve: bool) -> list[Error]:
    """`preserve`: something above this keeps unknown fields, and so does everything below it."""
    if value is None or node.type == "any":
        return []
    preserve = preserve or node.preserve
    if node.type in ("object", "map"):
        return _map_errors(node, value, path, preserve)
    if node.type == "list":
        return _list_errors(node, value, path, preserve)
    message = _scalar_error(node, value)
    return [(path, message)] if message else []


def _map_errors(node: Node, value: Any, path: str, preserve: bool) -> list[Error]:
    if not isinstance(value, dict):
        return [(path, f"expected map, got &{{{plain(value)}}}")]
    found: list[Error] = []
    for key, item in value.items():
        field = node.fields.get(key) or node.items
        if field is not None:
            found += _errors(field, item, f"{path}.{key}", preserve)
        elif node.fields and not preserve:
            return [*found, (f"{path}.{key}", "field not declared in schema")]
    return found


def _list_errors(node: Node, value: Any, path: str, preserve: bool) -> list[Error]:
    if not isinstance(value, list):
        return [(path, f"expected list, got &{{{plain(value)}}}")]
    found: list[Error] = []
    seen: set[str] = set()
    for index, item in enumerate(value):
        name = f"i:{index}"
        if associative(node):
            try:
                name = element(node, item)
            except Unkeyed as error:
                return [*found, (path, f"element {index}: {error}")]
            if name in seen:
                found.append((path, f"duplicate entries for key {show_element(name)}"))
            seen.add(name)
        if node.items is not None:
            found += _errors(node.items, item, path + show_element(name), preserve)
    return found


def _scalar_error(node: Node, value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if node.type in ("integer", "number"):
        return "" if is_number else f"expected numeric (int or float), got {type_name(value)}"
    if node.type == "boolean":
        return "" if isinstance(value, bool) else f"expected boolean, got &{{{plain(value)}}}"
    if node.format in ("", "byte"):
        if isinstance(value, str):
            return ""
        return f"expected string, got &value.valueUnstructured{{Value:{syntax(value)}}}"
    scalar = isinstance(value, str | bool) or is_number
    return "" if scalar else f"expected any scalar, got &{{{plain(value)}}}"
