"""What rules see of a custom resource: a schema as a CEL type; k8s.io/apiserver pkg/cel/common/schemas.go"""

import base64
import binascii
from typing import Any

from sampan.kube.schema.cel.declarations import Convert, Declared
from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.times import parse_duration, parse_time
from sampan.kube.schema.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Field,
    Type,
    list_of,
    map_of,
)
from sampan.kube.schema.cel.values import MapList, SetList

REQUEST = 3 * 1024 * 1024  # the largest request, which bounds what has no bound of its own
_RESERVED_WORDS = (
    "true false null in as break const continue else for function if import let loop package namespace "
    "return var void while"
)
_RESERVED = frozenset(_RESERVED_WORDS.split())
_CHARS = {".": "__dot__", "-": "__dash__", "/": "__slash__"}
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-/")
_NAME = _LETTERS | frozenset("0123456789")
_STRING = {"type": "string"}
_META = {"type": "object", "properties": {"name": _STRING, "generateName": _STRING}}


def escape(name: str) -> str | None:
    """A property's name as expressions spell it; None if they cannot."""
    if name in _RESERVED:
        return f"__{name}__"
    if not name or name[0] not in _LETTERS or not _NAME.issuperset(name):
        return None
    name = name.replace("__", "__underscores__")
    for char, spelt in _CHARS.items():
        name = name.replace(char, spelt)
    return name


def with_meta(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a whole resource, which has its kind and name whether it says so or not."""
    properties = {**schema.get("properties", {}), "kind": _STRING, "apiVersion": _STRING}
    metadata = properties.get("metadata", {})
    properties["metadata"] = {**_META, **metadata, "properties": _META["properties"]}
    return {**schema, "properties": properties}


def declare(schema: dict[str, Any], root: bool = False) -> Declared | None:
    """None: rules cannot see it. `root`: it is a whole resource."""
    if schema.get("x-kubernetes-int-or-string"):
        return Declared(DYN, _length(schema, REQUEST - 2), 1)
    if root:
        schema = with_meta(schema)
    kind = schema.get("type")
    if kind == "array":
        return _array(schema)
    if kind == "object":
        additional = schema.get("additionalProperties")
        return _map(schema, additional) if isinstance(additional, dict) else _object(schema)
    if kind == "string":
        return _string(schema)
    simple = {"boolean": (BOOL, 4), "integer": (INT, 1), "number": (DOUBLE, 1)}
    if kind not in simple:
        return None
    type, least = simple[kind]
    return Declared(type, 0, least, convert=_number if kind == "number" else None)


def _embedded(schema: dict[str, Any]) -> bool:
    return bool(schema.get("x-kubernetes-embedded-resource"))


def _length(schema: dict[str, Any], otherwise: int) -> int:
    """A limit counts characters, a request bytes."""
    limit = schema.get("maxLength")
    return max(limit, 0) * 4 if limit is not None else otherwise


def _array(schema: dict[str, Any]) -> Declared | None:
    items = schema.get("items")
    item = declare(items, _embedded(items)) if isinstance(items, dict) else None
    if item is None:
        return None
    most = schema.get("maxItems")
    most = max(most, 0) if most is not None else (REQUEST - 2) // (item.least + 1)
    kind = schema.get("x-kubernetes-list-type")
    keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
    return Declared(list_of(item.type), most, 2, item=item, convert=_convert_list(item.convert, kind, keys))


def _map(schema: dict[str, Any], values: dict[str, Any]) -> Declared | None:
    item = declare(values, _embedded(values))
    if item is None:
        return None
    most = schema.get("maxProperties")
    most = max(most, 0) if most is not None else (REQUEST - 2) // (item.least + 6)
    key = Declared(STRING, 0, 2)
    return Declared(
        map_of(STRING, item.type), most, 2, key=key, item=item, convert=_convert_map(item.convert)
    )


def _object(schema: dict[str, Any]) -> Declared:
    required = schema.get("required", ())
    fields: dict[str, Declared] = {}
    types: dict[str, Field] = {}
    converts: dict[str, Convert] = {}
    least = 2
    for name, property in schema.get("properties", {}).items():
        declared = declare(property, _embedded(property))
        if declared is None:
            continue
        spelt = escape(name)
        if spelt is not None:
            fields[spelt] = declared
            types[spelt] = Field(name, declared.type)
        if declared.convert is not None:
            converts[name] = declared.convert
        if name in required and property.get("default") is None:
            least += len(name) + declared.least + 4
    type = Type("object", "object", fields=types)
    return Declared(type, 0, least, fields=fields, convert=_convert_object(converts) if converts else None)


def _string(schema: dict[str, Any]) -> Declared:
    format = schema.get("format", "")
    if format == "byte":
        limit = schema.get("maxLength")
        most = max(limit, 0) if limit is not None else REQUEST - 2
        return Declared(BYTES, most, 2, convert=_bytes)
    if format == "duration":
        return Declared(DURATION, 32, 3, convert=_duration)
    if format in ("date", "date-time"):
        most, least = (12, 12) if format == "date" else (32, 21)
        return Declared(TIMESTAMP, most, least, convert=_timestamp)
    enum = [len(one) for one in schema.get("enum", ()) if isinstance(one, str)]
    return Declared(STRING, _length(schema, max(enum, default=0) if schema.get("enum") else REQUEST - 2), 2)


# From JSON to what expressions compute with. What cannot be read stays as it is, and fails where it is used.


def _number(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _bytes(value: Any) -> Any:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return value


def _duration(value: Any) -> Any:
    try:
        return parse_duration(value)
    except (CelEvaluationError, TypeError, AttributeError):
        return value


def _timestamp(value: Any) -> Any:
    if type(value) is not str:
        return value
    try:
        return parse_time(value if len(value) > 10 else f"{value}T00:00:00Z")
    except CelEvaluationError:
        return value


def _convert_list(item: Convert | None, kind: str | None, keys: tuple[str, ...]) -> Convert | None:
    if item is None and kind not in ("set", "map"):
        return None

    def convert(value: Any) -> Any:
        if type(value) is not list:
            return value
        items = [item(one) for one in value] if item is not None else value
        if kind == "map":
            return MapList(items, keys)
        return SetList(items) if kind == "set" else items

    return convert


def _convert_map(item: Convert | None) -> Convert | None:
    if item is None:
        return None
    return lambda value: {key: item(one) for key, one in value.items()} if type(value) is dict else value


def _convert_object(converts: dict[str, Convert]) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is not dict:
            return value
        changed = {name: do(value[name]) for name, do in converts.items() if name in value}
        return {**value, **changed} if changed else value

    return convert
