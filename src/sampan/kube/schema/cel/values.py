"""What expressions are computed with: JSON's values as Python has them, and what JSON lacks.

An int is CEL's int, of 64 bits; unsigned numbers are a class of their own, as equal as they look.
"""

from typing import Any

from sampan.kube.schema.cel.errors import CelEvaluationError

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
UINT_MAX = (1 << 64) - 1
# Of a timestamp: the years 1 to 9999. In nanoseconds since 1970.
TIME_MIN = -62_135_596_800 * 1_000_000_000
TIME_MAX = 253_402_300_799 * 1_000_000_000 + 999_999_999


class Uint(int):
    """An unsigned number of 64 bits."""

    __slots__ = ()


class Timestamp:
    """Nanoseconds since 1970, in UTC."""

    __slots__ = ("ns",)

    def __init__(self, ns: int) -> None:
        if not TIME_MIN <= ns <= TIME_MAX:
            raise CelEvaluationError("timestamp overflow")
        self.ns = ns

    def __eq__(self, other: object) -> bool:
        return type(other) is Timestamp and other.ns == self.ns

    def __hash__(self) -> int:
        return hash((Timestamp, self.ns))


class Duration:
    """Nanoseconds, within 64 bits."""

    __slots__ = ("ns",)

    def __init__(self, ns: int) -> None:
        if not INT_MIN <= ns <= INT_MAX:
            raise CelEvaluationError("duration overflow")
        self.ns = ns

    def __eq__(self, other: object) -> bool:
        return type(other) is Duration and other.ns == self.ns

    def __hash__(self) -> int:
        return hash((Duration, self.ns))


class Optional:
    """A value or none."""

    __slots__ = ("has", "value")

    def __init__(self, has: bool, value: Any = None) -> None:
        self.has = has
        self.value = value


NONE = Optional(False)


def some(value: Any) -> Optional:
    return Optional(True, value)


class TypeValue:
    """What `type(x)` gives and `int` names."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return type(other) is TypeValue and other.name == self.name

    def __hash__(self) -> int:
        return hash((TypeValue, self.name))


class Opaque:
    """A value of one of Kubernetes' libraries; `cel_type` is its type's name."""

    __slots__ = ()
    cel_type = ""


class SetList(list[Any]):
    """A list of x-kubernetes-list-type: set. Its order does not matter."""

    __slots__ = ()


class MapList(list[Any]):
    """A list of x-kubernetes-list-type: map. Its items are told apart by `keys`, and their order does not
    matter.
    """

    __slots__ = ("keys",)

    def __init__(self, items: list[Any], keys: tuple[str, ...]) -> None:
        super().__init__(items)
        self.keys = keys


_NAMES: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    SetList: "list",
    MapList: "list",
    dict: "map",
    type(None): "null_type",
    Uint: "uint",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    Optional: "optional_type",
    TypeValue: "type",
}


def type_name(value: Any) -> str:
    """As `type(x)` shows it."""
    name = _NAMES.get(type(value))
    if name is not None:
        return name
    return str(value.cel_type) if isinstance(value, Opaque) else "map"


LISTS = frozenset((list, SetList, MapList))
NUMBERS = frozenset((int, float, Uint))


def equal(one: Any, other: Any) -> bool:
    """CEL's ==: numbers by their value whatever their types, values of different types are not equal."""
    kind, against = type(one), type(other)
    if kind is not against and not (kind in NUMBERS and against in NUMBERS):
        return kind in LISTS and against in LISTS and _equal_lists(one, other)
    if kind is list:
        return _equal_items(one, other)
    if kind is dict:
        return len(one) == len(other) and all(
            key in other and equal(value, other[key]) for key, value in one.items()
        )
    if kind in LISTS:
        return _equal_lists(one, other)
    if kind is Optional:
        return one.has == other.has and (not one.has or equal(one.value, other.value))
    return bool(one == other)


def _equal_items(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(map(equal, one, other))


def _equal_lists(one: Any, other: Any) -> bool:
    if len(one) != len(other):
        return False
    if type(one) is MapList:
        found = {map_key(item, one.keys): item for item in other}
        return all((key := map_key(item, one.keys)) in found and equal(item, found[key]) for item in one)
    if type(one) is SetList:
        keys = {set_key(item) for item in one}
        return keys == {set_key(item) for item in other}
    return _equal_items(one, other)


def map_key(item: Any, keys: tuple[str, ...]) -> tuple[Any, ...]:
    """What an item of a map list is told apart by."""
    if type(item) is not dict:
        return (None,)
    return tuple(set_key(item.get(key)) for key in keys)


def set_key(value: Any) -> Any:
    """Something hashable that is equal for equal values, and only for these."""
    kind = type(value)
    if kind is dict:
        return (dict, frozenset((key, set_key(item)) for key, item in value.items()))
    if kind in LISTS:
        return (list, tuple(map(set_key, value)))
    if kind is bool:
        return (bool, value)
    return value


def size_of(value: Any) -> int:
    """What a value counts for in costs: its length, or 1."""
    kind = type(value)
    if kind is str or kind in LISTS or kind is dict or kind is bytes:
        return len(value)
    if isinstance(value, Opaque):
        return getattr(value, "cost_size", 1)
    return 1


def zero(value: Any) -> bool:
    """Whether it is its type's zero value, as `optional.ofNonZeroValue` asks."""
    kind = type(value)
    if kind in (Timestamp, Duration):
        return bool(value.ns == (TIME_MIN if kind is Timestamp else 0))
    if kind is Optional:
        return not value.has
    return not value if kind in _NAMES else False
