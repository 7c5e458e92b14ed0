"""The parsed form of a template. str(node) is the source form that error messages quote."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Node:
    """`at` is the offset in the source that an error about this node points to."""

    __slots__ = ("at",)

    def __init__(self, at: int) -> None:
        self.at = at


class Text(Node):
    __slots__ = ("text",)

    def __init__(self, at: int, text: str) -> None:
        super().__init__(at)
        self.text = text


class Constant(Node):
    """A number, string, character, bool, or nil."""

    __slots__ = ("kind", "source", "value")

    def __init__(self, at: int, value: Any, source: str, kind: str) -> None:
        super().__init__(at)
        self.value = value
        self.source = source
        self.kind = kind

    def __str__(self) -> str:
        return self.source


class Dot(Node):
    __slots__ = ()

    def __str__(self) -> str:
        return "."


class Field(Node):
    """.A.B of the dot."""

    __slots__ = ("names",)

    def __init__(self, at: int, names: Sequence[str]) -> None:
        super().__init__(at)
        self.names = list(names)

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


class Variable(Node):
    """$x or $x.A.B."""

    __slots__ = ("name", "names")

    def __init__(self, at: int, name: str, names: Sequence[str] = ()) -> None:
        super().__init__(at)
        self.name = name
        self.names = list(names)

    def __str__(self) -> str:
        return self.name + "".join(f".{name}" for name in self.names)


class Function(Node):
    __slots__ = ("name",)

    def __init__(self, at: int, name: str) -> None:
        super().__init__(at)
        self.name = name

    def __str__(self) -> str:
        return self.name


class Chain(Node):
    """(pipeline).A.B."""

    __slots__ = ("base", "names")

    def __init__(self, at: int, base: Node, names: Sequence[str]) -> None:
        super().__init__(at)
        self.base = base
        self.names = list(names)

    def __str__(self) -> str:
        base = f"({self.base})" if isinstance(self.base, Pipeline) else str(self.base)
        return base + "".join(f".{name}" for name in self.names)


class Call(Node):
    """One command of a pipeline: what it starts with and its arguments."""

    __slots__ = ("words",)

    def __init__(self, at: int, words: Sequence[Node]) -> None:
        super().__init__(at)
        self.words = list(words)

    def __str__(self) -> str:
        return " ".join(f"({word})" if isinstance(word, Pipeline) else str(word) for word in self.words)


class Pipeline(Node):
    __slots__ = ("assigns", "calls", "variables")

    def __init__(self, at: int, variables: Sequence[str], assigns: bool, calls: Sequence[Call]) -> None:
        super().__init__(at)
        self.variables = list(variables)
        self.assigns = assigns
        self.calls = list(calls)

    def __str__(self) -> str:
        head = f"{', '.join(self.variables)} {'=' if self.assigns else ':='} " if self.variables else ""
        return head + " | ".join(str(call) for call in self.calls)


class Action(Node):
    __slots__ = ("pipeline",)

    def __init__(self, at: int, pipeline: Pipeline) -> None:
        super().__init__(at)
        self.pipeline = pipeline


class Branch(Node):
    """if, with or range."""

    __slots__ = ("body", "kind", "other", "pipeline")

    def __init__(self, at: int, kind: str, pipeline: Pipeline, body: list[Node], other: list[Node]) -> None:
        super().__init__(at)
        self.kind = kind
        self.pipeline = pipeline
        self.body = body
        self.other = other


class Jump(Node):
    """break or continue."""

    __slots__ = ("kind",)

    def __init__(self, at: int, kind: str) -> None:
        super().__init__(at)
        self.kind = kind


class Include(Node):
    """{{template "name" pipeline}}."""

    __slots__ = ("name", "pipeline")

    def __init__(self, at: int, name: str, pipeline: Pipeline | None) -> None:
        super().__init__(at)
        self.name = name
        self.pipeline = pipeline

    def __str__(self) -> str:
        return f'{{{{template "{self.name}"' + (f" {self.pipeline}" if self.pipeline else "") + "}}"
