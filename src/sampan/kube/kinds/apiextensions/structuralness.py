"""Whether a schema is structural: it says of each field what it is, outside of what only restricts values;
k8s.io/apiextensions-apiserver pkg/apiserver/schema/validation.go
"""

from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema.results import Schema
from sampan.specs.golang.regexp import compile_regexp
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required

ROOT, ITEM, FIELD = range(3)
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_WHERE = {ROOT: "at the root", ITEM: "for specified array items", FIELD: "for specified object fields"}
_EMPTY, _FALSE, _UNDEFINED = "must be empty", "must be false", "must be undefined"
# What may not stand in a schema that only restricts values, and what it must be instead.
_FORBIDDEN = (
    ("type", _EMPTY),
    ("additionalProperties", _UNDEFINED),
    ("default", _UNDEFINED),
    ("title", _EMPTY),
    ("description", _EMPTY),
    ("nullable", _FALSE),
    ("x-kubernetes-preserve-unknown-fields", _FALSE),
    ("x-kubernetes-embedded-resource", _FALSE),
    ("x-kubernetes-int-or-string", _FALSE),
    ("x-kubernetes-list-map-keys", _EMPTY),
    ("x-kubernetes-list-type", _UNDEFINED),
    ("x-kubernetes-map-type", _UNDEFINED),
)


def structural_errors(schema: Schema, path: str) -> list[FieldError]:
    """All that keeps a schema from being structural, sorted as upstream sorts it."""
    errors: list[FieldError] = []
    _invariants(schema, ROOT, path, errors)
    _complete(schema, path, errors)
    return sorted(errors, key=str)


def _invariants(schema: Any, level: int, path: str, errors: list[FieldError]) -> None:
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "array" and not isinstance(schema.get("items"), dict):
        errors.append(required(f"{path}.items", "must be specified"))
    _invariants(schema.get("items"), ITEM, f"{path}.items", errors)
    for name, one in (schema.get("properties") or {}).items():
        _invariants(one, FIELD, f"{path}.properties[{name}]", errors)
    if schema.get("additionalProperties") is not None:
        if level == ROOT:
            errors.append(forbidden(f"{path}.additionalProperties", "must not be used at the root"))
        _invariants(schema["additionalProperties"], FIELD, f"{path}.additionalProperties", errors)
    _extensions(schema, path, errors)
    _restrictions(schema, level, path, errors, outer=True)
    _type(schema, level, path, errors)
    if level == ROOT or schema.get("x-kubernetes-embedded-resource"):
        _meta(schema, level, path, errors)


def _extensions(schema: Schema, path: str, errors: list[FieldError]) -> None:
    if not schema.get("x-kubernetes-int-or-string"):
        return
    for name in ("preserve-unknown-fields", "embedded-resource"):
        if schema.get(f"x-kubernetes-{name}"):
            detail = "must be false if x-kubernetes-int-or-string is true"
            errors.append(invalid(f"{path}.x-kubernetes-{name}", True, detail))


def _type(schema: Schema, level: int, path: str, errors: list[FieldError]) -> None:
    kind = schema.get("type") or ""
    embedded = schema.get("x-kubernetes-embedded-resource")
    preserved = schema.get("x-kubernetes-preserve-unknown-fields")
    if embedded and kind != "object":
        detail = "must be object if x-kubernetes-embedded-resource is true"
        where = f"{path}.type"
        errors.append(invalid(where, kind, detail) if kind else required(where, detail))
    elif not kind and not schema.get("x-kubernetes-int-or-string") and not preserved:
        errors.append(required(f"{path}.type", f"must not be empty {_WHERE[level]}"))
    if embedded and schema.get("additionalProperties") is not None:
        detail = "must not be used if x-kubernetes-embedded-resource is set"
        errors.append(forbidden(f"{path}.additionalProperties", detail))
    if level == ROOT and kind and kind != "object":
        errors.append(invalid(f"{path}.type", kind, "must be object at the root"))
    if embedded and not preserved and not schema.get("properties"):
        what = "must not be empty if x-kubernetes-embedded-resource is true without"
        detail = f"{what} x-kubernetes-preserve-unknown-fields"
        errors.append(required(f"{path}.properties", detail))


def _meta(schema: Schema, level: int, path: str, errors: list[FieldError]) -> None:
    properties = schema.get("properties") or {}
    for name, kind in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        if name in properties and properties[name].get("type", "") != kind:
            where = f"{path}.properties[{name}].type"
            errors.append(invalid(where, properties[name].get("type", ""), f"must be {kind}"))
    if level == ROOT and "metadata" in properties and not _only_names(properties["metadata"]):
        what = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        errors.append(forbidden(f"{path}.properties[metadata]", what))


def _only_names(metadata: Schema) -> bool:
    if not set(metadata.get("properties") or {}) <= {"name", "generateName"}:
        return False
    left = {key: value for key, value in metadata.items() if value not in (None, False, "", [], {})}
    return set(left) <= {"properties", "type", "default"}


def _restrictions(schema: Schema, level: int, path: str, errors: list[FieldError], *, outer: bool) -> None:
    """What restricts values. `outer`: this is not itself below a restriction."""
    any_of, all_of = schema.get("anyOf") or [], schema.get("allOf") or []
    if not (outer and any_of == _INT_OR_STRING):
        for at, one in enumerate(any_of):
            _nested(one, level, f"{path}.anyOf[{at}]", errors)
    first = outer and bool(all_of) and all_of[0].get("anyOf") == _INT_OR_STRING
    for at, one in enumerate(all_of):
        _nested(one, level, f"{path}.allOf[{at}]", errors, int_or_string=first and at == 0)
    for at, one in enumerate(schema.get("oneOf") or []):
        _nested(one, level, f"{path}.oneOf[{at}]", errors)
    if isinstance(schema.get("not"), dict):
        _nested(schema["not"], level, f"{path}.not", errors)
    pattern = schema.get("pattern")
    if pattern:
        try:
            compile_regexp(pattern)
        except Invalid as e:
            detail = f"must be a valid regular expression, but isn't: {e}"
            errors.append(invalid(f"{path}.pattern", pattern, detail))


def _nested(
    schema: Schema, level: int, path: str, errors: list[FieldError], *, int_or_string: bool = False
) -> None:
    """A schema that only restricts values."""
    rest = {key: value for key, value in schema.items() if key != "anyOf"} if int_or_string else schema
    _restrictions(rest, level, path, errors, outer=False)
    if isinstance(schema.get("items"), dict):
        _nested(schema["items"], ITEM, f"{path}.items", errors)
    properties = schema.get("properties") or {}
    for name, one in properties.items():
        _nested(one, FIELD, f"{path}.properties[{name}]", errors)
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        _nested(additional, FIELD, f"{path}.additionalProperties", errors)
    for name, what in _FORBIDDEN:
        value = schema.get(name)
        if name == "additionalProperties" and isinstance(value, dict):
            continue
        if value is not None and (value or what == _UNDEFINED):
            errors.append(forbidden(f"{path}.{name}", f"{what} to be structural"))
    if "metadata" in properties:
        errors.append(forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context"))


def _complete(schema: Any, path: str, errors: list[FieldError]) -> None:
    """What restrictions mention must be defined outside of them, too."""
    if not isinstance(schema, dict):
        return
    for name in ("anyOf", "allOf", "oneOf"):
        for at, one in enumerate(schema.get(name) or []):
            _mentioned(one, schema, path, f"{path}.{name}[{at}]", errors)
    if isinstance(schema.get("not"), dict):
        _mentioned(schema["not"], schema, path, f"{path}.not", errors)
    _complete(schema.get("items"), f"{path}.items", errors)
    _complete(schema.get("additionalProperties"), f"{path}.additionalProperties", errors)
    for name, one in (schema.get("properties") or {}).items():
        _complete(one, f"{path}.properties[{name}]", errors)


def _mentioned(nested: Schema, schema: Any, path: str, where: str, errors: list[FieldError]) -> None:
    outside = schema if isinstance(schema, dict) else {}
    if schema is None:
        errors.append(required(path, f"because it is defined in {where}"))
        return
    for name in ("anyOf", "allOf", "oneOf"):
        for at, one in enumerate(nested.get(name) or []):
            _mentioned(one, schema, path, f"{where}.{name}[{at}]", errors)
    if isinstance(nested.get("not"), dict):
        _mentioned(nested["not"], schema, path, f"{where}.not", errors)
    if isinstance(nested.get("items"), dict):
        _mentioned(nested["items"], outside.get("items"), f"{path}.items", f"{where}.items", errors)
    additional = nested.get("additionalProperties")
    if isinstance(additional, dict):
        below = outside.get("additionalProperties")
        _mentioned(additional, below, f"{path}.additionalProperties", f"{where}.additionalProperties", errors)
    properties = outside.get("properties") or {}
    for name, one in (nested.get("properties") or {}).items():
        part = f"properties[{name}]"
        _mentioned(one, properties.get(name), f"{path}.{part}", f"{where}.{part}", errors)
