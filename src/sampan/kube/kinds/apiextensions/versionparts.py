"""Subresources, columns and selectable fields of a version of a CustomResourceDefinition."""

from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema import fieldpaths
from sampan.specs.kubernetes.fielderror import DUPLICATE, FieldError, invalid, required, too_many

Object = dict[str, Any]
SELECTABLE = 8  # fields
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")


def subresources_of(spec: Object, version: Object) -> Object:
    """Of a version: its own, or those of all."""
    if any(one.get("subresources") is not None for one in spec["versions"]):
        return version.get("subresources") or {}
    return spec.get("subresources") or {}


def has_status(subresources: Object) -> bool:
    """Is there /status?"""
    return subresources.get("status") is not None


def scale_errors(subresources: Object | None, path: str) -> list[FieldError]:
    """Paths of the scale subresource."""
    scale = (subresources or {}).get("scale")
    if scale is None:
        return []
    where = f"{path}.scale"
    errors = _replicas_path(scale.get("specReplicasPath", ""), f"{where}.specReplicasPath", "spec")
    errors += _replicas_path(scale.get("statusReplicasPath", ""), f"{where}.statusReplicasPath", "status")
    selector = scale.get("labelSelectorPath")
    if selector:
        found = _simple_path(selector, f"{where}.labelSelectorPath")
        if not found and not selector.startswith((".spec.", ".status.")):
            what = "should be a json path under either .spec or .status"
            found = [invalid(f"{where}.labelSelectorPath", selector, what)]
        errors += found
    return errors


def _replicas_path(value: str, path: str, part: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    if errors := _simple_path(value, path):
        return errors
    return (
        []
        if value.startswith(f".{part}.")
        else [invalid(path, value, f"should be a json path under .{part}")]
    )


def _simple_path(value: str, path: str) -> list[FieldError]:
    if not value.startswith("."):
        return [invalid(path, value, "must be a simple json path starting with .")]
    return []


def columns_errors(columns: list[Object] | None, path: str) -> list[FieldError]:
    """Columns of tables."""
    return [error for at, column in enumerate(columns or ()) for error in _column(column, f"{path}[{at}]")]


def _column(column: Object, path: str) -> list[FieldError]:
    errors = []
    if not column.get("name"):
        errors.append(required(f"{path}.name"))
    kind, what = column.get("type", ""), f"must be one of {','.join(_COLUMN_TYPES)}"
    if not kind:
        errors.append(required(f"{path}.type", what))
    elif kind not in _COLUMN_TYPES:
        errors.append(invalid(f"{path}.type", kind, what))
    format = column.get("format", "")
    if format and format not in _COLUMN_FORMATS:
        errors.append(invalid(f"{path}.format", format, f"must be one of {','.join(_COLUMN_FORMATS)}"))
    json_path = column.get("jsonPath", "")
    if not json_path:
        return [*errors, required(f"{path}.JSONPath")]
    return errors + _simple_path(json_path, f"{path}.JSONPath")


def shared_selectable_errors(spec: Object) -> list[FieldError]:
    """Selectable fields that all versions share."""
    path = "spec.selectableFields"
    schema = (spec.get("validation") or {}).get("openAPIV3Schema")
    if schema is None:
        return [invalid(path, "", "selectableFields may only be set when validations.schema is included")]
    return selectable_errors(spec["selectableFields"], schema, path)


def selectable_errors(fields: list[Object], schema: Object, path: str) -> list[FieldError]:
    """Selectable fields of a version."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for at, one in enumerate(fields):
        errors += _selectable_field(one.get("jsonPath", ""), schema, f"{path}[{at}].jsonPath", seen)
    if len(seen) > SELECTABLE:
        errors.append(too_many(path, len(seen), SELECTABLE))
    return errors


def _selectable_field(text: str, schema: Object, path: str, seen: set[str]) -> list[FieldError]:
    if not text:
        return [required(path)]
    try:
        steps, found = fieldpaths.parts(text, schema, brackets=False)
    except Invalid as e:
        return [invalid(path, text, f"is an invalid path: {e}")]
    errors = []
    shown = fieldpaths.show(steps)
    if steps and steps[0][0] == "metadata":
        errors.append(invalid(path, text, "must not point to fields in metadata"))
    if found.get("type") not in ("string", "boolean", "integer"):
        what = (
            "must point to a field of type string, boolean or integer. "
            "Enum string fields and strings with formats are allowed."
        )
        errors.append(invalid(path, text, what))
    if shown in seen:
        errors.append(FieldError(path, DUPLICATE, f'Duplicate value: "{text}"'))
    seen.add(shown)
    return errors
