"""What a template works on, and how Go prints it (fmt's %v).

Documents of the daemon are dicts. Which Go type one stands for decides how it prints and what a missing
key means: a plain dict is map[string]any, `Struct` a struct, `Texts` a map[string]string.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    class Fields(Protocol):
        type_name: str

        def has(self, name: str) -> bool: ...
        def get(self, row: Any, name: str, args: tuple[Any, ...]) -> Any: ...
        def json(self, row: Any) -> str: ...


class Struct(dict[str, "Any"]):
    """A Go struct. `absent` gives the zero value of fields that the JSON leaves out when they are empty.

    `renamed` maps a field's Go name to its JSON name where they differ; `shown` is what printing the struct
    shows, where that is more than the JSON holds.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        type_name: str,
        absent: Mapping[str, Any] | None = None,
        renamed: Mapping[str, str] | None = None,
        shown: list[Any] | None = None,
    ) -> None:
        super().__init__(values)
        self.type_name = type_name
        self.absent = absent or {}
        self.renamed = renamed or {}
        self.shown = shown

    def field(self, name: str) -> Any:
        """Raises KeyError for a field the struct does not have."""
        if name in self.renamed:
            return self[self.renamed[name]]
        if name in self and name not in self.renamed.values():
            return self[name]
        return self.absent[name]


class Texts(dict[str, str]):
    """map[string]string."""


class NilTexts(Texts):
    """A map[string]string that is nil."""


class NilMap(dict[str, "Any"]):
    """A map that is nil."""


class NilList(list["Any"]):
    """A slice that is nil."""


class Record:
    """A row of a listing: fields computed when asked for."""

    def __init__(self, fields: Fields, row: Any) -> None:
        self.fields = fields
        self.row = row


class NoValue:
    """Nothing: what a lookup of something missing gives, or a nil pointer."""

    def __init__(self, text: str) -> None:
        self.text = text


NO_VALUE = NoValue("<no value>")
NIL = NoValue("<nil>")


def truth(value: Any) -> bool:
    """Whether Go's `if` takes it."""
    if isinstance(value, (Struct, Record)):
        return True
    if value is None or isinstance(value, NoValue):
        return False
    return bool(value)


def type_name(value: Any) -> str:
    """Go's %T."""
    if value is None or isinstance(value, NoValue):
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Struct):
        return value.type_name
    if isinstance(value, Record):
        return value.fields.type_name
    if isinstance(value, Texts):
        return "map[string]string"
    if isinstance(value, dict):
        return "map[string]interface {}"
    return "[]interface {}"


def show(value: Any, top: bool = False) -> str:
    """Go's %v. At the top of an action nothing is <no value>, inside something it is <nil>."""
    if isinstance(value, str):
        return value
    if isinstance(value, NoValue):
        return value.text if top else "<nil>"
    if value is None:
        return "<no value>" if top else "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return show_float(value)
    if isinstance(value, Struct):
        items = value.values() if value.shown is None else value.shown
        return "{" + " ".join(show(item) for item in items) + "}"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{show(key)}:{show(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, Record):
        return "{" + show(value.row) + "}"
    return "[" + " ".join(show(item) for item in value) + "]"


def show_float(value: float) -> str:
    """%v of a float64: shortest digits, an exponent below 1e-4 and from 1e6."""
    if value != value or value in (float("inf"), float("-inf")):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    mantissa, _, exponent = f"{value:.17e}".partition("e")
    for digits in range(17):  # the fewest digits that read back as the same number
        mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
        if float(f"{mantissa}e{exponent}") == value:
            break
    power = int(exponent)
    if power < -4 or power >= _EXPONENT_FROM:
        return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    decimals = max(len(mantissa.lstrip("-").replace(".", "")) - 1 - power, 0)
    return f"{value:.{decimals}f}"


_EXPONENT_FROM = 6


def to_json(value: Any) -> str:
    """JSON without HTML escapes: structs in their order, maps sorted."""
    from sampan.cli import gojson

    if isinstance(value, Record):
        return value.fields.json(value.row)
    if value is None or isinstance(value, (NoValue, NilList, NilMap, NilTexts)):
        return "null"
    if isinstance(value, (dict, list, tuple)):
        if isinstance(value, dict):
            keys = list(value) if isinstance(value, Struct) else sorted(value)
            return "{" + ",".join(f"{to_json(key)}:{to_json(value[key])}" for key in keys) + "}"
        return "[" + ",".join(to_json(item) for item in value) + "]"
    text = gojson.dumps(value)
    if isinstance(value, str):
        for escaped, char in (("\\u003c", "<"), ("\\u003e", ">"), ("\\u0026", "&")):
            text = text.replace(escaped, char)
    return text
