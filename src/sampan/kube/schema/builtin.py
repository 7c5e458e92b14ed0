"""Nodes of the built-in kinds, from the data that the build hook (hatch_build.py) puts beside this module.

A definition is read and made into nodes when somebody asks for it, once, with all it refers to; of the data
only where each definition stands is kept. What Go's types add to it is in gofields.py.
"""

import zlib
from functools import lru_cache
from pathlib import Path
from sys import intern
from typing import Any

import orjson

from sampan.kube.schema import gofields, gonames
from sampan.kube.schema.node import MISSING, Node

_TYPES = Path(__file__).with_name("builtin.types")
_DESCRIPTIONS = Path(__file__).with_name("builtin.descriptions")

_MACHINERY = "io.k8s.apimachinery.pkg."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions."
# Groups that are not simply called io.k8s.api.<first word>.
_PACKAGES = {
    "": "io.k8s.api.core.",
    "meta.k8s.io": _MACHINERY + "apis.meta.",
    "apiextensions.k8s.io": _EXTENSIONS,
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration.",
}
# Types that write themselves: what they are in JSON.
_SPECIAL = {
    _MACHINERY + "api.resource.Quantity": ("string", "quantity"),
    _MACHINERY + "apis.meta.v1.Time": ("string", "date-time"),
    _MACHINERY + "apis.meta.v1.MicroTime": ("string", "micro-time"),
    _MACHINERY + "apis.meta.v1.FieldsV1": ("any", ""),
    _MACHINERY + "runtime.RawExtension": ("any", ""),
    _MACHINERY + "util.intstr.IntOrString": ("any", "int-or-string"),
    _EXTENSIONS + "v1.JSON": ("any", ""),
    _EXTENSIONS + "v1.JSONSchemaPropsOrArray": ("any", "schema-or-list"),
    _EXTENSIONS + "v1.JSONSchemaPropsOrBool": ("any", "schema-or-bool"),
    _EXTENSIONS + "v1.JSONSchemaPropsOrStringArray": ("any", "schema-or-strings"),
}
_SCALARS = {
    "string": ("string", "", "string"),
    "boolean": ("boolean", "", "bool"),
    "int32": ("integer", "int32", "int32"),
    "int64": ("integer", "int64", "int64"),
    "double": ("number", "double", "float64"),
    "byte": ("string", "byte", "[]uint8"),
    "object": ("any", "", "runtime.RawExtension"),
}
_ZEROS: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}
_ZEROS_BY_FORMAT = {"quantity": "0", "int-or-string": 0, "date-time": None, "micro-time": None, "byte": None}

# The keys of lists that may be left out, and what they are then. (Go's zero is the default of what is always
# written: Node.always.)
_DEFAULTS = {
    ("core.v1.ContainerPort", "protocol"): "TCP",
    ("core.v1.ServicePort", "protocol"): "TCP",
    ("core.v1.LocalObjectReference", "name"): "",
}

_nodes: dict[str, Node] = {}


def node(definition: str) -> Node:
    """The node of a built-in definition ("io.k8s.api.core.v1.Pod"); KeyError if there is no such."""
    return _nodes.get(definition) or _made(definition)


def package_of(group: str) -> str:
    """What the names of a group's definitions begin with, before the version."""
    return _PACKAGES.get(group) or f"io.k8s.api.{group.partition('.')[0]}."


def definition_of(group: str, version: str, kind: str) -> str:
    """The name of a kind's definition; "" if there is none."""
    name = f"{package_of(group)}{version}.{kind}"
    if name in _places():
        return name
    common = f"{_MACHINERY}apis.meta.v1.{kind}"  # Status and DeleteOptions are of every group
    return common if common in _places() else ""


def is_kind(api_version: str, kind: str) -> bool:
    """Does upstream's scheme have such a kind?"""
    group, _, version = api_version.rpartition("/")
    return (api_version, kind) == ("v1", "List") or bool(definition_of(group, version, kind))


def description(definition: str, path: str = "") -> str:
    """What the documentation says of a field ("spec.replicas"), or of the definition itself; "" if nothing.

    Read from the disk: for the headers of tables and OpenAPI, not for every request.
    """
    *above, last = path.split(".")
    at = node(definition)
    for name in above:
        at = at.fields[name]
        at = at.items or at
    return _prose(at.definition).get(last, "")


def descriptions(definition: str) -> dict[str, str]:
    """The texts of all fields of a definition; its own is under ""."""
    return dict(_prose(definition))


def definitions() -> list[str]:
    """The names of all there are."""
    return list(_places())


def raw(definition: str) -> dict[str, Any]:
    """A definition as it was packed (see hatch_build.py), for OpenAPI."""
    return _read(definition)


@lru_cache(1)
def _places() -> dict[str, list[int]]:
    with _TYPES.open("rb") as file:
        return _positions(file.readline())


def _positions(first: bytes) -> dict[str, list[int]]:
    found: dict[str, list[int]] = orjson.loads(first)
    return {intern(name): [at + len(first), size] for name, (at, size) in found.items()}


def _read(definition: str) -> dict[str, Any]:
    at, size = _places()[definition]
    with _TYPES.open("rb") as file:
        file.seek(at)
        found: dict[str, Any] = orjson.loads(file.read(size))
    return found


@lru_cache(8)
def _prose(definition: str) -> dict[str, str]:
    with _DESCRIPTIONS.open("rb") as file:
        at, size = orjson.loads(first := file.readline())[definition]
        file.seek(at + len(first))
        found: dict[str, str] = orjson.loads(zlib.decompress(file.read(size)))
    return found


@lru_cache(1)
def _names() -> dict[tuple[str, str], str]:
    return gonames.table()


def _made(definition: str) -> Node:
    data = _read(definition)
    type, format = _SPECIAL.get(definition, ("object", ""))
    made = _nodes[definition] = Node(type, format)
    made.definition = definition
    made.go_type = ".".join(definition.rsplit(".", 2)[1:])
    made.map_type = data.get("map", "granular")
    if type == "object":
        short = ".".join(definition.rsplit(".", 3)[1:])
        required = data.get("required", ())
        for name, spec in data["fields"].items():
            field = made.fields[intern(name)] = _node_of(spec)
            _as_go_has_it(field, short, name, name in required)
    return made


def _node_of(spec: str | dict[str, Any]) -> Node:
    word = spec if isinstance(spec, str) else spec["type"]
    if word[0] == "@":
        made = _copy(node(intern(word[1:])))
    elif word in ("list", "map"):
        made = Node(word)
        made.items = _node_of(spec["items"])  # type: ignore[index]
        made.go_type = intern(("[]" if word == "list" else "map[string]") + made.items.go_type)
    else:
        type, format, go_type = _SCALARS[word]
        made = Node(type, format)
        made.go_type = go_type
    if not isinstance(spec, str):
        _mark(made, spec)
    return made


def _copy(of: Node) -> Node:
    """Of a definition, for a field that has marks of its own. It shares `fields`, which may not be full
    yet.
    """
    made = Node(of.type, of.format)
    made.definition, made.go_type = of.definition, of.go_type
    made.fields, made.map_type = of.fields, of.map_type
    return made


def _mark(made: Node, spec: dict[str, Any]) -> None:
    made.list_type = spec.get("list", made.list_type)
    made.list_keys = tuple(intern(key) for key in spec.get("keys", ()))
    made.map_type = spec.get("map", made.map_type)
    made.patch_strategy = spec.get("strategy", "")
    made.patch_merge_key = spec.get("merge", "")


def _as_go_has_it(field: Node, short: str, name: str, required: bool) -> None:
    required = required and not _has(gofields.LEFT_OUT, short, name)
    field.pointer = _is_pointer(field, short, name, required)
    field.off = _has(gofields.GATED_OFF, short, name)
    field.default = _DEFAULTS.get((short, name), MISSING)
    field.inline = _inline(short, name)
    field.go_type = _names().get((short, name)) or gonames.ANYWHERE.get(name) or field.go_type
    if required or _has(gofields.WRITTEN, short, name) or (_is_struct(field) and not field.pointer):
        field.always = zero(field)


def zero(field: Node) -> Any:
    """What Go writes where nothing was said: a new value each time."""
    if field.pointer or field.type in ("list", "map"):
        return None
    if field.type == "object":
        return {name: zero(each) for name, each in field.fields.items() if each.always is not MISSING}
    return _ZEROS_BY_FORMAT.get(field.format, _ZEROS.get(field.type))


def _is_struct(field: Node) -> bool:
    return field.type in ("object", "any") or field.format in ("date-time", "micro-time", "quantity")


def _is_pointer(field: Node, short: str, name: str, required: bool) -> bool:
    if _has(gofields.POINTERS, short, name) or _has(gofields.REQUIRED_POINTERS, short, name):
        return True
    if field.format in ("date-time", "micro-time"):
        return _has(gofields.TIME_POINTERS, short, name)
    return _is_struct(field) and not required and not gofields.by_value(short, name)


def _inline(short: str, name: str) -> str:
    for struct, names in gofields.EMBEDDED.get(short, {}).items():
        star, _, others = names.partition(" ")
        if name in names.split() if star != "*" else name not in others.split():
            return struct
    return ""


def _has(table: dict[str, frozenset[str]], short: str, name: str) -> bool:
    return name in table.get(short, ())
