"""What an expression may mention: variables, their types, and how large they can be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sampan.kube.schema.cel.types import Type

Convert = Callable[[Any], Any]


class Declared:
    """A type and what is known of its values' size.

    `most`: characters, items or entries, None if nobody knows. `least`: bytes of its JSON. `convert` makes of
    a JSON value what expressions compute with, None if that is the JSON value itself.
    """

    __slots__ = ("convert", "fields", "item", "key", "least", "most", "type")

    def __init__(
        self,
        type: Type,
        most: int | None = None,
        least: int = 0,
        *,
        key: "Declared | None" = None,
        item: "Declared | None" = None,
        fields: "dict[str, Declared] | None" = None,
        convert: Convert | None = None,
    ) -> None:
        self.type = type
        self.most = most
        self.least = least
        self.key = key
        self.item = item
        self.fields = fields
        self.convert = convert


@dataclass(frozen=True, eq=False)
class Environment:
    """`bind`: the macro cel.bind is there (Kubernetes has it for device selectors only)."""

    variables: Mapping[str, Declared] = field(default_factory=dict)
    bind: bool = False


def environment(types: Mapping[str, Type], *, bind: bool = False) -> Environment:
    """One of variables of whose size nothing is known."""
    return Environment({name: Declared(type) for name, type in types.items()}, bind)
