"""From tokens to nodes. Source: Go's text/template/parse for grammar and messages."""

from __future__ import annotations

from sampan.cli.gotemplate import nodes
from sampan.cli.gotemplate.lexer import TemplateError, Token, tokens
from sampan.cli.gotemplate.literals import character, number, unquote
from sampan.specs.golang.quote import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_OPERANDS = ("bool", "char", "dot", "field", "name", "nil", "number", "string", "variable")


def parse(
    source: str, name: str, functions: Collection[str]
) -> tuple[list[nodes.Node], dict[str, list[nodes.Node]]]:
    """(the main template, templates it defines); raises TemplateError."""
    parser = _Parser(source, name, functions)
    body, ended = parser.body(top=True)
    if ended:
        raise parser.fail(f"unexpected {{{{{ended}}}}}")
    return body, parser.defined


class _Parser:
    def __init__(self, source: str, name: str, functions: Collection[str]) -> None:
        self.source = source
        self.name = name
        self.functions = functions
        self.tokens = tokens(source, name)
        self.next = 0
        self.defined: dict[str, list[nodes.Node]] = {}
        self.variables = ["$"]
        self.loops = 0

    # -- tokens ----------------------------------------------------------------------------------------

    def fail(self, text: str) -> TemplateError:
        token = self.tokens[min(self.next, len(self.tokens)) - 1] if self.tokens else Token("text", "", 0)
        line = 1 + self.source.count("\n", 0, token.at)
        return TemplateError(f"template: {self.name}:{line}: {text}", parsing=True)

    def peek(self) -> Token | None:
        return self.tokens[self.next] if self.next < len(self.tokens) else None

    def peek_solid(self) -> Token:
        while (token := self.peek()) is not None and token.kind == "space":
            self.next += 1
        if token is None:
            raise self.fail("unexpected EOF")
        return token

    def take(self) -> Token:
        token = self.peek_solid()
        self.next += 1
        return token

    def unexpected(self, token: Token, context: str) -> TemplateError:
        shown = f"<{token.text}>" if token.kind in ("keyword", "dot", "nil") else f'"{token.text}"'
        if token.kind == "right":
            shown = f'"{token.text.strip()}"'
        return self.fail(f"unexpected {shown} in {context}")

    def expect(self, kind: str, context: str) -> Token:
        token = self.take()
        if token.kind != kind:
            raise self.unexpected(token, context)
        return token

    def is_mark(self, token: Token, text: str) -> bool:
        return token.kind == "punctuation" and token.text == text

    # -- lists of nodes --------------------------------------------------------------------------------

    def body(self, top: bool = False) -> tuple[list[nodes.Node], str]:
        """Nodes up to {{end}} or {{else...}}; returns which of them stood there."""
        found: list[nodes.Node] = []
        while (token := self.peek()) is not None:
            self.next += 1
            if token.kind == "text":
                found.append(nodes.Text(token.at, token.text))
                continue
            word = self.peek_solid()
            if word.kind == "keyword" and word.text in ("end", "else"):
                self.next += 1
                if word.text == "end":
                    self.expect("right", "end")
                return found, word.text
            node = self.action(top)
            if node is not None:
                found.append(node)
        if not top:
            self.next = len(self.tokens)
            raise self.fail("unexpected EOF")
        return found, ""

    def action(self, top: bool) -> nodes.Node | None:
        token = self.peek_solid()
        if token.kind != "keyword":
            pipeline = self.pipeline("command", "right")
            return nodes.Action(pipeline.at, pipeline)
        self.next += 1
        if token.text in ("if", "with", "range"):
            return self.branch(token)
        if token.text in ("break", "continue"):
            if not self.loops:
                raise self.fail(f"{{{{{token.text}}}}} outside {{{{range}}}}")
            self.expect("right", f"{{{{{token.text}}}}}")
            return nodes.Jump(token.at, token.text)
        if token.text == "template":
            return self.include()
        if token.text == "block":
            return self.block(token)
        if token.text == "define" and top:
            self.define()
            return None
        raise self.unexpected(token, "command")

    def branch(self, token: Token) -> nodes.Node:
        kept = len(self.variables)
        pipeline = self.pipeline(token.text, "right")
        self.loops += token.text == "range"
        body, ended = self.body()
        self.loops -= token.text == "range"
        other: list[nodes.Node] = []
        if ended == "else":
            other = self.otherwise(token.text)
        del self.variables[kept:]
        return nodes.Branch(token.at, token.text, pipeline, body, other)

    def otherwise(self, kind: str) -> list[nodes.Node]:
        """What follows {{else: its end, or another if or with that shares our {{end}}."""
        word = self.peek_solid()
        if word.kind == "keyword" and word.text == kind and kind != "range":
            self.next += 1
            return [self.branch(word)]
        self.expect("right", "else")
        body, ended = self.body()
        if ended != "end":
            raise self.fail("expected end; found {{else}}")
        return body

    def template_name(self, context: str) -> str:
        token = self.take()
        if token.kind != "string":
            raise self.unexpected(token, context)
        return unquote(token.text)

    def include(self) -> nodes.Node:
        at = self.peek_solid().at
        name = self.template_name("template clause")
        pipeline = None
        if self.peek_solid().kind == "right":
            self.next += 1
        else:
            pipeline = self.pipeline("template clause", "right")
        return nodes.Include(at, name, pipeline)

    def define(self) -> None:
        name = self.template_name("define clause")
        self.expect("right", "define clause")
        self.collect(name, "define clause")

    def block(self, token: Token) -> nodes.Node:
        name = self.template_name("block clause")
        pipeline = self.pipeline("block clause", "right")
        self.collect(name, "block clause")
        return nodes.Include(token.at, name, pipeline)

    def collect(self, name: str, context: str) -> None:
        outer, self.variables = self.variables, ["$"]
        body, ended = self.body()
        self.variables = outer
        if ended != "end":
            raise self.fail(f"unexpected {{{{else}}}} in {context}")
        self.defined[name] = body

    # -- pipelines -------------------------------------------------------------------------------------

    def pipeline(self, context: str, end: str) -> nodes.Pipeline:
        start = self.peek_solid().at
        names, assigns = self.declarations(context)
        calls: list[nodes.Call] = []
        while True:
            token = self.take()
            if token.kind == end or (end == ")" and self.is_mark(token, ")")):
                self.check(calls, context)
                self.variables += [] if assigns else names
                return nodes.Pipeline(start, names, assigns, calls)
            if token.kind in _OPERANDS or self.is_mark(token, "("):
                self.next -= 1
                calls.append(self.call())
            else:
                raise self.unexpected(token, context)

    def check(self, calls: list[nodes.Call], context: str) -> None:
        if not calls:
            raise self.fail(f"missing value for {context}")
        for index, call in enumerate(calls[1:], 2):
            if isinstance(call.words[0], (nodes.Constant, nodes.Dot)):
                raise self.fail(f"non executable command in pipeline stage {index}")

    def declarations(self, context: str) -> tuple[list[str], bool]:
        names: list[str] = []
        while self.peek_solid().kind == "variable":
            start = self.next
            variable = self.take()
            mark = self.peek_solid()
            if mark.kind == "punctuation" and mark.text in (":=", "="):
                self.next += 1
                if mark.text == "=" and variable.text not in self.variables:
                    raise self.fail(f'undefined variable "{variable.text}"')
                return [*names, variable.text], mark.text == "="
            if self.is_mark(mark, ",") and context == "range" and not names:
                self.next += 1
                names.append(variable.text)
                if self.peek_solid().kind != "variable":
                    raise self.fail("range can only initialize variables")
                continue
            if names or self.is_mark(mark, ","):
                raise self.fail(f"too many declarations in {context}")
            self.next = start
            break
        return [], False

    def call(self) -> nodes.Call:
        words: list[nodes.Node] = []
        start = self.peek_solid().at
        while True:
            self.peek_solid()
            operand = self.operand()
            if operand is not None:
                words.append(operand)
            token = self.peek()
            if token is not None and token.kind == "space":
                self.next += 1
                continue
            if token is not None and (token.kind == "right" or self.is_mark(token, ")")):
                break
            if token is not None and self.is_mark(token, "|"):
                self.next += 1
                break
            if token is None:
                raise self.fail("unexpected EOF")
            self.next += 1
            raise self.unexpected(token, "operand")
        if not words:
            raise self.fail("empty command")
        return nodes.Call(start, words)

    def operand(self) -> nodes.Node | None:
        node = self.term()
        if node is None:
            return None
        token = self.peek()
        if token is None or token.kind != "field":
            return node
        at = token.at
        names: list[str] = []
        while (token := self.peek()) is not None and token.kind == "field":
            names.append(token.text[1:])
            self.next += 1
        if isinstance(node, nodes.Field):
            return nodes.Field(at, node.names + names)
        if isinstance(node, nodes.Variable):
            return nodes.Variable(at, node.name, node.names + names)
        if isinstance(node, nodes.Constant):
            raise self.fail(f"unexpected . after term {quote(node.source)}")
        if isinstance(node, nodes.Dot):
            raise self.fail('unexpected . after term "."')
        return nodes.Chain(at, node, names)

    def term(self) -> nodes.Node | None:
        token = self.peek_solid()
        self.next += 1
        kind, text, at = token.kind, token.text, token.at
        if kind == "name":
            if text not in self.functions:
                raise self.fail(f'function "{text}" not defined')
            return nodes.Function(at, text)
        if kind == "dot":
            return nodes.Dot(at)
        if kind == "field":
            return nodes.Field(at, [text[1:]])
        if kind == "variable":
            if text not in self.variables:
                raise self.fail(f'undefined variable "{text}"')
            return nodes.Variable(at, text)
        if kind in ("bool", "nil"):
            return nodes.Constant(at, None if kind == "nil" else text == "true", text, kind)
        if kind in ("number", "string", "char"):
            return self.literal(token)
        if self.is_mark(token, "("):
            return self.pipeline("parenthesized pipeline", ")")
        self.next -= 1
        return None

    def literal(self, token: Token) -> nodes.Node:
        convert = {"number": number, "string": unquote, "char": character}[token.kind]
        try:
            return nodes.Constant(token.at, convert(token.text), token.text, token.kind)
        except ValueError as error:
            raise self.fail(str(error)) from None
