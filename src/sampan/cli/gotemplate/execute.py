"""Runs a parsed template on a value. Source: Go's text/template documentation and its messages."""

from __future__ import annotations

from sampan.cli.gotemplate import nodes
from sampan.cli.gotemplate.functions import CallError, fits
from sampan.cli.gotemplate.lexer import TemplateError
from sampan.cli.gotemplate.values import NIL, NO_VALUE, NoValue, Record, Struct, show, truth, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    Functions = Mapping[str, tuple[Callable[..., Any], int, int | None, tuple[str, ...]]]

_MAX_DEPTH = 200  # templates that include themselves; Go stops at 100,000, our stack sooner
_UNSET = object()


class _Jump(Exception):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind


class Executor:
    """One execution. `strict` is Go's missingkey=error."""

    def __init__(
        self,
        name: str,
        source: str,
        defined: Mapping[str, list[nodes.Node]],
        functions: Functions,
        strict: bool,
    ) -> None:
        self.name = name
        self.source = source
        self.defined = defined
        self.functions = functions
        self.strict = strict
        self.out: list[str] = []
        self.variables: list[list[Any]] = []
        self.depth = 0
        self.current = name

    def run(self, body: list[nodes.Node], data: Any) -> str:
        """Raises TemplateError; what was written before it is in `out`."""
        self.variables = [["$", data]]
        self.walk(body, data)
        return "".join(self.out)

    def fail(self, node: nodes.Node, text: str) -> TemplateError:
        before = self.source[: node.at]
        line = 1 + before.count("\n")
        column = len(before[before.rfind("\n") + 1 :].encode("utf-8", "replace"))
        return TemplateError(
            f'template: {self.name}:{line}:{column}: executing "{self.current}" at <{node}>: {text}'
        )

    # -- statements ------------------------------------------------------------------------------------

    def walk(self, body: list[nodes.Node], dot: Any) -> None:
        kept = len(self.variables)
        for node in body:
            if isinstance(node, nodes.Text):
                self.out.append(node.text)
            elif isinstance(node, nodes.Action):
                value = self.pipeline(node.pipeline, dot)
                if not node.pipeline.variables:
                    self.out.append(show(value, top=True))
            elif isinstance(node, nodes.Branch):
                self.branch(node, dot)
            elif isinstance(node, nodes.Jump):
                raise _Jump(node.kind)
            elif isinstance(node, nodes.Include):
                self.include(node, dot)
        del self.variables[kept:]

    def branch(self, node: nodes.Branch, dot: Any) -> None:
        kept = len(self.variables)
        try:
            if node.kind == "range":
                self.range(node, dot)
                return
            value = self.pipeline(node.pipeline, dot)
            if truth(value):
                self.walk(node.body, value if node.kind == "with" else dot)
            else:
                self.walk(node.other, dot)
        finally:
            del self.variables[kept:]

    def range(self, node: nodes.Branch, dot: Any) -> None:
        value = self.pipeline(node.pipeline, dot, ranging=True)
        names = node.pipeline.variables
        ran = False
        for key, item in self.items(node, value):
            ran = True
            kept = len(self.variables)
            if names:
                self.bind(node.pipeline, names[-1], item)
            if len(names) > 1:
                self.bind(node.pipeline, names[0], key)
            try:
                self.walk(node.body, item)
            except _Jump as jump:
                if jump.kind == "break":
                    break
            finally:
                del self.variables[kept:]
        if not ran:
            self.walk(node.other, dot)

    def items(self, node: nodes.Branch, value: Any) -> Iterator[tuple[Any, Any]]:
        if value is None or isinstance(value, NoValue):
            return
        if isinstance(value, dict) and not isinstance(value, Struct):
            yield from ((key, value[key]) for key in sorted(value))
        elif isinstance(value, (list, tuple)):
            yield from enumerate(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            yield from ((number, number) for number in range(value))
        else:
            raise self.fail(node.pipeline, f"range can't iterate over {show(value)}")

    def include(self, node: nodes.Include, dot: Any) -> None:
        body = self.defined.get(node.name)
        if body is None:
            raise self.fail(node, f'template "{node.name}" not defined')
        if self.depth == _MAX_DEPTH:
            raise self.fail(node, f"exceeded maximum template depth ({_MAX_DEPTH})")
        value = self.pipeline(node.pipeline, dot) if node.pipeline else None
        outer, self.variables = self.variables, [["$", value]]
        caller, self.current = self.current, node.name
        self.depth += 1
        self.walk(body, value)
        self.depth -= 1
        self.variables, self.current = outer, caller

    # -- expressions -----------------------------------------------------------------------------------

    def bind(self, pipeline: nodes.Pipeline, name: str, value: Any) -> None:
        if not pipeline.assigns:
            self.variables.append([name, value])
            return
        for variable in reversed(self.variables):
            if variable[0] == name:
                variable[1] = value
                return

    def pipeline(self, node: nodes.Pipeline, dot: Any, ranging: bool = False) -> Any:
        value: Any = _UNSET
        for call in node.calls:
            value = self.call(call, dot, value)
        if not ranging:
            for name in node.variables:
                self.bind(node, name, value)
        return value

    def call(self, node: nodes.Call, dot: Any, piped: Any) -> Any:
        first, arguments = node.words[0], node.words[1:]
        if isinstance(first, nodes.Function):
            return self.function(first, arguments, dot, piped, node)
        if isinstance(first, (nodes.Field, nodes.Variable, nodes.Chain)):
            return self.path(first, arguments, dot, piped)
        if arguments or piped is not _UNSET:
            raise self.fail(first, f"can't give argument to non-function {first}")
        if isinstance(first, nodes.Constant) and first.kind == "nil":
            raise self.fail(first, "nil is not a command")
        return self.argument(first, dot)

    def argument(self, node: nodes.Node, dot: Any) -> Any:
        if isinstance(node, nodes.Constant):
            return node.value
        if isinstance(node, nodes.Dot):
            return dot
        if isinstance(node, nodes.Pipeline):
            return self.pipeline(node, dot)
        if isinstance(node, nodes.Function):
            return self.function(node, [], dot, _UNSET, node)
        return self.path(node, [], dot, _UNSET)

    def path(self, node: nodes.Node, arguments: list[nodes.Node], dot: Any, piped: Any) -> Any:
        if isinstance(node, nodes.Field):
            value, names = dot, node.names
        elif isinstance(node, nodes.Variable):
            value, names = self.variable(node), node.names
        else:
            assert isinstance(node, nodes.Chain)
            value, names = self.argument(node.base, dot), node.names
        given = tuple(self.argument(word, dot) for word in arguments)
        if piped is not _UNSET:
            given += (piped,)
        if not names and given:
            raise self.fail(node, f"can't give argument to non-function {node}")
        for name in names[:-1]:
            value = self.field(node, value, name, ())
        return self.field(node, value, names[-1], given) if names else value

    def variable(self, node: nodes.Variable) -> Any:
        for variable in reversed(self.variables):
            if variable[0] == node.name:
                return variable[1]
        raise self.fail(node, f"undefined variable: {node.name}")

    def field(self, node: nodes.Node, value: Any, name: str, given: tuple[Any, ...]) -> Any:
        if isinstance(value, Record):
            if value.fields.has(name):
                return self.method(node, value, name, given)
            raise self.fail(node, f"can't evaluate field {name} in type {value.fields.type_name}")
        if value is NIL:
            raise self.fail(node, f"nil pointer evaluating {name}")
        if value is None or isinstance(value, NoValue):
            if self.strict:
                raise self.fail(node, f'nil data; no entry for key "{name}"')
            return NO_VALUE
        if not isinstance(value, dict):
            kind = "interface {}" if self.strict else type_name(value)  # as Go's generic decoding types it
            raise self.fail(node, f"can't evaluate field {name} in type {kind}")
        if given:
            raise self.fail(node, f"{name} is not a method but has arguments")
        if isinstance(value, Struct):
            try:
                return value.field(name)
            except KeyError:
                raise self.fail(node, f"can't evaluate field {name} in type {value.type_name}") from None
        if name not in value and self.strict:
            raise self.fail(node, f'map has no entry for key "{name}"')
        return value.get(name, NO_VALUE)

    def method(self, node: nodes.Node, record: Record, name: str, given: tuple[Any, ...]) -> Any:
        try:
            return record.fields.get(record.row, name, given)
        except TypeError:
            raise self.fail(node, f"wrong number of args for {name}: got {len(given)}") from None

    def function(
        self, node: nodes.Function, words: list[nodes.Node], dot: Any, piped: Any, whole: nodes.Node
    ) -> Any:
        if node.name in ("and", "or"):
            return self.logic(node, words, dot, piped)
        if node.name == "call":
            shown = f"{words[0]} of type {type_name(self.argument(words[0], dot))}" if words else "nil"
            raise self.fail(whole, f"error calling call: non-function {shown}")
        function, least, most, types = self.functions[node.name]
        given = [self.argument(word, dot) for word in words]
        if piped is not _UNSET:
            given.append(piped)
        if len(given) < least or (most is not None and len(given) > most):
            want = f"at least {least}" if most is None else str(most)
            raise self.fail(node, f"wrong number of args for {node.name}: want {want} got {len(given)}")
        self.check_types(words, given, types)
        try:
            return function(*given)
        except CallError as error:
            raise self.fail(whole, f"error calling {node.name}: {error}") from None

    def check_types(self, words: list[nodes.Node], given: list[Any], types: tuple[str, ...]) -> None:
        """Arguments whose Go type a function fixes; a constant of another type is a different mistake."""
        for index, (value, wanted) in enumerate(zip(given, types, strict=False)):
            if fits(value, wanted):
                continue
            node = words[min(index, len(words) - 1)] if words else nodes.Dot(0)
            if isinstance(node, nodes.Constant):
                raise self.fail(node, f"expected {wanted}; found {node}")
            raise self.fail(node, f"wrong type for value; expected {wanted}; got {type_name(value)}")

    def logic(self, node: nodes.Function, words: list[nodes.Node], dot: Any, piped: Any) -> Any:
        """The first operand that decides, later ones unevaluated."""
        if not words and piped is _UNSET:
            raise self.fail(node, f"wrong number of args for {node.name}: want at least 1 got 0")
        value: Any = None
        for word in words:
            value = self.argument(word, dot)
            if truth(value) == (node.name == "or"):
                return value
        return value if piped is _UNSET else piped
