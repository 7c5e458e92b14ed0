"""Definitions in the form upstream validates them: k8s.io/apiextensions-apiserver
pkg/apis/apiextensions/types.go

What all versions have in common moves from the versions to the spec itself, and errors name it there.
Messages show values as JSON of the internal types, whose fields have Go's names and order.
"""

from typing import Any

from sampan.specs.kubernetes.fielderror import Shown, shown_in_order

Object = dict[str, Any]
# In a version -> in the spec.
SHARED = {
    "schema": "validation",
    "subresources": "subresources",
    "additionalPrinterColumns": "additionalPrinterColumns",
    "selectableFields": "selectableFields",
}
# Go's name, JSON's name, what it is when it is not there.
_VERSION = (
    ("Name", "name", ""),
    ("Served", "served", False),
    ("Storage", "storage", False),
    ("Deprecated", "deprecated", False),
    ("DeprecationWarning", "deprecationWarning", None),
)
_SCHEMA: tuple[tuple[str, str, Any], ...] = (
    ("ID", "id", ""),
    ("Schema", "$schema", ""),
    ("Ref", "$ref", None),
    ("Description", "description", ""),
    ("Type", "type", ""),
    ("Nullable", "nullable", False),
    ("Format", "format", ""),
    ("Title", "title", ""),
    ("Default", "default", None),
    ("Maximum", "maximum", None),
    ("ExclusiveMaximum", "exclusiveMaximum", False),
    ("Minimum", "minimum", None),
    ("ExclusiveMinimum", "exclusiveMinimum", False),
    ("MaxLength", "maxLength", None),
    ("MinLength", "minLength", None),
    ("Pattern", "pattern", ""),
    ("MaxItems", "maxItems", None),
    ("MinItems", "minItems", None),
    ("UniqueItems", "uniqueItems", False),
    ("MultipleOf", "multipleOf", None),
    ("Enum", "enum", None),
    ("MaxProperties", "maxProperties", None),
    ("MinProperties", "minProperties", None),
    ("Required", "required", None),
    ("Items", "items", None),
    ("AllOf", "allOf", None),
    ("OneOf", "oneOf", None),
    ("AnyOf", "anyOf", None),
    ("Not", "not", None),
    ("Properties", "properties", None),
    ("AdditionalProperties", "additionalProperties", None),
    ("PatternProperties", "patternProperties", None),
    ("Dependencies", "dependencies", None),
    ("AdditionalItems", "additionalItems", None),
    ("Definitions", "definitions", None),
    ("ExternalDocs", "externalDocs", None),
    ("Example", "example", None),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", None),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", False),
    ("XIntOrString", "x-kubernetes-int-or-string", False),
    ("XListMapKeys", "x-kubernetes-list-map-keys", None),
    ("XListType", "x-kubernetes-list-type", None),
    ("XMapType", "x-kubernetes-map-type", None),
    ("XValidations", "x-kubernetes-validations", None),
)
SCHEMA_NAMES = {json: go for go, json, _ in _SCHEMA}
_RULE = (
    ("Rule", "rule", ""),
    ("Message", "message", ""),
    ("MessageExpression", "messageExpression", ""),
    ("Reason", "reason", None),
    ("FieldPath", "fieldPath", ""),
    ("OptionalOldSelf", "optionalOldSelf", None),
)
_COLUMN = (
    ("Name", "name", ""),
    ("Type", "type", ""),
    ("Format", "format", ""),
    ("Description", "description", ""),
    ("Priority", "priority", 0),
    ("JSONPath", "jsonPath", ""),
)


def internal(spec: Object) -> Object:
    """A spec with what its versions share moved up. The given one is not changed.

    `given`: versions were written, if only an empty list.
    """
    versions = [dict(version) for version in spec.get("versions") or ()]
    found = {**spec, "versions": versions, "given": spec.get("versions") is not None}
    for name, above in SHARED.items():
        values = [version.get(name) for version in versions]
        if values and values[0] and all(value == values[0] for value in values):
            found[above] = values[0]
            for version in versions:
                version.pop(name, None)
    return found


def show_versions(spec: Object) -> Shown:
    """The versions of an internal spec."""
    if not spec["versions"]:
        return Shown("[]")
    return shown_in_order([_version(version) for version in spec["versions"]])


def _version(version: Object) -> Object:
    found = {go: version.get(json, empty) for go, json, empty in _VERSION}
    schema = version.get("schema")
    found["Schema"] = {"OpenAPIV3Schema": _schema(schema.get("openAPIV3Schema"))} if schema else None
    found["Subresources"] = _subresources(version.get("subresources"))
    columns = version.get("additionalPrinterColumns")
    found["AdditionalPrinterColumns"] = [_struct(_COLUMN, one) for one in columns] if columns else None
    fields = version.get("selectableFields")
    found["SelectableFields"] = [{"JSONPath": one.get("jsonPath", "")} for one in fields] if fields else None
    return found


def _struct(fields: tuple[tuple[str, str, Any], ...], value: Object) -> Object:
    return {go: value.get(json, empty) for go, json, empty in fields}


def _subresources(value: Object | None) -> Object | None:
    if value is None:
        return None
    scale = value.get("scale")
    paths = (
        ("SpecReplicasPath", "specReplicasPath", ""),
        ("StatusReplicasPath", "statusReplicasPath", ""),
        ("LabelSelectorPath", "labelSelectorPath", None),
    )
    status: Object | None = {} if value.get("status") is not None else None
    return {"Status": status, "Scale": _struct(paths, scale) if scale is not None else None}


def show_rule(rule: Object) -> Shown:
    return shown_in_order(_struct(_RULE, rule))


def show_schema(schema: Object) -> Shown:
    return shown_in_order(_schema(schema))


def _schema(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return None
    found: Object = {}
    for go, json, empty in _SCHEMA:
        value = schema.get(json)
        found[go] = empty if value is None else _part(json, value)
    return found


def _part(name: str, value: Any) -> Any:
    if name in ("allOf", "oneOf", "anyOf"):
        return [_schema(one) for one in value] or None
    if name == "not":
        return _schema(value)
    if name in ("properties", "patternProperties", "definitions"):
        return {key: _schema(value[key]) for key in sorted(value)} or None
    if name == "items":
        return {"Schema": _schema(value), "JSONSchemas": None}
    if name in ("additionalProperties", "additionalItems"):
        return {"Allows": value is not False, "Schema": _schema(value)}
    if name == "x-kubernetes-validations":
        return [_struct(_RULE, one) for one in value]
    return value
