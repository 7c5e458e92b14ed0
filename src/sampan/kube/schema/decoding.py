"""Bodies to objects, as Go's decoder of Kubernetes' types does it, and in its words.

Each node is compiled once into a function that takes a JSON value and gives a new one: types are checked,
unknown fields and nulls are left out, amounts and times are written the canonical way, and what Go writes
even when there is nothing is put in (gofields.py).
"""

import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import yaml

from sampan.errors import Invalid
from sampan.kube.schema.node import MISSING, Node
from sampan.specs.golang.json import kind_of
from sampan.specs.golang.jsonsyntax import syntax_error
from sampan.specs.kubernetes import quantity
from sampan.specs.kubernetes import time as times

SNIPPET = 30  # bytes of a body that are shown
DEEPEST = 900  # levels of a body; nothing that is served has a tenth of that
NO_KIND = "couldn't get version/kind; json parse error: "
HEADER = (
    r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
)


class DecodeError(Exception):
    """Its text is Go's."""


class _Mistyped(Exception):
    """On its way out of a value: the place is put together by those around it."""

    def __init__(self, value: Any, wanted: str) -> None:
        super().__init__()
        self.kind = kind_of(value)
        if self.kind == "number" and wanted in ("int32", "int64"):
            self.kind = f"number {orjson.dumps(value).decode()}"
        self.wanted = wanted
        self.struct = ""
        self.path: list[str] = []

    def __str__(self) -> str:
        where = f"struct field {self.struct}.{'.'.join(reversed(self.path))}" if self.struct else "value"
        return f"json: cannot unmarshal {self.kind} into Go {where} of type {self.wanted}"


@dataclass(slots=True)
class Decoded:
    """`unknown`: `unknown field "spec.foo"`, one text for each."""

    object: dict[str, Any]
    unknown: list[str]


# --- texts to values


def parse_json(data: bytes) -> tuple[Any, list[str]]:
    """The value, and `duplicate field "x"` for each field that is there twice; the last one counts.

    Raises DecodeError.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _slowly(data)
    if type(value) is not dict:
        _check_header(value)
        return ({} if value is None else value), []
    _check_header(value)
    return value, _duplicates(data) if data.count(b'":') != _keys(value) else []


def _slowly(data: bytes) -> Any:
    """What the fast parser does not take and Go does (lone surrogates, invalid UTF-8); raises DecodeError."""
    text = data.decode("utf-8", "replace")
    wrong = syntax_error(text)
    if wrong:
        raise DecodeError(NO_KIND + wrong)
    try:
        value = json.loads(text)
        return orjson.loads(orjson.dumps(_clean(value)))
    except (ValueError, RecursionError, TypeError):
        raise DecodeError(NO_KIND + "exceeded max depth") from None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8", "replace")
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(one) for key, one in value.items()}
    return value


def _keys(value: Any) -> int:
    """How many fields there are in all."""
    count = 0
    todo = [value]
    while todo:
        one = todo.pop()
        if type(one) is dict:
            count += len(one)
            todo += one.values()
        elif type(one) is list:
            todo += one
    return count


class _Twice(dict[str, Any]):
    """An object with the fields that it had more than once."""

    twice: tuple[str, ...] = ()


def _duplicates(data: bytes) -> list[str]:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made = _Twice(found)
        if len(made) != len(found):
            names = [name for name, _ in found]
            made.twice = tuple(name for name in made if names.count(name) > 1)
        return made

    try:
        value = json.loads(data.decode("utf-8", "replace"), object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return []
    found: list[str] = []
    _tell_duplicates(value, "", found)
    return found


def _tell_duplicates(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, _Twice):
        found += [f'duplicate field "{path}{name}"' for name in value.twice]
        for name, one in value.items():
            _tell_duplicates(one, f"{path}{name}.", found)
    elif isinstance(value, list):
        for at, one in enumerate(value):
            _tell_duplicates(one, f"{path[:-1]}[{at}].", found)


def _check_header(value: Any) -> None:
    """apiVersion and kind are read first, by themselves."""
    if value is None:
        return
    if not isinstance(value, dict):
        raise DecodeError(f"{NO_KIND}json: cannot unmarshal {kind_of(value)} into Go value of type {HEADER}")
    for name in ("apiVersion", "kind"):
        one = value.get(name)
        if one is not None and not isinstance(one, str):
            raise DecodeError(
                f"{NO_KIND}json: cannot unmarshal {kind_of(one)} into Go struct field .{name} of type string"
            )
    version = value.get("apiVersion") or ""
    if version.count("/") > 1:
        raise DecodeError(f"unexpected GroupVersion string: {version}")


class _Loader(yaml.CSafeLoader):
    """YAML to what JSON can say: no dates, no aliases within themselves."""


_Loader.yaml_implicit_resolvers = {
    char: [
        one for one in resolvers if one[0] not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
    ]
    for char, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
MOST_NODES = 200_000  # of a YAML document with its aliases written out


def parse_yaml(data: bytes) -> tuple[Any, list[str]]:
    """The first document, as parse_json; raises DecodeError."""
    try:
        loader = _Loader(data)
        try:
            found = loader.get_node() if loader.check_node() else None
            duplicates: list[str] = []
            value = None if found is None else _value_of(loader, found, "", duplicates, [0], ())
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise DecodeError(f"yaml: {_yaml_message(error)}") from None
    except (RecursionError, ValueError, UnicodeError) as error:
        raise DecodeError(f"yaml: {error}") from None
    _check_header(value)
    return ({} if value is None else value), duplicates


def _value_of(
    loader: Any, node: Any, path: str, duplicates: list[str], count: list[int], around: tuple[Any, ...]
) -> Any:
    count[0] += 1
    if count[0] > MOST_NODES:
        raise ValueError("document contains excessive aliasing")
    if len(around) > DEEPEST:
        raise ValueError("exceeded max depth")
    if isinstance(node, yaml.ScalarNode):
        return _scalar_of(loader.construct_object(node))
    if any(node is one for one in around):
        raise ValueError(f"anchor '{getattr(node, 'anchor', None) or 'a'}' value contains itself")
    inside = (*around, node)
    if isinstance(node, yaml.SequenceNode):
        return [
            _value_of(loader, one, f"{path[:-1]}[{at}].", duplicates, count, inside)
            for at, one in enumerate(node.value)
        ]
    loader.flatten_mapping(node)
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _key_of(_value_of(loader, key_node, "", [], count, inside))
        if key in found:
            duplicates.append(f'key "{key}" already set in map')
        found[key] = _value_of(loader, value_node, f"{path}{key}.", duplicates, count, inside)
    return found


def _scalar_of(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise ValueError("json: unsupported value: " + ("NaN" if value != value else f"{value:+}"))
    return value


def _key_of(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, str):
        return key
    if key is None:
        return "null"
    return str(key)


def _yaml_message(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    return f"line {mark.line + 1}: {problem}" if mark is not None and mark.line > 0 else problem


def unrecognized(kind: str, error: Exception, data: bytes) -> str:
    """What is said of a body that is no object of any kind."""
    return f"the object provided is unrecognized (must be of type {kind}): {error} ({_snippet(data)})"


def _snippet(data: bytes) -> str:
    if not data:
        return "<empty>"
    shown = data[:SNIPPET].decode("utf-8", "replace") if data[:1] == b"{" else data[:SNIPPET].hex()
    return shown if len(data) <= SNIPPET else f"{shown} ..."


def go_kind(value: Any) -> str:
    """How Go's decoder names a value's type."""
    return kind_of(value)


# --- values to objects

# (value, marks whether a field was unknown) -> the new value, or DROP
_Decode = Callable[[Any, list[bool]], Any]
DROP = object()
_compiled: dict[int, tuple[Node, _Decode]] = {}


def decode(node: Node, value: Any, kind: str) -> Decoded:
    """A new object; raises DecodeError."""
    marks: list[bool] = []
    try:
        found = _decoder(node)({} if value is None else value, marks)
    except _Mistyped as error:
        raise DecodeError(str(error)) from None
    except RecursionError:
        raise DecodeError("exceeded max depth") from None
    unknown = [f'unknown field "{path}"' for path in _unknown(node, value, "")] if marks else []
    return Decoded(found, unknown)


def _decoder(node: Node) -> _Decode:
    known = _compiled.get(id(node))
    if known is None:
        known = _compiled[id(node)] = (node, _compile(node))
    return known[1]


def _omits(node: Node) -> bool:
    """Is an empty value as good as none? (Go's omitempty, and not a pointer.)"""
    return not node.pointer and node.always is MISSING


def _compile(node: Node) -> _Decode:
    if node.type == "object":
        return _object(node)
    if node.type == "list":
        return _list(node)
    if node.type == "map":
        return _map(node)
    if node.format == "int-or-string":
        return _int_or_string
    if node.type == "any":
        return lambda value, _marks: value
    if node.type == "integer":
        return _integer(node)
    if node.type == "number":
        return _number(node)
    if node.type == "boolean":
        return _boolean(node)
    return _string(node)


def _object(node: Node) -> _Decode:
    """Recursive ones compile their fields at their first value."""
    name = node.go_type.rpartition(".")[2]
    wanted = node.go_type
    fields: dict[str, _Decode] = {}
    always: list[tuple[str, Any]] = []
    state = {"ready": False}

    def prepare() -> None:
        state["ready"] = True
        for field, inner in node.fields.items():
            fields[field] = _dropped if inner.off else _decoder(inner)
            if inner.always is not MISSING:
                always.append((field, _maker(inner)))

    def decode_object(value: Any, marks: list[bool]) -> Any:
        if type(value) is not dict:
            raise _Mistyped(value, wanted)
        if not state["ready"]:
            prepare()
        found = {}
        key = ""
        try:
            for key, one in value.items():
                inner = fields.get(key)
                if inner is None:
                    marks.append(True)
                elif one is not None:
                    made = inner(one, marks)
                    if made is not DROP:
                        found[key] = made
        except _Mistyped as error:
            error.struct = error.struct or name
            error.path.append(key)
            if key in node.fields and node.fields[key].inline:
                error.path.append(node.fields[key].inline)
            raise
        for field, make in always:
            if field not in found:
                found[field] = make()
        return found

    return decode_object


def _dropped(_value: Any, _marks: list[bool]) -> Any:
    """Of a field whose feature is off."""
    return DROP


def _maker(node: Node) -> Callable[[], Any]:
    """What is written for nothing: a struct with what its own fields write."""
    if node.type != "object" or node.always is None:
        value = node.always
        return lambda: value
    return lambda: _decoder(node)({}, [])


def _list(node: Node) -> _Decode:
    assert node.items is not None
    inner = node.items
    wanted, omits = node.go_type, _omits(node)

    def decode_list(value: Any, marks: list[bool]) -> Any:
        if type(value) is not list:
            raise _Mistyped(value, wanted)
        if not value and omits:
            return DROP
        decoder = _decoder(inner)
        found = []
        for one in value:
            made = decoder(one, marks) if one is not None else _nothing(inner)
            found.append(_nothing(inner) if made is DROP else made)
        return found

    return decode_list


def _nothing(node: Node) -> Any:
    """A null within a list or map is the type's zero."""
    if node.type == "object":
        return _decoder(node)({}, [])
    if node.type in ("string", "integer", "number", "boolean"):
        zero = {"string": "", "integer": 0, "number": 0, "boolean": False}[node.type]
        return (
            None if node.format in ("date-time", "micro-time") else "0" if node.format == "quantity" else zero
        )
    return 0 if node.format == "int-or-string" else None


def _map(node: Node) -> _Decode:
    assert node.items is not None
    inner = node.items
    wanted, omits = node.go_type, _omits(node)

    def decode_map(value: Any, marks: list[bool]) -> Any:
        if type(value) is not dict:
            raise _Mistyped(value, wanted)
        if not value and omits:
            return DROP
        decoder = _decoder(inner)
        found = {}
        for key, one in value.items():
            made = decoder(one, marks) if one is not None else _nothing(inner)
            found[key] = _nothing(inner) if made is DROP else made
        return found

    return decode_map


def _string(node: Node) -> _Decode:
    special = {"quantity": _quantity, "date-time": _time, "micro-time": _micro_time, "byte": _bytes}.get(
        node.format
    )
    if special is not None:
        return special
    omits = _omits(node)

    def decode_string(value: Any, _marks: list[bool]) -> Any:
        if type(value) is not str:
            raise _Mistyped(value, "string")
        return value if value or not omits else DROP

    return decode_string


def _boolean(node: Node) -> _Decode:
    omits = _omits(node)

    def decode_boolean(value: Any, _marks: list[bool]) -> Any:
        if type(value) is not bool:
            raise _Mistyped(value, "bool")
        return value if value or not omits else DROP

    return decode_boolean


def _integer(node: Node) -> _Decode:
    bits = 31 if node.format == "int32" else 63
    low, high, wanted, omits = -(1 << bits), (1 << bits) - 1, node.go_type, _omits(node)

    def decode_integer(value: Any, _marks: list[bool]) -> Any:
        if type(value) is not int or not low <= value <= high:
            if type(value) is float and value.is_integer() and low <= value <= high:
                return int(value)
            raise _Mistyped(value, wanted)
        return value if value or not omits else DROP

    return decode_integer


def _number(node: Node) -> _Decode:
    omits = _omits(node)

    def decode_number(value: Any, _marks: list[bool]) -> Any:
        if type(value) not in (int, float):
            raise _Mistyped(value, "float64")
        return value if value or not omits else DROP

    return decode_number


def _int_or_string(value: Any, _marks: list[bool]) -> Any:
    if type(value) is str:
        return value
    if type(value) is not int:
        raise DecodeError(f"json: cannot unmarshal {kind_of(value)} into Go value of type int32")
    if not -(1 << 31) <= value < 1 << 31:
        raise DecodeError(f"json: cannot unmarshal number {value} into Go value of type int32")
    return value


def _quantity(value: Any, _marks: list[bool]) -> Any:
    if type(value) is not str:
        value = orjson.dumps(value).decode()
    try:
        return quantity.canonical(value)
    except Invalid as error:
        raise DecodeError(error.message) from None


def _time(value: Any, _marks: list[bool]) -> Any:
    if type(value) is not str:
        raise DecodeError(f"json: cannot unmarshal {kind_of(value)} into Go value of type string")
    try:
        return times.canonical(value)
    except Invalid as error:
        raise DecodeError(error.message) from None


def _micro_time(value: Any, _marks: list[bool]) -> Any:
    if type(value) is not str:
        raise DecodeError(f"json: cannot unmarshal {kind_of(value)} into Go value of type string")
    try:
        return times.canonical_micro(value)
    except Invalid as error:
        raise DecodeError(error.message) from None


def _bytes(value: Any, _marks: list[bool]) -> Any:
    """base64, without line breaks as Go writes it."""
    if type(value) is not str:
        raise _Mistyped(value, "[]uint8")
    plain = value.replace("\r", "").replace("\n", "")
    try:
        binascii.a2b_base64(plain.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise DecodeError(f"illegal base64 data at input byte {_bad_byte(plain)}") from None
    return plain


def _bad_byte(text: str) -> int:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for at, char in enumerate(text):
        if char not in alphabet:
            return at if char != "=" or at % 4 < 2 else min(at, len(text))
    return len(text) - len(text) % 4 if len(text) % 4 else len(text)


# --- what was not known


def _unknown(node: Node, value: Any, path: str) -> list[str]:
    """The places of fields that the schema does not have; only asked when there are some."""
    found: list[str] = []
    if node.type == "object" and isinstance(value, dict):
        for key, one in value.items():
            inner = node.fields.get(key)
            place = f"{path}.{key}" if path else key
            found += [place] if inner is None else _unknown(inner, one, place)
    elif node.type == "list" and node.items is not None and isinstance(value, list):
        for at, one in enumerate(value):
            found += _unknown(node.items, one, f"{path}[{at}]")
    elif node.type == "map" and node.items is not None and isinstance(value, dict):
        for key, one in value.items():
            found += _unknown(node.items, one, f"{path}.{key}")
    return found
