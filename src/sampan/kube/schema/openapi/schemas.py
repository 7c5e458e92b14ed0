"""Definitions as OpenAPI has them: those of built-in kinds from the packaged data, those of custom resources
from their schemas.

Version 3 says a little more than version 2: defaults of required fields, and either of two types.
"""

from collections.abc import Iterable
from typing import Any

from sampan.kube.schema import builtin
from sampan.kube.schema.node import MISSING
from sampan.kube.schema.openapi.shapes import ResourceShape, custom_definition

Schema = dict[str, Any]
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
# Kinds that belong to every group and version.
COMMON = tuple(META + name for name in ("APIResourceList", "DeleteOptions", "Patch", "Status", "WatchEvent"))

_SCALARS: dict[str, tuple[Schema, Any]] = {
    "string": ({"type": "string"}, ""),
    "boolean": ({"type": "boolean"}, False),
    "int32": ({"type": "integer", "format": "int32"}, 0),
    "int64": ({"type": "integer", "format": "int64"}, 0),
    "double": ({"type": "number", "format": "double"}, 0),
    "byte": ({"type": "string", "format": "byte"}, None),
    "date-time": ({"type": "string", "format": "date-time"}, None),
    "object": ({"type": "object"}, None),
}
_MARKS = {
    "list": "x-kubernetes-list-type",
    "keys": "x-kubernetes-list-map-keys",
    "map": "x-kubernetes-map-type",
    "strategy": "x-kubernetes-patch-strategy",
    "merge": "x-kubernetes-patch-merge-key",
}
_STRING, _NUMBER, _INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}
# Types that write themselves, in version 2 and in version 3.
_OWN: dict[str, tuple[Schema, Schema]] = {
    QUANTITY: (_STRING, {"oneOf": [_STRING, _NUMBER]}),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": (
        {"type": "string", "format": "int-or-string"},
        {"oneOf": [_INTEGER, _STRING], "format": "int-or-string"},
    ),
    META + "Time": ({"type": "string", "format": "date-time"},) * 2,
    META + "MicroTime": ({"type": "string", "format": "date-time"},) * 2,
    META + "FieldsV1": ({"type": "object"},) * 2,
    META + "Patch": ({"type": "object"},) * 2,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ({"type": "object"},) * 2,
}


def reference(definition: str, version: int) -> Schema:
    return {"$ref": ("#/definitions/" if version == 2 else "#/components/schemas/") + definition}


def reachable(names: Iterable[str]) -> list[str]:
    """All definitions that these refer to, and they themselves; sorted."""
    found: set[str] = set()
    wanted = [name for name in names if name]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += [ref for spec in builtin.raw(name)["fields"].values() for ref in _refs(spec)]
    return sorted(found)


def _refs(spec: str | Schema) -> list[str]:
    if isinstance(spec, dict):
        return _refs(spec["items"]) if "items" in spec else _refs(spec["type"])
    return [spec[1:]] if spec[0] == "@" else []


def definition(name: str, version: int, kinds: list[Schema]) -> Schema:
    """`kinds`: the groups, versions and kinds that it stands for."""
    raw, texts = builtin.raw(name), builtin.descriptions(name)
    found: Schema = {"description": texts[""]} if texts.get("") else {}
    own = _OWN.get(name)
    if own is not None:
        return found | own[version - 2]
    if raw["fields"]:
        found["type"] = "object"
        required = raw.get("required", [])
        found["properties"] = {
            field: _property(name, field, spec, texts.get(field, ""), version, field in required)
            for field, spec in raw["fields"].items()
        }
        if required:
            found["required"] = required
    elif not builtin.node(name).format and builtin.node(name).type == "object":
        found["type"] = "object"
    if "map" in raw:
        found["x-kubernetes-map-type"] = raw["map"]
    if kinds:
        found["x-kubernetes-group-version-kind"] = kinds
    if "unions" in raw:
        found["x-kubernetes-unions"] = raw["unions"]
    return found


def _property(name: str, field: str, spec: str | Schema, text: str, version: int, required: bool) -> Schema:
    node = builtin.node(name).fields[field]
    by_value = node.always is not MISSING and not node.pointer
    word = spec if isinstance(spec, str) else spec["type"]
    found = _typed(spec, version, by_value if word[0] == "@" else required)
    return _beside(found, {"description": text} if text else {})


def _typed(spec: str | Schema, version: int, zero: bool) -> Schema:
    """`zero`: version 3 gives its zero as the default."""
    if isinstance(spec, str):
        if spec[0] == "@":
            return _referring(spec[1:], version, zero)
        schema, default = _SCALARS[spec]
        return schema | {"default": default} if version == 3 and zero and default is not None else schema
    marks = {long: spec[short] for short, long in _MARKS.items() if short in spec}
    if "items" not in spec:
        return _beside(_typed(spec["type"], version, zero), marks)
    # Elements are values, whose zero is a default.
    items = _typed(spec["items"], version, True)
    found = (
        {"type": "array", "items": items}
        if spec["type"] == "list"
        else {"type": "object", "additionalProperties": items}
    )
    return found | marks


def _referring(name: str, version: int, zero: bool) -> Schema:
    found = reference(name, version)
    if version == 3 and zero and builtin.node(name).type == "object":
        return _beside(found, {"default": {}})
    return found


def _beside(found: Schema, more: Schema) -> Schema:
    """In version 3 nothing may stand beside a reference, so that what has more is all of one."""
    if "$ref" in found and more and found["$ref"].startswith("#/components/"):
        found = {"allOf": [found]}
    return found | more


def custom(shape: ResourceShape, version: int) -> dict[str, Schema]:
    """The definitions of a custom resource and its list."""
    name = custom_definition(shape.group, shape.version, shape.kind)
    kind = {"group": shape.group, "kind": shape.kind, "version": shape.version}
    list_kind = shape.list_kind or f"{shape.kind}List"
    schema = _converted(shape.schema or {}, version)
    if schema.get("type") == "object":
        schema["properties"] = {**schema.get("properties", {}), **_type_meta(version)}
    elif not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema["type"] = "object"
    schema["x-kubernetes-group-version-kind"] = [kind]
    items = {
        "description": f"List of {shape.plural}. More info: "
        "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md",
        "type": "array",
        "items": reference(name, version),
    }
    listed = {
        "description": f"{list_kind} is a list of {shape.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {**_type_meta(version, META + "ListMeta"), "items": items},
        "x-kubernetes-group-version-kind": [{**kind, "kind": list_kind}],
    }
    return {name: schema, custom_definition(shape.group, shape.version, list_kind): listed}


def _type_meta(version: int, meta: str = META + "ObjectMeta") -> dict[str, Schema]:
    texts = builtin.descriptions("io.k8s.api.core.v1.ConfigMap")
    found: dict[str, Schema] = {
        name: {"description": texts[name], "type": "string"} for name in ("apiVersion", "kind")
    }
    about = reference(meta, 2) if version == 2 else {"allOf": [reference(meta, 3)]}
    return found | {"metadata": about | {"description": texts["metadata"]}}


# What version 2 cannot say.
_NOT_IN_2 = frozenset(("oneOf", "anyOf", "allOf", "not", "nullable", "default", "x-kubernetes-validations"))


def _converted(schema: Schema, version: int) -> Schema:
    """A copy; for version 2 without what that cannot say."""
    if version == 3:
        return dict(schema)
    found = {key: value for key, value in schema.items() if key not in _NOT_IN_2}
    if schema.get("x-kubernetes-int-or-string") or schema.get("nullable"):
        # Of another type too, which version 2 has no word for: anything goes.
        found = {key: found[key] for key in found if key == "description" or key[:2] == "x-"}
    for key in ("properties", "patternProperties"):
        if isinstance(found.get(key), dict):
            found[key] = {name: _converted(one, 2) for name, one in found[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = _converted(found[key], 2)
    return found
