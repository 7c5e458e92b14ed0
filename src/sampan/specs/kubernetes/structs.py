"""Objects as Go prints the structs that it has them in: with types, and what is not set too. Pure.

What is printed is go-spew's `%#v` without methods and addresses, with the keys of maps sorted
(k8s.io/apimachinery/pkg/util/dump). structs.txt has a line for each struct of 1.35's PodTemplateSpec in
package v1 (of core or of meta, Go prints both so): its name and `Field:type` in the order of declaration;
`Field=name:type` where the name in JSON is not the field's with a small letter, without a name where the
struct is embedded. It must stay as it is: the names of ReplicaSets are made of it.
"""

import json
import os
from functools import lru_cache

from sampan.specs.kubernetes import quantity, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Print = Callable[[Any], str]

_NUMBERS = frozenset(("int32", "int64"))
_MAPS = {"ResourceList": ("ResourceName", "resource.Quantity"), "map[string]string": ("string", "string")}
_BEFORE_1970 = 62135596800  # seconds from the year 1, where Go's time begins
_LARGEST_EXPONENT = 1000
_WORD = 64  # bits


def printed(type: str, value: "Any") -> str:
    """The value, None where it is not set, with its type: `(v1.PodOS){Name:(v1.OSName)linux}`."""
    return f"({_shown(type)}){_contents(type)(value)}"


def _shown(type: str) -> str:
    """A type's name in Go; those with a capital are of package v1."""
    stars = type[: len(type) - len(type.lstrip("*[]"))]
    rest = type[len(stars) :]
    return f"{stars}v1.{rest}" if rest[:1].isupper() else type


@lru_cache(maxsize=1000)
def _contents(type: str) -> "Print":
    """What prints a value of that type, without the type."""
    if type.startswith("*"):
        return _pointer(_contents(type[1:]))
    if type.startswith("[]"):
        return _slice(_contents(type[2:]))
    if type in _MAPS:
        return _map(_contents(_MAPS[type][1]))
    if type in _SPECIAL:
        return _SPECIAL[type]
    if type in _read():
        return _struct(type)
    return _SCALARS.get(type, _text)


def _pointer(inner: "Print") -> "Print":
    return lambda value: "<nil>" if value is None else inner(value)


def _slice(inner: "Print") -> "Print":
    # An empty list is none once it has been through protobuf, as which controllers get their objects.
    return lambda value: "[" + " ".join(map(inner, value)) + "]" if value else "<nil>"


def _map(inner: "Print") -> "Print":
    def print_map(value: "dict[str, Any] | None") -> str:
        if not value:
            return "<nil>"
        return "map[" + " ".join(f"{key}:{inner(value[key])}" for key in sorted(value)) + "]"

    return print_map


def _struct(name: str) -> "Print":
    fields = [_field(text) for text in _read()[name].split()]

    def print_struct(value: "dict[str, Any] | None") -> str:
        own = value or {}
        parts = [start + inner(own.get(key) if key else own) for start, key, inner in fields]
        return "{" + " ".join(parts) + "}"

    return print_struct


def _field(text: str) -> "tuple[str, str, Print]":
    """How it begins, the name in JSON ("" of an embedded struct), and what prints its value."""
    name, _, type = text.partition(":")
    name, renamed, key = name.partition("=")
    if not renamed:
        key = name[:1].lower() + name[1:]
    return f"{name}:({_shown(type)})", key, _contents(type)


def _text(value: "str | None") -> str:
    return value or ""


def _number(value: "int | None") -> str:
    return str(value or 0)


def _boolean(value: "bool | None") -> str:
    return "true" if value else "false"


def _int_or_string(value: "int | str | None") -> str:
    text, number = (value, 0) if isinstance(value, str) else ("", value or 0)
    kind = int(isinstance(value, str))
    return f"{{Type:(intstr.Type){kind} IntVal:(int32){number} StrVal:(string){text}}}"


def _time(value: "str | None") -> str:
    if value is None:
        return "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"
    # Local time of a machine that keeps UTC, as in the images that upstream publishes.
    zone = (
        "{name:(string)UTC zone:([]time.zone)<nil> tx:([]time.zoneTrans)<nil> extend:(string) "
        "cacheStart:(int64)0 cacheEnd:(int64)0 cacheZone:(*time.zone)<nil>}"
    )
    seconds = time.parse(value)[0] + _BEFORE_1970
    return f"{{Time:(time.Time){{wall:(uint64)0 ext:(int64){seconds} loc:(*time.Location){zone}}}}}"


def _fields_v1(value: "dict[str, Any] | None") -> str:
    raw = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return "{Raw:([]uint8)[" + " ".join(map(str, raw)) + "]}"


def _quantity(text: "str | None") -> str:
    """Kept as an int64 and a power of ten where it fits, with its text where that is sure to be canonical."""
    small, big, format, kept = (0, 0), "<nil>", "", ""
    if text == "0":
        kept = text
    elif text:
        amount = quantity.parse(text)
        format = amount.format
        if amount.small:
            small, kept = (amount.mantissa, amount.exponent), amount.written
        else:
            big = _decimal(amount)
    return (
        f"{{i:(resource.int64Amount){{value:(int64){small[0]} scale:(resource.Scale){small[1]}}} "
        f"d:(resource.infDecAmount){{Dec:(*inf.Dec){big}}} s:(string){kept} "
        f"Format:(resource.Format){format}}}"
    )


def _decimal(amount: quantity.Quantity) -> str:
    """In nanos, or what caps it; the digits are words of 64 bits, the lowest first."""
    mantissa, scale = amount.mantissa, -amount.exponent
    if abs(mantissa) != quantity.MAXIMUM and -_LARGEST_EXPONENT < scale <= -quantity.NANO:
        mantissa, scale = mantissa * 10 ** (-quantity.NANO - scale), -quantity.NANO
    words = []
    rest = abs(mantissa)
    while rest:
        words.append(str(rest % (1 << _WORD)))
        rest >>= _WORD
    digits = "[" + " ".join(words) + "]" if words else "<nil>"
    negative = "true" if mantissa < 0 else "false"
    return f"{{unscaled:(big.Int){{neg:(bool){negative} abs:(big.nat){digits}}} scale:(inf.Scale){scale}}}"


_SCALARS: "dict[str, Print]" = {"bool": _boolean, **dict.fromkeys(_NUMBERS, _number)}
_SPECIAL: "dict[str, Print]" = {
    "resource.Quantity": _quantity,
    "intstr.IntOrString": _int_or_string,
    "Time": _time,
    "FieldsV1": _fields_v1,
}
_lines: "dict[str, str]" = {}


def _read() -> "dict[str, str]":
    if not _lines:
        with open(os.path.join(os.path.dirname(__file__), "structs.txt"), encoding="ascii") as file:
            for line in file:
                name, _, rest = line.rstrip("\n").partition(" ")
                _lines[name] = rest
    return _lines
