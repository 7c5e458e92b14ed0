"""Lists that are sets or maps hold nothing twice; k8s.io/apiextensions-apiserver
pkg/apiserver/schema/listtype
"""

from collections.abc import Callable
from typing import Any

from sampan.kube.schema.results import child
from sampan.specs.kubernetes import fielderror
from sampan.specs.kubernetes.fielderror import FieldError

Schema = dict[str, Any]
Check = Callable[[Any, str, list[FieldError]], None]


def compile_list_types(schema: Schema) -> Callable[[Any], list[FieldError]]:
    """A function of an object -> what is twice where it may not."""
    check = _compile(schema)

    def errors(value: Any) -> list[FieldError]:
        found: list[FieldError] = []
        if check is not None:
            check(value, "", found)
        return found

    return errors


def _compile(schema: Any) -> Check | None:
    if not isinstance(schema, dict):
        return None
    properties = {name: do for name, one in schema.get("properties", {}).items() if (do := _compile(one))}
    values, items = _compile(schema.get("additionalProperties")), _compile(schema.get("items"))
    kind = schema.get("x-kubernetes-list-type")
    keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
    if not (properties or values or items or kind in ("set", "map")):
        return None

    def check(value: Any, path: str, errors: list[FieldError]) -> None:
        if type(value) is list:
            if kind in ("set", "map"):
                _twice(value, path, keys if kind == "map" else None, errors)
            if items is not None:
                for index, item in enumerate(value):
                    items(item, f"{path}[{index}]", errors)
        elif type(value) is dict:
            for name in sorted(value):
                known = properties.get(name)
                if known is not None:
                    known(value[name], child(path, name), errors)
                elif values is not None and name not in properties:
                    values(value[name], f"{path}[{name}]", errors)

    return check


def _twice(items: list[Any], path: str, keys: tuple[str, ...] | None, errors: list[FieldError]) -> None:
    seen: dict[Any, int] = {}
    for index, item in enumerate(items):
        if keys is None:
            shown = item
        elif type(item) is dict:
            shown = {key: item[key] for key in keys if key in item}
        else:
            continue
        mark = hashable(shown)
        seen[mark] = seen.get(mark, 0) + 1
        if seen[mark] == 2:  # upstream tells of each value once
            errors.append(fielderror.duplicate(f"{path}[{index}]", shown))


def hashable(value: Any) -> Any:
    """Equal for equal JSON values, and only for these."""
    if type(value) is dict:
        return (dict, frozenset((key, hashable(item)) for key, item in value.items()))
    if type(value) is list:
        return (list, tuple(map(hashable, value)))
    return (type(value), value)
