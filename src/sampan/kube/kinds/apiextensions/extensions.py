"""What a schema's x-kubernetes-* fields may say of one place, such as lists that are sets or maps. Pure."""

from dataclasses import dataclass

from sampan.kube.schema.results import Schema
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required


@dataclass(frozen=True)
class Options:
    """What is not asked of a definition that was there before with the same fault."""

    types: bool = True
    atomic_sets: bool = True
    map_keys: bool = True
    costs: bool = True  # of single expressions


def extension_errors(schema: Schema, path: str, options: Options) -> list[FieldError]:
    errors = []
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        where = f"{path}.x-kubernetes-preserve-unknown-fields"
        errors.append(invalid(where, False, "must be true or undefined"))
    kind, map_type, list_type = (
        schema.get("type") or "",
        schema.get("x-kubernetes-map-type"),
        schema.get("x-kubernetes-list-type"),
    )
    if map_type is not None and kind != "object":
        errors.append(_needs_type(path, kind, "object", "x-kubernetes-map-type"))
    if map_type is not None and map_type not in ("atomic", "granular"):
        errors.append(not_supported(f"{path}.x-kubernetes-map-type", map_type, ["atomic", "granular"]))
    if list_type is not None and kind != "array":
        errors.append(_needs_type(path, kind, "array", "x-kubernetes-list-type"))
    elif options.atomic_sets and list_type == "set":
        errors += set_item_errors(schema, path)
    if list_type is not None and list_type not in ("atomic", "set", "map"):
        errors.append(not_supported(f"{path}.x-kubernetes-list-type", list_type, ["atomic", "set", "map"]))
    if schema.get("x-kubernetes-list-map-keys") and list_type != "map":
        what, where = (
            "must be map if x-kubernetes-list-map-keys is non-empty",
            f"{path}.x-kubernetes-list-type",
        )
        errors.append(required(where, what) if list_type is None else invalid(where, list_type, what))
    if list_type == "map":
        errors += _map_list(schema, path)
    if options.map_keys:
        errors += map_key_errors(schema, path)
    return errors


def _needs_type(path: str, kind: str, wanted: str, extension: str) -> FieldError:
    what = f"must be {wanted} if {extension} is specified"
    return invalid(f"{path}.type", kind, what) if kind else required(f"{path}.type", what)


def set_item_errors(schema: Schema, path: str) -> list[FieldError]:
    """Items of a set are told apart as a whole."""
    items = schema.get("items")
    what = "must be atomic as item of a list with x-kubernetes-list-type=set"
    if not isinstance(items, dict):
        return []
    list_type, map_type = items.get("x-kubernetes-list-type"), items.get("x-kubernetes-map-type")
    if items.get("type") == "array" and list_type not in (None, "atomic"):
        return [invalid(f"{path}.items.x-kubernetes-list-type", list_type, what)]
    if items.get("type") == "object" and map_type != "atomic":
        return [invalid(f"{path}.items.x-kubernetes-map-type", list_type, what)]
    return []


def _map_list(schema: Schema, path: str) -> list[FieldError]:
    errors = []
    keys, items = schema.get("x-kubernetes-list-map-keys") or [], schema.get("items")
    where = f"{path}.x-kubernetes-list-map-keys"
    if not keys:
        errors.append(required(where, "must not be empty if x-kubernetes-list-type is map"))
    if items is None:
        errors.append(required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map"))
    if not isinstance(items, dict):
        return errors
    if items.get("type") != "object":
        what = "must be object if parent array's x-kubernetes-list-type is map"
        return [*errors, invalid(f"{path}.items.type", items.get("type", ""), what)]
    seen = set()
    for key in keys:
        one = (items.get("properties") or {}).get(key)
        if one is None:
            errors.append(invalid(where, keys, "entries must all be names of item properties"))
        elif one.get("type") in ("array", "object"):
            what = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            errors.append(invalid(f"{path}.items.properties[{key}].type", items["type"], what))
        if key in seen:
            errors.append(invalid(where, keys, "must not contain duplicate entries"))
        seen.add(key)
    return errors


def map_key_errors(schema: Schema, path: str) -> list[FieldError]:
    """What items are told apart by must be there."""
    items, kind = schema.get("items"), schema.get("x-kubernetes-list-type")
    if not isinstance(items, dict) or kind not in ("set", "map"):
        return []
    errors = []
    if items.get("nullable"):
        what = f"cannot be nullable when x-kubernetes-list-type is {kind}"
        errors.append(forbidden(f"{path}.items.nullable", what))
    for key in schema.get("x-kubernetes-list-map-keys") or () if kind == "map" else ():
        one = (items.get("properties") or {}).get(key)
        if one is None:
            continue
        where, what = (
            f"{path}.items.properties[{key}]",
            "this property is in x-kubernetes-list-map-keys, so it",
        )
        if key not in (items.get("required") or ()) and one.get("default") is None:
            errors.append(
                required(f"{where}.default", f"{what} must have a default or be a required property")
            )
        if one.get("nullable"):
            errors.append(forbidden(f"{where}.nullable", f"{what} cannot be nullable"))
    return errors
