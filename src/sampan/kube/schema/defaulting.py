"""Defaults of custom resources; k8s.io/apiextensions-apiserver pkg/apiserver/schema/defaulting/algorithm.go

Compiled: only the parts of a schema that have defaults are ever visited.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

Schema = dict[str, Any]
Do = Callable[[Any], None]


def nothing(_: Any) -> None:
    """Of a schema without defaults."""


def compile_defaults(schema: Schema) -> Do:
    """A function that fills in what is missing, in place."""
    return _compile(schema) or nothing


def _compile(schema: Schema) -> Do | None:
    properties = schema.get("properties", {})
    defaults = {name: one["default"] for name, one in properties.items() if one.get("default") is not None}
    nullable = frozenset(name for name in defaults if properties[name].get("nullable"))
    inner = {name: do for name, one in properties.items() if (do := _compile(one)) is not None}
    values = _compile_values(schema.get("additionalProperties"))
    items = _compile_values(schema.get("items"))
    if not (defaults or inner or values or items):
        return None

    def fill(value: Any) -> None:
        if type(value) is dict:
            for name, default in defaults.items():
                if name not in value or (value[name] is None and name not in nullable):
                    value[name] = deepcopy(default) if isinstance(default, dict | list) else default
            for name, do in inner.items():
                if name in value:
                    do(value[name])
            if values is not None:
                for name in value:
                    if name not in properties:
                        values(value, name)
        elif type(value) is list and items is not None:
            for index in range(len(value)):
                items(value, index)

    return fill


def _compile_values(schema: Any) -> Callable[[Any, Any], None] | None:
    """For the values of a map or list: null becomes the default, too."""
    if not isinstance(schema, dict):
        return None
    default, inner = schema.get("default"), _compile(schema)
    if inner is None and default is None:
        return None
    replace = default is not None and not schema.get("nullable")

    def fill(container: Any, key: Any) -> None:
        if replace and container[key] is None:
            container[key] = deepcopy(default)
        if inner is not None:
            inner(container[key])

    return fill


def drop_nulls(value: Any, schema: Schema) -> None:
    """Fields that may not be null, are null, and have no default are as good as not there."""
    if type(value) is dict:
        properties = schema.get("properties", {})
        additional = schema.get("additionalProperties")
        for key in list(value):
            known = properties.get(key) or (additional if isinstance(additional, dict) else None)
            if known is None:
                continue
            if value[key] is None:
                if not known.get("nullable") and known.get("default") is None:
                    del value[key]
            else:
                drop_nulls(value[key], known)
    elif type(value) is list:
        items = schema.get("items")
        if isinstance(items, dict):
            for item in value:
                drop_nulls(item, items)


def prune_defaults(schema: Schema) -> Schema:
    """The schema with its defaults as they would be after pruning; the given one stays as it is."""
    from sampan.kube.schema.pruning import prune

    found: list[Schema] = []
    _each_default(schema, found.append)
    if not found:
        return schema
    copied = deepcopy(schema)
    _each_default(copied, lambda one: prune(one["default"], one, root=False))
    return copied


def _each_default(schema: Any, do: Callable[[Schema], Any]) -> None:
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("default"), dict | list):
        do(schema)
    for one in schema.get("properties", {}).values():
        _each_default(one, do)
    _each_default(schema.get("items"), do)
    _each_default(schema.get("additionalProperties"), do)
