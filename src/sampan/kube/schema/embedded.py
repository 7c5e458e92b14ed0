"""Whole resources inside of custom resources; k8s.io/apiextensions-apiserver
pkg/apiserver/schema/objectmeta
"""

from collections.abc import Callable
from typing import Any

from sampan.kube.schema.results import child
from sampan.specs.kubernetes import fielderror
from sampan.specs.kubernetes.fielderror import FieldError
from sampan.specs.kubernetes.names import dns1035_label
from sampan.specs.kubernetes.object_meta import object_meta_errors

Schema = dict[str, Any]
# path, resource
Visit = Callable[[str, dict[str, Any]], None]


def has_embedded(schema: Any) -> bool:
    """Whether there is one below `schema`."""
    if not isinstance(schema, dict):
        return False
    parts = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return any(
        isinstance(one, dict) and (one.get("x-kubernetes-embedded-resource") or has_embedded(one))
        for one in parts
    )


def each(value: Any, schema: Any, path: str, visit: Visit) -> None:
    """Visits all resources below `value`, itself not."""
    if not isinstance(schema, dict):
        return
    if type(value) is list:
        items = schema.get("items")
        for index, item in enumerate(value):
            _visit(item, items, f"{path}[{index}]", visit)
    elif type(value) is dict:
        properties, values = schema.get("properties", {}), schema.get("additionalProperties")
        for name in sorted(value):
            if name in properties:
                _visit(value[name], properties[name], child(path, name), visit)
            else:
                _visit(value[name], values, f"{path}[{name}]", visit)


def _visit(value: Any, schema: Any, path: str, visit: Visit) -> None:
    if not isinstance(schema, dict):
        return
    if schema.get("x-kubernetes-embedded-resource") and type(value) is dict:
        visit(path, value)
    each(value, schema, path, visit)


def embedded_errors(value: Any, schema: Schema) -> list[FieldError]:
    """Of all resources inside of a custom resource."""
    errors: list[FieldError] = []
    each(value, schema, "", lambda path, one: errors.extend(resource_errors(path, one)))
    return errors


def resource_errors(path: str, resource: dict[str, Any]) -> list[FieldError]:
    """It needs an apiVersion and a kind, but no name."""
    errors = [
        fielderror.required(child(path, name), "must not be empty")
        for name in ("apiVersion", "kind")
        if name not in resource
    ]
    for name in sorted(resource):
        where = child(path, name)
        value = resource[name]
        if name == "metadata" and isinstance(value, dict):
            meta = {**value, "name": value.get("name") or "fakename"}
            errors += object_meta_errors(meta, namespaced=bool(meta.get("namespace")), path=where)
        elif name in ("apiVersion", "kind"):
            errors += _type_meta(where, name, value)
    return errors


def _type_meta(path: str, name: str, value: Any) -> list[FieldError]:
    if not isinstance(value, str):
        return [fielderror.invalid(path, value, "must be a string")]
    if not value:
        return [fielderror.invalid(path, value, "must not be empty")]
    if name == "apiVersion":
        if value.count("/") > 1:
            return [fielderror.invalid(path, value, f"unexpected GroupVersion string: {value}")]
        return []
    what = "may have mixed case, but should otherwise match: "
    messages = dns1035_label(value.lower())
    return [fielderror.invalid(path, value, what + ",".join(messages))] if messages else []
