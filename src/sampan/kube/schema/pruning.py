"""Fields that a custom resource's schema does not know are dropped; k8s.io/apiextensions-apiserver
pkg/apiserver/schema/pruning/algorithm.go
"""

from typing import Any

Schema = dict[str, Any]
META = frozenset(("apiVersion", "kind", "metadata"))


def prune(value: Any, schema: Schema | None, *, root: bool = True) -> list[str]:
    """Drops them in place. Returns their paths, sorted: "spec.foo", "spec.list[0].bar"."""
    removed: list[str] = []
    if schema is not None and root:
        schema = {**schema, "x-kubernetes-embedded-resource": True}
    _prune(value, schema, "", removed)
    return sorted(removed)


def _prune(value: Any, schema: Schema | None, path: str, removed: list[str]) -> None:
    if type(value) is dict:
        if schema is None:
            removed += [_child(path, key) for key in value]
            value.clear()
        else:
            _prune_object(value, schema, path, removed)
    elif type(value) is list:
        preserved = schema is not None and schema.get("x-kubernetes-preserve-unknown-fields")
        items = schema.get("items") if schema is not None else None
        if items is None and preserved:
            return
        for index, item in enumerate(value):
            if type(item) is dict or type(item) is list:
                _prune(item, items, f"{path}[{index}]", removed)


def _prune_object(value: dict[str, Any], schema: Schema, path: str, removed: list[str]) -> None:
    properties = schema.get("properties", {})
    additional = schema.get("additionalProperties")
    preserved = schema.get("x-kubernetes-preserve-unknown-fields")
    embedded = schema.get("x-kubernetes-embedded-resource")
    unknown = []
    for key, item in value.items():
        if embedded and key in META:
            continue
        known = properties.get(key)
        if known is not None:
            if type(item) is dict or type(item) is list:
                _prune(item, known, _child(path, key), removed)
        elif additional is not None and additional is not False:
            if type(item) is dict or type(item) is list:
                _prune(item, additional if additional is not True else None, _child(path, key), removed)
        elif not preserved:
            unknown.append(key)
    for key in unknown:
        del value[key]
        removed.append(_child(path, key))


def _child(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
