"""Fields of the messages that Kubernetes' objects are in protobuf: names, numbers, types. Pure.

messages.txt has a line for each message: its name and `field:number:type`, `*` before a repeated type; a type
without a dot is a scalar or in the same package.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Field(NamedTuple):
        name: str
        number: int
        type: str  # a scalar ("string", "bytes", ...), the whole name of a message, or "map"
        repeated: bool
        value: str  # of a map: the type of its values; keys are strings

else:
    from collections import namedtuple

    Field = namedtuple("Field", "name number type repeated value")

SCALARS = ("string", "bytes", "bool", "int32", "int64", "double")
_lines: "dict[str, str]" = {}


def names() -> "list[str]":
    """Of all messages, "api.core.v1.Pod"."""
    return list(_read())


def fields(message: str) -> "list[Field]":
    """In the order in which they are written; KeyError if there is no such message."""
    package = message.rpartition(".")[0]
    return [_field(text, package) for text in _read()[message].split()]


def _field(text: str, package: str) -> "Field":
    name, number, type = text.split(":")
    repeated = type.startswith("*")
    type = type.removeprefix("*")
    if type.startswith("map<string,"):
        return Field(name, int(number), "map", False, _whole(type[11:-1], package))
    return Field(name, int(number), _whole(type, package), repeated, "")


def _whole(type: str, package: str) -> str:
    return type if type in SCALARS or "." in type else f"{package}.{type}"


def _read() -> "dict[str, str]":
    if not _lines:
        with open(os.path.join(os.path.dirname(__file__), "messages.txt"), encoding="ascii") as file:
            for line in file:
                name, _, rest = line.rstrip("\n").partition(" ")
                _lines[name] = rest
    return _lines
