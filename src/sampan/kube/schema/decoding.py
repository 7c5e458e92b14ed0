"""JSON values to objects, as Go's decoder of Kubernetes' types makes them, and in its words.

A node is compiled once, into a function that makes a new value of a value that was sent: types are checked,
unknown fields and nulls are left out, amounts and times are written the canonical way. The result is what Go
would write again: without what omitempty leaves out, with what is always written (builtin.py, gofields.py).

A wrong type is remembered, and decoding goes on; only the first one is told, and only if no amount, time or
other value that reads itself fails later. https://pkg.go.dev/encoding/json#Unmarshal
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from sampan.errors import Invalid
from sampan.kube.schema import builtin
from sampan.kube.schema.node import MISSING, Node
from sampan.kube.schema.parsing import DecodeError as DecodeError
from sampan.kube.schema.parsing import go_kind as go_kind
from sampan.kube.schema.parsing import parse_json as parse_json
from sampan.kube.schema.parsing import unrecognized as unrecognized
from sampan.specs.golang.base64 import corrupt_at
from sampan.specs.golang.json import kind_of
from sampan.specs.kubernetes import quantity
from sampan.specs.kubernetes import time as times

MOST_UNKNOWN = 100  # that are told of one object, as upstream's decoder limits them
ZERO_TIME = "0001-01-01T00:00:00Z"
DROP = object()
_SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"

# Where a value is: what it is in, then a key and (Go's struct, the struct embedded in it), an index, or a key
# of a map.
_Place = tuple[Any, str | int, tuple[str, str] | None] | None


class Decoded(NamedTuple):
    """`unknown`: a text like `unknown field "spec.foo"` for each."""

    object: dict[str, Any]
    unknown: list[str]


class _Notes:
    """What was noticed on the way: the first wrong type, and unknown fields."""

    __slots__ = ("unknown", "wrong")

    def __init__(self) -> None:
        self.wrong = ""
        self.unknown: list[str] = []


# A new value, or DROP. None never comes in: what null means depends on what it stands in.
_Decode = Callable[[Any, _Place, _Notes], Any]
# Of a field: the Python type that may be taken as it is, whether it is kept when empty, how any other type of
# value is decoded, and where it is in Go's terms.
_Field = tuple[type | None, bool, _Decode, tuple[str, str]]

_compiled: dict[int, tuple[Node, _Decode]] = {}


def parse_yaml(data: bytes) -> tuple[Any, list[str]]:
    """As parse_json, of the first document. Raises DecodeError."""
    # PyYAML is 2 MB and 10 ms, which a server that sees no YAML need not pay.
    from sampan.kube.schema import yamlparsing

    return yamlparsing.parse_yaml(data)


def decode(node: Node, value: Any) -> Decoded:
    """A new object; raises DecodeError."""
    notes = _Notes()
    try:
        found = _decoder(node)({} if value is None else value, None, notes)
    except RecursionError:
        raise DecodeError("exceeded max depth") from None
    if notes.wrong:
        raise DecodeError(notes.wrong)
    return Decoded(found, list(dict.fromkeys(notes.unknown)))


def _decoder(node: Node) -> _Decode:
    # One function for all places of a definition, whose nodes share their fields.
    key = id(node.fields) if node.type == "object" else id(node)
    known = _compiled.get(key)
    if known is None:
        known = _compiled[key] = (node, _compile(node))
    return known[1]


def _compile(node: Node) -> _Decode:
    if node.format in _FORMATS:
        return _FORMATS[node.format]
    if node.type == "list":
        return _list(node)
    if node.type == "map":
        return _map(node)
    if node.type == "object":
        return _object(node)
    if node.type == "integer":
        return _integer(node)
    if node.type == "any":
        return _anything
    types = {"string": str, "boolean": bool, "number": float}
    return _scalar(types[node.type], node.go_type or {"string": "string", "boolean": "bool"}[node.type])


def keeps_empty(node: Node) -> bool:
    """Does Go write the field when it was sent empty?"""
    return node.always is not MISSING or node.pointer


def _object(node: Node) -> _Decode:
    """Its fields are compiled at the first value: a definition may contain itself."""
    struct, wanted = node.go_type.rpartition(".")[2], node.go_type
    fields: dict[str, _Field] = {}
    always: list[tuple[str, Callable[[], Any]]] = []

    def prepare() -> None:
        for name, inner in node.fields.items():
            fields[name] = _field(inner, struct)
            if inner.always is not MISSING:
                always.append((name, _maker(inner.always)))

    def decode_object(value: Any, at: _Place, notes: _Notes) -> Any:
        if type(value) is not dict:
            return _mistyped(value, wanted, at, notes)
        if not fields:
            prepare()
        found = {}
        for key, one in value.items():
            field = fields.get(key)
            if field is None:
                _unknown(key, at, notes)
            elif one is not None:
                kind, keep, inner, place = field
                if type(one) is kind:
                    if one or keep:
                        found[key] = one
                    continue
                made = inner(one, (at, key, place), notes)
                if made is not DROP:
                    found[key] = made
        for key, make in always:
            if key not in found:
                found[key] = make()
        return found

    return decode_object


def _field(node: Node, struct: str) -> _Field:
    keep = keeps_empty(node)
    place = (struct, node.inline)
    inner = _decoder(node)
    if node.format in ("", "double") and node.type in ("string", "boolean"):
        return (str if node.type == "string" else bool), keep, inner, place
    if keep or node.type == "object":
        return None, keep, inner, place
    return None, keep, _without_empty(inner), place


def _without_empty(inner: _Decode) -> _Decode:
    def decode_some(value: Any, at: _Place, notes: _Notes) -> Any:
        made = inner(value, at, notes)
        return made if made or made is None else DROP

    return decode_some


def _maker(value: Any) -> Callable[[], Any]:
    """Of a new one each time, where it could be changed."""
    if type(value) is not dict:
        return lambda: value
    parts = [(name, _maker(one)) for name, one in value.items()]
    return lambda: {name: make() for name, make in parts}


def _list(node: Node) -> _Decode:
    assert node.items is not None
    wanted, zero, inside = node.go_type, _maker(builtin.zero(node.items)), node.items
    plain = str if node.items.type == "string" and not node.items.format else None

    def decode_list(value: Any, at: _Place, notes: _Notes) -> Any:
        if type(value) is not list:
            return _mistyped(value, wanted, at, notes)
        if plain is not None and all(type(one) is plain for one in value):
            return value.copy()
        inner = _decoder(inside)
        found = []
        for index, one in enumerate(value):
            made = zero() if one is None else inner(one, (at, index, None), notes)
            found.append(zero() if made is DROP else made)
        return found

    return decode_list


def _map(node: Node) -> _Decode:
    assert node.items is not None
    wanted, zero, inside = node.go_type, _maker(builtin.zero(node.items)), node.items
    plain = str if node.items.type == "string" and not node.items.format else None

    def decode_map(value: Any, at: _Place, notes: _Notes) -> Any:
        if type(value) is not dict:
            return _mistyped(value, wanted, at, notes)
        if plain is not None and all(type(one) is plain for one in value.values()):
            return value.copy()
        inner = _decoder(inside)
        found = {}
        for key, one in value.items():
            made = zero() if one is None else inner(one, (at, key, None), notes)
            found[key] = zero() if made is DROP else made
        return found

    return decode_map


def _scalar(kind: type, wanted: str) -> _Decode:
    def decode_scalar(value: Any, at: _Place, notes: _Notes) -> Any:
        if type(value) is kind or (kind is float and type(value) is int):
            return value
        return _mistyped(value, wanted, at, notes)

    return decode_scalar


def _integer(node: Node) -> _Decode:
    bits = 31 if node.format == "int32" else 63
    low, high, wanted = -(1 << bits), (1 << bits) - 1, node.go_type or "int64"

    def decode_integer(value: Any, at: _Place, notes: _Notes) -> Any:
        if type(value) is int and low <= value <= high:
            return value
        return _mistyped(value, wanted, at, notes)

    return decode_integer


def _anything(value: Any, _at: _Place, _notes: _Notes) -> Any:
    return value


# --- values that read themselves: what they find wrong ends the decoding


def _int_or_string(value: Any, at: _Place, _notes: _Notes) -> Any:
    if type(value) is str or (type(value) is int and -(1 << 31) <= value < 1 << 31):
        return value
    raise DecodeError(_wrong_type(value, "int32", at))


def _quantity(value: Any, _at: _Place, _notes: _Notes) -> Any:
    text = value.strip() if type(value) is str else orjson.dumps(value).decode()
    try:
        return quantity.canonical(text)
    except Invalid as error:
        raise DecodeError(error.message) from None


def _time(value: Any, at: _Place, _notes: _Notes) -> Any:
    return _read_time(times.canonical, value, at)


def _micro_time(value: Any, at: _Place, _notes: _Notes) -> Any:
    return _read_time(times.canonical_micro, value, at)


def _read_time(read: Callable[[str], str], value: Any, at: _Place) -> Any:
    if type(value) is not str:
        raise DecodeError(_wrong_type(value, "string", at))
    try:
        return None if value == ZERO_TIME else read(value)
    except Invalid as error:
        raise DecodeError(error.message) from None


def _bytes(value: Any, at: _Place, notes: _Notes) -> Any:
    """base64, written without the line breaks that Go's decoder skips."""
    if type(value) is not str:
        return _mistyped(value, "[]uint8", at, notes)
    wrong = corrupt_at(value)
    if wrong is not None and not notes.wrong:
        notes.wrong = f"illegal base64 data at input byte {wrong}"
    return value.replace("\n", "").replace("\r", "")


def _schema_or_bool(value: Any, at: _Place, notes: _Notes) -> Any:
    if type(value) is not bool and type(value) is not dict:
        raise DecodeError("boolean or JSON schema expected")
    return value if type(value) is bool else _schema(value, at)


def _schema_or_list(value: Any, at: _Place, notes: _Notes) -> Any:
    if type(value) is list:
        return [_schema(one, at) for one in value] or None
    return _schema(value, at) if type(value) is dict else None


def _schema_or_strings(value: Any, at: _Place, notes: _Notes) -> Any:
    if type(value) is not list:
        return _schema(value, at) if type(value) is dict else None
    wrong = next((one for one in value if type(one) is not str), "")
    if wrong:
        raise DecodeError(_wrong_type(wrong, "string", at))
    return value.copy() or None


def _schema(value: Any, at: _Place) -> Any:
    """It is decoded by itself, so nobody is told of its unknown fields."""
    notes = _Notes()
    made = _decoder(builtin.node(_SCHEMA))({} if value is None else value, at, notes)
    if notes.wrong:
        raise DecodeError(notes.wrong)
    return made


_FORMATS: dict[str, _Decode] = {
    "int-or-string": _int_or_string,
    "quantity": _quantity,
    "date-time": _time,
    "micro-time": _micro_time,
    "byte": _bytes,
    "schema-or-bool": _schema_or_bool,
    "schema-or-list": _schema_or_list,
    "schema-or-strings": _schema_or_strings,
}


# --- what is told


def _mistyped(value: Any, wanted: str, at: _Place, notes: _Notes) -> Any:
    notes.wrong = notes.wrong or _wrong_type(value, wanted, at)
    return DROP if at is not None else {}


def _wrong_type(value: Any, wanted: str, at: _Place) -> str:
    kind = kind_of(value)
    if kind == "number" and wanted in ("int32", "int64", "float64"):
        kind = f"number {orjson.dumps(value).decode()}"
    struct, names = "", []
    while at is not None:
        at, name, place = at
        if place is not None:
            struct = struct or place[0]
            names += [str(name), place[1]] if place[1] else [str(name)]
    where = f"struct field {struct}.{'.'.join(reversed(names))}" if struct else "value"
    return f"json: cannot unmarshal {kind} into Go {where} of type {wanted}"


def _unknown(key: str, at: _Place, notes: _Notes) -> None:
    if len(notes.unknown) >= MOST_UNKNOWN:
        return
    path = key
    joint = "."
    while at is not None:
        at, name, _ = at
        path = f"[{name}]{joint}{path}" if type(name) is int else f"{name}{joint}{path}"
        joint = "" if type(name) is int else "."
    notes.unknown.append(f'unknown field "{path}"')
