"""What a function takes and gives, as a row of a table says it."""

from collections.abc import Callable
from typing import Any

from sampan.kube.schema.cel.types import (
    NULL,
    SIMPLE,
    Type,
    list_of,
    map_of,
    opaque,
    optional_of,
    param,
    type_of,
)

Implementation = Callable[..., Any]


class Overload:
    """One form of a function. A member's `params` begin with what it is a member of."""

    __slots__ = ("generic", "id", "implementation", "member", "params", "result")

    def __init__(
        self, id: str, params: tuple[Type, ...], result: Type, member: bool, implementation: Implementation
    ) -> None:
        self.id = id
        self.params = params
        self.result = result
        self.member = member
        self.implementation = implementation
        self.generic = any(map(has_params, (*params, result)))


# function, overload, signature, what does it.
Row = tuple[str, str, str, Implementation]


def has_params(type: Type) -> bool:
    """Whether it is, or contains, a type parameter."""
    return type.kind == "param" or any(map(has_params, type.params))


def read(row: Row) -> Overload:
    """Signatures: "string . string, int -> bool" of a member, "string, int -> bool" of others. A to Z are
    type parameters.
    """
    _, id, signature, implementation = row
    left, result = signature.split("->")
    receiver, dot, args = left.partition(" . ")
    types = _types(args) if dot else _types(left)
    if dot:
        types = [_type(receiver.strip()), *types]
    return Overload(id, tuple(types), _type(result.strip()), bool(dot), implementation)


def _types(text: str) -> list[Type]:
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return [_type(part.strip()) for part in parts if part.strip()]


def _type(text: str) -> Type:
    if text in SIMPLE:
        return SIMPLE[text]
    if text == "null":
        return NULL
    if len(text) == 1 and text.isupper():
        return param(text)
    name, paren, inner = text.partition("(")
    if not paren:
        return opaque(text)
    params = _types(inner[:-1])
    makers: dict[str, Callable[..., Type]] = {
        "list": list_of,
        "map": map_of,
        "optional": optional_of,
        "type": type_of,
    }
    return makers[name](*params)
