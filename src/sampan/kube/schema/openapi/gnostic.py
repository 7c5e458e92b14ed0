"""A document of version 2 as a protobuf message. https://github.com/google/gnostic openapiv2/OpenAPIv2.proto

kubectl asks for this form. What has no field of its own there is an extension: a name and a text of YAML.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from sampan.kube.schema.protoencoding import VARINT, delimited, tag, varint

Schema = dict[str, Any]
_Encode = Callable[[Any], bytes]


def _text(number: int) -> _Encode:
    return lambda value: delimited(number, str(value).encode())


def _texts(number: int) -> _Encode:
    return lambda value: b"".join(delimited(number, one.encode()) for one in value)


def _flag(number: int) -> _Encode:
    return lambda value: tag(number, VARINT) + varint(bool(value))


def _count(number: int) -> _Encode:
    return lambda value: tag(number, VARINT) + varint(int(value))


def _inside(number: int, encode: _Encode) -> _Encode:
    return lambda value: delimited(number, encode(value))


def _each(number: int, encode: _Encode) -> _Encode:
    return lambda value: b"".join(delimited(number, encode(one)) for one in value)


def _named(number: int, encode: _Encode) -> _Encode:
    """A map is a list of names and values."""
    return lambda value: b"".join(
        delimited(number, delimited(1, name.encode()) + delimited(2, encode(one)))
        for name, one in value.items()
    )


def _any(value: Any) -> bytes:
    return delimited(2, json.dumps(value, separators=(",", ":")).encode() + b"\n")


def _message(value: Schema, fields: dict[str, _Encode], extensions: int) -> bytes:
    parts = [encode(value[name]) for name, encode in fields.items() if name in value]
    own: Iterable[tuple[str, Any]] = ((name, one) for name, one in value.items() if name.startswith("x-"))
    parts += [
        delimited(extensions, delimited(1, name.encode()) + delimited(2, _any(one))) for name, one in own
    ]
    return b"".join(parts)


def schema(value: Schema) -> bytes:
    return _message(value, _SCHEMA, 31)


def _additional(value: Any) -> bytes:
    return _flag(2)(value) if isinstance(value, bool) else delimited(1, schema(value))


def _types(value: Any) -> bytes:
    return _texts(1)([value] if isinstance(value, str) else value)


_SCHEMA: dict[str, _Encode] = {
    "$ref": _text(1),
    "format": _text(2),
    "title": _text(3),
    "description": _text(4),
    "maxLength": _count(11),
    "minLength": _count(12),
    "pattern": _text(13),
    "maxItems": _count(14),
    "minItems": _count(15),
    "uniqueItems": _flag(16),
    "maxProperties": _count(17),
    "minProperties": _count(18),
    "required": _texts(19),
    "enum": _each(20, _any),
    "additionalProperties": _inside(21, _additional),
    "type": _inside(22, _types),
    "items": _inside(23, lambda value: delimited(1, schema(value))),
    "properties": _inside(25, _named(1, schema)),
}
_QUERY: dict[str, _Encode] = {
    "required": _flag(1),
    "in": _text(2),
    "description": _text(3),
    "name": _text(4),
    "type": _text(6),
    "uniqueItems": _flag(20),
}
_PATH: dict[str, _Encode] = {**_QUERY, "type": _text(5), "uniqueItems": _flag(19)}
_BODY: dict[str, _Encode] = {
    "description": _text(1),
    "name": _text(2),
    "in": _text(3),
    "required": _flag(4),
    "schema": _inside(5, schema),
}


def _parameter(value: Schema) -> bytes:
    """Within four messages that only say which kind it is."""
    if value["in"] == "body":
        return delimited(1, delimited(1, _message(value, _BODY, 6)))
    if value["in"] == "path":
        kind = delimited(4, _message(value, _PATH, 22))
    else:
        kind = delimited(3, _message(value, _QUERY, 23))
    return delimited(1, delimited(2, kind))


def _response(value: Schema) -> bytes:
    fields = {"description": _text(1), "schema": _inside(2, lambda one: delimited(1, schema(one)))}
    return delimited(1, _message(value, fields, 5))


_OPERATION: dict[str, _Encode] = {
    "tags": _texts(1),
    "description": _text(3),
    "operationId": _text(5),
    "produces": _texts(6),
    "consumes": _texts(7),
    "parameters": _each(8, _parameter),
    "responses": _inside(9, _named(1, _response)),
    "schemes": _texts(10),
}


def _operation(value: Schema) -> bytes:
    return _message(value, _OPERATION, 13)


_ITEM: dict[str, _Encode] = {
    "get": _inside(2, _operation),
    "put": _inside(3, _operation),
    "post": _inside(4, _operation),
    "delete": _inside(5, _operation),
    "patch": _inside(8, _operation),
    "parameters": _each(9, _parameter),
}
_KEY: dict[str, _Encode] = {"type": _text(1), "name": _text(2), "in": _text(3), "description": _text(4)}
_DOCUMENT: dict[str, _Encode] = {
    "swagger": _text(1),
    "info": _inside(2, lambda value: _message(value, {"title": _text(1), "version": _text(2)}, 7)),
    "paths": _inside(8, _named(2, lambda value: _message(value, _ITEM, 10))),
    "definitions": _inside(9, _named(1, schema)),
    "security": _each(12, _named(1, _texts(1))),
    "securityDefinitions": _inside(13, _named(1, lambda value: delimited(2, _message(value, _KEY, 5)))),
}


def document(value: Schema) -> bytes:
    """Of a whole document of version 2."""
    return _message(value, _DOCUMENT, 16)
