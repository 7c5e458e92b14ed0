"""The types of CEL, and which fits where; cel-go's checker/types.go"""


class Type:
    """`kind`: dyn null bool int uint double string bytes duration timestamp list map type optional_type
    opaque object param error. `fields` of an object: its fields as an expression spells them.
    """

    __slots__ = ("fields", "kind", "name", "params")

    def __init__(
        self,
        kind: str,
        name: str = "",
        params: "tuple[Type, ...]" = (),
        fields: "dict[str, Field] | None" = None,
    ) -> None:
        self.kind = kind
        self.name = name or kind
        self.params = params
        self.fields = fields

    def __str__(self) -> str:
        if self.kind == "error":
            return "!error!"
        if self.kind in ("duration", "timestamp"):
            return f"google.protobuf.{self.kind.capitalize()}"
        if self.params:
            return f"{self.name}({', '.join(map(str, self.params))})"
        return self.name

    __repr__ = __str__


class Field:
    """A field of an object: `key` is its name in the object itself."""

    __slots__ = ("key", "type")

    def __init__(self, key: str, type: Type) -> None:
        self.key = key
        self.type = type


DYN = Type("dyn")
NULL = Type("null")
BOOL = Type("bool")
INT = Type("int")
UINT = Type("uint")
DOUBLE = Type("double")
STRING = Type("string")
BYTES = Type("bytes")
DURATION = Type("duration")
TIMESTAMP = Type("timestamp")
TYPE = Type("type")
ERROR = Type("error")
SIMPLE = {
    type.kind: type for type in (DYN, BOOL, INT, UINT, DOUBLE, STRING, BYTES, DURATION, TIMESTAMP, TYPE)
}

_SCALARS = frozenset(("bool", "int", "uint", "double", "string", "bytes", "duration", "timestamp"))
_NULLABLE = frozenset(("object", "opaque", "optional_type", "duration", "timestamp", "null"))

Mapping = dict[str, Type]


def list_of(item: Type) -> Type:
    return Type("list", params=(item,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", params=(key, value))


def optional_of(type: Type) -> Type:
    return Type("optional_type", params=(type,))


def type_of(type: Type) -> Type:
    return Type("type", params=(type,))


def opaque(name: str) -> Type:
    return Type("opaque", name)


def param(name: str) -> Type:
    return Type("param", name)


def show_call(args: list[Type], member: bool) -> str:
    """The arguments a function was called with, as messages have them."""
    if member:
        return f"{args[0]}.({', '.join(map(str, args[1:]))})"
    return f"({', '.join(map(str, args))})"


def assignable(mapping: Mapping, actual: Type, formal: Type) -> bool:
    """Whether one may stand where the other is due; binds type parameters in `mapping` (also if it fails)."""
    if actual is formal:
        return True
    if formal.kind == "param":
        return _bind(mapping, formal, actual)
    if actual.kind == "param":
        return _bind(mapping, actual, formal)
    kind = actual.kind
    if kind in ("dyn", "error") or formal.kind in ("dyn", "error"):
        return True
    if kind == "null":
        return formal.kind in _NULLABLE
    if formal.kind == "null":
        return kind in _NULLABLE
    if kind != formal.kind:
        return False
    if kind in _SCALARS or kind == "type":
        return True
    if actual.name != formal.name or len(actual.params) != len(formal.params):
        return False
    return all(
        assignable(mapping, one, other) for one, other in zip(actual.params, formal.params, strict=True)
    )


def _bind(mapping: Mapping, parameter: Type, type: Type) -> bool:
    if type.kind == "param" and type.name == parameter.name:
        return True
    bound = mapping.get(parameter.name)
    if bound is None:
        if not _mentions(mapping, type, parameter.name):
            mapping[parameter.name] = type
        return True
    if type.kind == "param" and mapping.get(type.name) is bound:
        return True
    if not assignable(mapping, type, bound):
        return False
    general = most_general(type, bound)
    if not _mentions(mapping, general, parameter.name):
        mapping[parameter.name] = general
    return True


def _mentions(mapping: Mapping, type: Type, name: str) -> bool:
    if type.kind == "param":
        if type.name == name:
            return True
        bound = mapping.get(type.name)
        return bound is not None and _mentions(mapping, bound, name)
    return any(_mentions(mapping, one, name) for one in type.params)


def most_general(one: Type, other: Type) -> Type:
    return one if _as_general(one, other) else other


def _as_general(one: Type, other: Type) -> bool:
    if one.kind in ("dyn", "param"):
        return True
    if other.kind in ("dyn", "param"):
        return False
    if one.kind == "null":
        return other.kind == "null"
    if one.kind != other.kind or len(one.params) != len(other.params):
        return False
    return all(_as_general(a, b) for a, b in zip(one.params, other.params, strict=True))


def substitute(mapping: Mapping, type: Type, *, free_to_dyn: bool = False) -> Type:
    """With what its parameters are bound to."""
    if type.kind == "param":
        bound = mapping.get(type.name)
        if bound is not None:
            return substitute(mapping, bound, free_to_dyn=free_to_dyn)
        return DYN if free_to_dyn else type
    if not type.params:
        return type
    params = tuple(substitute(mapping, one, free_to_dyn=free_to_dyn) for one in type.params)
    return Type(type.kind, type.name, params, type.fields)


def same(one: Type, other: Type) -> bool:
    """The very same type, parameters included."""
    if one.kind != other.kind or one.name != other.name or len(one.params) != len(other.params):
        return False
    return all(same(a, b) for a, b in zip(one.params, other.params, strict=True))
