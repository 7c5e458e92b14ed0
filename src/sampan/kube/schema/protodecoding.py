"""Protobuf messages to JSON values, and what Go's decoders say of bytes that are none.

What comes out is what was sent, explicit zeros included: decoding.py makes an object of it. Unknown fields
are skipped. https://protobuf.dev/programming-guides/encoding
"""

import binascii
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from sampan.kube.schema.parsing import DecodeError
from sampan.kube.schema.protoencoding import BYTES, FIXED64, VARINT
from sampan.kube.schema.protoforms import SCHEMA, Member, members
from sampan.specs.kubernetes import time as times

FIXED32 = 5
DEEPEST = 100  # messages within messages
_END = "unexpected EOF"

# (value, what it is to be put in, how deep it is)
_Put = Callable[[Any, dict[str, Any], int], None]


def fields(data: bytes) -> "list[tuple[int, int, Any]]":
    """(number, wire type, value) of each field: an int, or bytes. Raises DecodeError."""
    found = []
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire_type = key >> 3, key & 7
        if number <= 0:
            raise DecodeError(f"proto: illegal tag {number} (wire type {wire_type})")
        value: Any
        if wire_type == VARINT:
            value, at = _varint(data, at)
        elif wire_type == BYTES:
            size, at = _varint(data, at)
            value, at = _taken(data, at, size)
        elif wire_type in (FIXED64, FIXED32):
            value, at = _taken(data, at, 8 if wire_type == FIXED64 else 4)
        else:
            raise DecodeError(f"proto: illegal wireType {wire_type}")
        found.append((number, wire_type, value))
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise DecodeError(_END)
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & ((1 << 64) - 1), at
        shift += 7
        if shift >= 64:
            raise DecodeError("proto: integer overflow")


def _taken(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if size >= 1 << 63:
        raise DecodeError("proto: negative length found during unmarshaling")
    if at + size > len(data):
        raise DecodeError(_END)
    return data[at : at + size], at + size


def read(message: str, data: bytes, depth: int = 0) -> dict[str, Any]:
    """The members of a message. Raises DecodeError."""
    found: dict[str, Any] = {}
    _read_into(message, data, found, depth)
    return found


def _read_into(message: str, data: bytes, found: dict[str, Any], depth: int) -> None:
    if depth > DEEPEST:
        raise DecodeError("exceeded max depth")
    known = _plan(message)
    for number, wire_type, value in fields(data):
        plan = known.get(number)
        if plan is None:
            continue
        wanted, put, name = plan
        if wire_type != wanted:
            raise DecodeError(f"proto: wrong wireType = {wire_type} for field {name[:1].upper()}{name[1:]}")
        put(value, found, depth)


@lru_cache(maxsize=1000)
def _plan(message: str) -> dict[int, tuple[int, _Put, str]]:
    return {member.number: (_wire_type(member), _put(member), member.name) for member in members(message)}


def _wire_type(member: Member) -> int:
    if member.map:
        return BYTES
    return {"bool": VARINT, "int32": VARINT, "int64": VARINT, "double": FIXED64}.get(member.form, BYTES)


def _put(member: Member) -> _Put:
    name, one = member.name, _one(member)
    if member.form == "inline":
        return lambda value, found, depth: _read_into(member.message, value, found, depth + 1)
    if member.map:
        return _put_entry(member, one)
    if member.repeated:
        return lambda value, found, depth: found.setdefault(name, []).append(one(value, depth))
    if member.form == "message":
        return lambda value, found, depth: _read_into(
            member.message, value, found.setdefault(name, {}), depth + 1
        )

    def put(value: Any, found: dict[str, Any], depth: int) -> None:
        found[name] = one(value, depth)

    return put


def _put_entry(member: Member, one: Callable[[Any, int], Any]) -> _Put:
    empty: Any = {"string": "", "bytes": "", "quantity": "0", "items": []}.get(member.form)

    def put(value: Any, found: dict[str, Any], depth: int) -> None:
        key = ""
        content: Any = {} if member.form == "message" else empty
        for number, wire_type, part in fields(value):
            if number in (1, 2) and wire_type != BYTES:
                raise DecodeError(f"proto: wrong wireType = {wire_type} for field {member.name}")
            if number == 1:
                key = _text(part, 0)
            elif number == 2:
                content = one(part, depth + 1)
        found.setdefault(member.name, {})[key] = content

    return put


def _one(member: Member) -> Callable[[Any, int], Any]:
    if member.form == "message":
        return lambda value, depth: read(member.message, value, depth + 1)
    return _FORMS.get(member.form, _nothing)


def _nothing(_value: Any, _depth: int) -> Any:
    return None


def _text(value: bytes, _depth: int) -> str:
    return value.decode("utf-8", "replace")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _int32(value: int, _depth: int) -> int:
    """Go cuts off what does not fit."""
    value &= (1 << 32) - 1
    return value - (1 << 32) if value >= 1 << 31 else value


def _double(value: bytes, _depth: int) -> float:
    found: float = struct.unpack("<d", value)[0]
    if found - found != 0:
        raise DecodeError("json: unsupported value: " + ("NaN" if found != found else f"{found:+}"))
    return found


def _base64(value: bytes, _depth: int) -> str:
    return binascii.b2a_base64(value, newline=False).decode()


def _first(value: bytes, wire_type: int = BYTES) -> dict[int, Any]:
    """The last value of each field of a small message, if it is of the type it should be."""
    return {number: part for number, kind, part in fields(value) if kind == wire_type}


def _quantity(value: bytes, depth: int) -> str:
    return _text(_first(value).get(1, b"0"), depth)


def _time(value: bytes, _depth: int) -> str | None:
    return _printed(value, lambda seconds, _: times.text(seconds))


def _micro_time(value: bytes, _depth: int) -> str | None:
    return _printed(value, lambda seconds, nanos: times.micro_text(seconds, nanos % 1_000_000_000))


def _printed(value: bytes, show: Callable[[int, int], str]) -> str | None:
    if not value:
        return None
    numbers = _first(value, VARINT)
    seconds = _signed(numbers.get(1, 0))
    # Years with four digits: others are no times in JSON.
    if not -62135596800 <= seconds < 253402300800:
        raise DecodeError("Time.MarshalJSON: year outside of range [0,9999]")
    return show(seconds, _int32(numbers.get(2, 0), 0))


def _int_or_string(value: bytes, depth: int) -> int | str:
    numbers = _first(value, VARINT)
    return _text(_first(value).get(3, b""), depth) if numbers.get(1) else _int32(numbers.get(2, 0), depth)


def _raw(value: bytes, _depth: int) -> Any:
    raw = _first(value).get(1, b"")
    try:
        return orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"error decoding raw JSON: {error}") from None


def _items(value: bytes, depth: int) -> list[str]:
    return [_text(part, depth) for number, kind, part in fields(value) if (number, kind) == (1, BYTES)]


def _schema(value: bytes, depth: int) -> dict[str, Any]:
    return read(SCHEMA, value, depth + 1)


def _schema_or_bool(value: bytes, depth: int) -> Any:
    schema = _first(value).get(2)
    return bool(_first(value, VARINT).get(1)) if schema is None else _schema(schema, depth)


def _schema_or_list(value: bytes, depth: int) -> Any:
    parts = fields(value)
    several = [_schema(part, depth) for number, kind, part in parts if (number, kind) == (2, BYTES)]
    one = next((part for number, kind, part in parts if (number, kind) == (1, BYTES)), None)
    return several or (None if one is None else _schema(one, depth))


def _schema_or_strings(value: bytes, depth: int) -> Any:
    parts = fields(value)
    several = [_text(part, depth) for number, kind, part in parts if (number, kind) == (2, BYTES)]
    one = next((part for number, kind, part in parts if (number, kind) == (1, BYTES)), None)
    return several or (None if one is None else _schema(one, depth))


_FORMS: dict[str, Callable[[Any, int], Any]] = {
    "string": _text,
    "bytes": _base64,
    "bool": lambda value, _depth: bool(value),
    "int32": _int32,
    "int64": lambda value, _depth: _signed(value),
    "double": _double,
    "quantity": _quantity,
    "time": _time,
    "micro-time": _micro_time,
    "int-or-string": _int_or_string,
    "raw": _raw,
    "items": _items,
    "schema-or-bool": _schema_or_bool,
    "schema-or-list": _schema_or_list,
    "schema-or-strings": _schema_or_strings,
}
