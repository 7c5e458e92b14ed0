"""Objects to protobuf messages, as far as their JSON form has them. protobuf.dev/programming-guides/encoding

A message is compiled once into a function that appends an object's fields to a buffer, by number, as
Kubernetes' own encoder writes them. What JSON leaves out is not sent, so that it is a zero for who reads it.
"""

import binascii
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from sampan.kube.schema.protoforms import SCHEMA, Member, members
from sampan.specs.kubernetes import time as times

VARINT, FIXED64, BYTES = 0, 1, 2
Write = Callable[[Any, bytearray], None]


def varint(number: int) -> bytes:
    """Of 64 bits; negative ones are two's complement."""
    if 0 <= number < 128:
        return _SMALL[number]
    number &= (1 << 64) - 1
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


_SMALL = [bytes((number,)) for number in range(128)]


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def delimited(number: int, content: bytes | bytearray) -> bytes:
    """A field of bytes, a text or a message."""
    return tag(number, BYTES) + varint(len(content)) + content


@lru_cache(maxsize=1000)
def writer(message: str) -> Write:
    """(object, buffer): appends the object's fields."""
    fields: list[tuple[str, Write]] = []

    def write(value: Any, out: bytearray) -> None:
        if not fields:  # at the first value: a message may contain itself
            fields.extend((member.name, _field(member)) for member in members(message))
        for name, write_field in fields:
            one = value.get(name) if name else value
            if one is not None:
                write_field(one, out)

    return write


def _field(member: Member) -> Write:
    if member.form == "inline":
        return _inline(member)
    one = _one(member)
    if member.map:
        return _map(member, one)
    if member.repeated:
        return _repeated(one)
    return one


def _repeated(one: Write) -> Write:
    def write(value: Any, out: bytearray) -> None:
        for each in value:
            one(each, out)

    return write


def _inline(member: Member) -> Write:
    """Sent even if nothing of it is there, as a struct by value is."""
    inner, head = writer(member.message), tag(member.number, BYTES)

    def write(value: Any, out: bytearray) -> None:
        content = bytearray()
        inner(value, content)
        out += head + varint(len(content)) + content

    return write


def _map(member: Member, one: Write) -> Write:
    """A message for each entry, with the key as 1 and the value as 2; sorted, as Go's encoder does."""
    head = tag(member.number, BYTES)

    def write(value: Any, out: bytearray) -> None:
        for key in sorted(value):
            entry = bytearray(delimited(1, key.encode()))
            if value[key] is not None:
                one(value[key], entry)
            out += head + varint(len(entry)) + entry

    return write


def _one(member: Member) -> Write:
    number = 2 if member.map else member.number
    if member.form in ("bool", "int32", "int64"):
        return _number(tag(number, VARINT))
    if member.form == "double":
        return _double(tag(number, FIXED64))
    return _content(tag(number, BYTES), _contents(member))


def _number(head: bytes) -> Write:
    def write(value: Any, out: bytearray) -> None:
        out += head + varint(value)

    return write


def _double(head: bytes) -> Write:
    def write(value: Any, out: bytearray) -> None:
        out += head + struct.pack("<d", value)

    return write


def _content(head: bytes, content_of: Callable[[Any], bytes | bytearray]) -> Write:
    def write(value: Any, out: bytearray) -> None:
        content = content_of(value)
        out += head + varint(len(content)) + content

    return write


def _contents(member: Member) -> Callable[[Any], bytes | bytearray]:
    return _CONTENTS.get(member.form) or _message(member.message)


def _message(message: str) -> Callable[[Any], bytearray]:
    inner = writer(message)

    def content(value: Any) -> bytearray:
        out = bytearray()
        inner(value, out)
        return out

    return content


def _quantity(value: str) -> bytes:
    return delimited(1, value.encode())


def _time(value: str) -> bytes:
    """Seconds only, as JSON has no more."""
    return tag(1, VARINT) + varint(times.parse(value)[0]) + tag(2, VARINT) + varint(0)


def _micro_time(value: str) -> bytes:
    seconds, nanoseconds = times.parse(value)
    return tag(1, VARINT) + varint(seconds) + tag(2, VARINT) + varint(nanoseconds)


def _int_or_string(value: int | str) -> bytes:
    text, number = (value, 0) if isinstance(value, str) else ("", value)
    kind = tag(1, VARINT) + varint(isinstance(value, str))
    return kind + tag(2, VARINT) + varint(number) + delimited(3, text.encode())


def _raw(value: Any) -> bytes:
    return delimited(1, orjson.dumps(value))


def _items(value: list[str]) -> bytes:
    return b"".join(delimited(1, each.encode()) for each in value)


def _schema(value: Any) -> bytearray:
    return _message(SCHEMA)(value)


def _schema_or_bool(value: Any) -> bytes:
    allows = tag(1, VARINT) + varint(value is not False)
    return allows + delimited(2, _schema(value)) if isinstance(value, dict) else allows


def _schema_or_list(value: Any) -> bytes:
    if isinstance(value, list):
        return b"".join(delimited(2, _schema(each)) for each in value)
    return delimited(1, _schema(value))


def _schema_or_strings(value: Any) -> bytes:
    if isinstance(value, list):
        return b"".join(delimited(2, each.encode()) for each in value)
    return delimited(1, _schema(value))


_CONTENTS: dict[str, Callable[[Any], bytes | bytearray]] = {
    "string": str.encode,
    "bytes": binascii.a2b_base64,
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
