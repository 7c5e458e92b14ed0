"""CEL's own operators and conversions; cel-go's common/stdlib/standard.go"""

from collections.abc import Mapping
from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema.cel import numbers
from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.overload import Row
from sampan.kube.schema.cel.functions.times import parse_duration, parse_time, show_duration, show_time
from sampan.kube.schema.cel.values import (
    INT_MAX,
    INT_MIN,
    LISTS,
    UINT_MAX,
    Duration,
    Timestamp,
    TypeValue,
    Uint,
    equal,
    type_name,
)
from sampan.specs.golang.floats import general
from sampan.specs.golang.numbers import parse_bool, parse_float


def _conversion(value: Any, to: str) -> CelEvaluationError:
    return CelEvaluationError(f"type conversion error from '{type_name(value)}' to '{to}'")


def to_int(value: Any) -> int:
    kind = type(value)
    if kind is int:
        return int(value)
    if kind is Uint:
        if value > INT_MAX:
            raise CelEvaluationError("integer overflow")
        return int(value)
    if kind is float:
        if not INT_MIN < value < INT_MAX:  # and nothing that is no number
            raise CelEvaluationError("integer overflow")
        return int(value)
    if kind is str:
        return _parsed(value, "int", INT_MIN, INT_MAX)
    if kind is Timestamp:
        return int(value.ns // 1_000_000_000)
    if kind is Duration:
        return int(value.ns)
    raise numbers.no_overload()


def to_uint(value: Any) -> Uint:
    kind = type(value)
    if kind is Uint:
        return Uint(value)
    if kind is int or kind is float:
        if not -1 < value < UINT_MAX + 1:
            raise CelEvaluationError("unsigned integer overflow")
        return Uint(int(value))
    if kind is str:
        return Uint(_parsed(value, "uint", 0, UINT_MAX))
    raise numbers.no_overload()


def _parsed(text: str, to: str, least: int, most: int) -> int:
    digits = text[1:] if text[:1] in ("+", "-") and to == "int" else text
    if digits.isascii() and digits.isdecimal() and len(digits) < 80:
        number = int(text)
        if least <= number <= most:
            return number
    raise _conversion(text, to)


def to_double(value: Any) -> float:
    if type(value) in (int, Uint, float):
        return float(value)
    if type(value) is str:
        try:
            return parse_float(value)
        except Invalid:
            raise _conversion(value, "double") from None
    raise numbers.no_overload()


def to_string(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is Uint:
        return str(int(value))
    if kind is float:
        return general(value)
    if kind is bytes:
        try:
            return str(value, "utf-8")
        except UnicodeDecodeError:
            raise CelEvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None
    if kind is Timestamp:
        return show_time(value)
    if kind is Duration:
        return show_duration(value)
    raise numbers.no_overload()


def to_bytes(value: Any) -> bytes:
    return value if type(value) is bytes else str(value).encode("utf-8", "surrogatepass")


def to_bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    try:
        return parse_bool(value)
    except Invalid:
        raise _conversion(value, "bool") from None


def to_timestamp(value: Any) -> Timestamp:
    if type(value) is Timestamp:
        return value
    if type(value) is int:
        return Timestamp(value * 1_000_000_000)
    return parse_time(value)


def to_duration(value: Any) -> Duration:
    if type(value) is Duration:
        return value
    if type(value) is int:
        return Duration(value)
    return parse_duration(value)


def size(value: Any) -> int:
    return len(value)


def index(container: Any, key: Any) -> Any:
    if type(container) in LISTS:
        return _item(container, key)
    if isinstance(container, dict) or (
        hasattr(container, "__getitem__") and not isinstance(container, str | bytes)
    ):
        return entry(container, key)
    raise CelEvaluationError(f"no such key: {_key(key)}")  # so says cel-go of what has no keys at all


def _item(items: Any, key: Any) -> Any:
    position = whole_number(key)
    if position is None:
        raise CelEvaluationError(f"unsupported index type '{type_name(key)}' in list")
    if not 0 <= position < len(items):
        raise CelEvaluationError(f"index out of bounds: {position}")
    return items[position]


def whole_number(key: Any) -> int | None:
    """An index or key as an int, whatever number it is; None if it is not a whole one."""
    if type(key) in (int, Uint):
        return int(key)
    if type(key) is float and key.is_integer():
        return int(key)
    return None


def entry(container: Any, key: Any) -> Any:
    """The value of a key. 1, 1u and 1.0 are one key; true is not."""
    try:
        # To Python 1 and true are the same key.
        if key not in (0, 1) or any(found == key and _is_bool(found) is _is_bool(key) for found in container):
            return container[key]
    except (KeyError, TypeError):
        pass
    raise CelEvaluationError(f"no such key: {_key(key)}")


def _is_bool(key: Any) -> bool:
    return type(key) is bool


def _key(key: Any) -> str:
    return key if type(key) is str else to_string(key)


def contains(container: Any, value: Any) -> bool:
    """`value in container`"""
    if type(container) in LISTS:
        return any(equal(value, item) for item in container)
    if not isinstance(container, Mapping):
        raise numbers.no_overload()
    try:
        entry(container, value)
    except CelEvaluationError:
        return False
    return True


def _in(value: Any, container: Any) -> bool:
    return contains(container, value)


def type_of(value: Any) -> TypeValue:
    return TypeValue(type_name(value))


def same(value: Any) -> Any:
    return value


_NUMBERS = ("int", "uint", "double")
_SHORT = {"int": "int64", "uint": "uint64", "double": "double"}


def _operators() -> list[Row]:
    rows: list[Row] = []
    names = {"_+_": "add", "_-_": "subtract", "_*_": "multiply", "_/_": "divide", "_%_": "modulo"}
    for operator, name in names.items():
        for kind in _NUMBERS[: 2 if operator == "_%_" else 3]:
            row = f"{kind}, {kind} -> {kind}"
            rows.append((operator, f"{name}_{_SHORT[kind]}", row, numbers.ARITHMETIC[operator]))
    rows += [
        ("_+_", "add_string", "string, string -> string", numbers.add),
        ("_+_", "add_bytes", "bytes, bytes -> bytes", numbers.add),
        ("_+_", "add_list", "list(A), list(A) -> list(A)", numbers.add),
        ("_+_", "add_duration_duration", "duration, duration -> duration", numbers.add),
        ("_+_", "add_timestamp_duration", "timestamp, duration -> timestamp", numbers.add),
        ("_+_", "add_duration_timestamp", "duration, timestamp -> timestamp", numbers.add),
        ("_-_", "subtract_duration_duration", "duration, duration -> duration", numbers.subtract),
        ("_-_", "subtract_timestamp_duration", "timestamp, duration -> timestamp", numbers.subtract),
        ("_-_", "subtract_timestamp_timestamp", "timestamp, timestamp -> duration", numbers.subtract),
        ("-_", "negate_int64", "int -> int", numbers.negate),
        ("-_", "negate_double", "double -> double", numbers.negate),
    ]
    for operator, name in (
        ("_<_", "less"),
        ("_<=_", "less_equals"),
        ("_>_", "greater"),
        ("_>=_", "greater_equals"),
    ):
        rows += _comparisons(operator, name)
    return rows


def _comparisons(operator: str, name: str) -> list[Row]:
    do = numbers.ARITHMETIC[operator]
    rows: list[Row] = [
        (operator, f"{name}_{kind}", f"{kind}, {kind} -> bool", do)
        for kind in ("bool", "string", "bytes", "timestamp", "duration")
    ]
    for one in _NUMBERS:
        for other in _NUMBERS:
            suffix = _SHORT[one] if one == other else f"{_SHORT[one]}_{_SHORT[other]}"
            rows.append((operator, f"{name}_{suffix}", f"{one}, {other} -> bool", do))
    return rows


def _conversions() -> list[Row]:
    table = {
        "int": (to_int, ("int", "double", "duration", "string", "timestamp", "uint")),
        "uint": (to_uint, ("uint", "double", "int", "string")),
        "double": (to_double, ("double", "int", "string", "uint")),
        "bool": (to_bool, ("bool", "string")),
        "bytes": (to_bytes, ("bytes", "string")),
        "duration": (to_duration, ("duration", "int", "string")),
        "timestamp": (to_timestamp, ("timestamp", "int", "string")),
        "string": (to_string, ("string", "bool", "bytes", "double", "duration", "int", "timestamp", "uint")),
    }
    return [
        (name, f"{_SHORT.get(source, source)}_to_{_SHORT.get(name, name)}", f"{source} -> {name}", do)
        for name, (do, sources) in table.items()
        for source in sources
    ]


def _sizes() -> list[Row]:
    rows: list[Row] = []
    for kind in ("string", "bytes", "list(A)", "map(A, B)"):
        name = kind.partition("(")[0]
        rows.append(("size", f"size_{name}", f"{kind} -> int", size))
        rows.append(("size", f"{name}_size", f"{kind} . -> int", size))
    return rows


def overloads() -> list[Row]:
    return [
        *_operators(),
        *_conversions(),
        *_sizes(),
        ("_==_", "equals", "A, A -> bool", equal),
        ("_!=_", "not_equals", "A, A -> bool", lambda one, other: not equal(one, other)),
        ("@in", "in_list", "A, list(A) -> bool", _in),
        ("@in", "in_map", "A, map(A, B) -> bool", _in),
        ("_[_]", "index_list", "list(A), int -> A", index),
        ("_[_]", "index_map", "map(A, B), A -> B", index),
        ("_&&_", "logical_and", "bool, bool -> bool", same),
        ("_||_", "logical_or", "bool, bool -> bool", same),
        ("!_", "logical_not", "bool -> bool", same),
        ("_?_:_", "conditional", "bool, A, A -> A", same),
        ("type", "type", "A -> type(A)", type_of),
        ("dyn", "to_dyn", "A -> dyn", same),
    ]
