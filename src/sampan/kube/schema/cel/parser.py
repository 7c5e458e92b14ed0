"""An expression's text as a tree; https://github.com/google/cel-go parser/parser.go and its grammar, CEL.g4

Operators by precedence, all else by recursive descent. What is wrong is said in the words of ANTLR, which
cel-go's parser is made with.
"""

from sampan.kube.schema.cel import macros
from sampan.kube.schema.cel.errors import CelError, Issue
from sampan.kube.schema.cel.lexer import Lexer, Token, issue
from sampan.kube.schema.cel.syntax import (
    Call,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Node,
    Select,
    Struct,
    children,
)
from sampan.kube.schema.cel.values import INT_MAX

# How deep an expression may nest. cel-go allows 250; each level takes up to eight of Python's 1,000 frames.
NESTING = 80
DEPTH = 200  # of the tree: operators in a row count, too
SIZE = 100_000  # characters, as cel-go
_PRECEDENCE = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
}
_FUNCTIONS = {**{op: f"_{op}_" for op in _PRECEDENCE}, "in": "@in"}
_STARTS = frozenset(
    "[ { ( . - ! true false null NUM_FLOAT NUM_INT NUM_UINT STRING BYTES IDENTIFIER".split()  # noqa: SIM905
)
_EXPECTED = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES,"
    " IDENTIFIER}"
)
_LITERALS = frozenset(("true", "false", "null", "NUM_FLOAT", "NUM_INT", "NUM_UINT", "STRING", "BYTES"))
_RESERVED_WORDS = (
    "as break const continue else for function if import let loop package namespace return var void while"
)
_RESERVED = frozenset(_RESERVED_WORDS.split())


class _Stop(Exception):
    """Nothing more can be made of this."""


def parse(source: str, *, bind: bool = False) -> Node:
    """`bind`: the macro cel.bind is known. Raises CelError."""
    if len(source) > SIZE:
        message = f"expression code point size exceeds limit: size: {len(source)}, limit {SIZE}"
        raise CelError(source, [Issue(-1, -1, message)])
    parser = _Parser(source, bind)
    root = parser.run()
    if parser.issues:
        raise CelError(source, parser.issues)
    assert root is not None
    if too_deep(root):
        raise CelError(source, [Issue(-1, 0, "max recursion depth exceeded")])
    return root


class _Parser:
    def __init__(self, source: str, bind: bool) -> None:
        self.source = source
        self.bind = bind
        lexer = Lexer(source)
        self.tokens = lexer.run()
        self.at = 0
        self.nesting = 0
        self.issues = [issue(source, offset, message) for offset, message in lexer.failures]

    def run(self) -> Node | None:
        try:
            root = self.expression()
            self._end()
        except _Stop:
            return None
        return root

    def fail(self, offset: int, message: str) -> None:
        self.issues.append(issue(self.source, offset, message))

    # Tokens

    def _next(self) -> Token:
        token = self.tokens[self.at]
        if token[0] != "<EOF>":
            self.at += 1
        return token

    def _kind(self) -> str:
        return self.tokens[self.at][0]

    def _take(self, kind: str) -> Token | None:
        return self._next() if self.tokens[self.at][0] == kind else None

    def _expect(self, kind: str) -> Token:
        """As ANTLR mends it: a token too much is dropped, a missing one is thought to be there."""
        token = self.tokens[self.at]
        if token[0] == kind:
            return self._next()
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)][0]
        if following == kind and token[0] != "<EOF>":
            self.fail(token[2], f"Syntax error: extraneous input '{token[1]}' expecting {_quoted(kind)}")
            self._next()
            return self._next()
        if token[0] == "<EOF>" and kind in (")", "]", "}"):
            self.fail(token[2], f"Syntax error: missing '{kind}' at '<EOF>'")
            return token
        self.fail(token[2], f"Syntax error: mismatched input '{token[1]}' expecting {_quoted(kind)}")
        raise _Stop

    def _end(self) -> None:
        token = self.tokens[self.at]
        if token[0] == "<EOF>":
            return
        last = self.tokens[self.at + 1][0] == "<EOF>"
        what = "extraneous" if last else "mismatched"
        self.fail(token[2], f"Syntax error: {what} input '{token[1]}' expecting <EOF>")

    # Expressions

    def expression(self) -> Node:
        """With `? :`, which goes to the right."""
        self.nesting += 1
        if self.nesting > NESTING:
            self.fail(self.tokens[self.at][2], f"expression recursion limit exceeded: {NESTING}")
            raise _Stop
        condition = self._binary(1)
        question = self._take("?")
        if question is not None:
            yes = self._binary(1)
            self._expect(":")
            condition = Call(question[2], "_?_:_", [condition, yes, self.expression()])
        self.nesting -= 1
        return condition

    def _binary(self, least: int) -> Node:
        left = self._unary()
        while True:
            operator = self._kind()
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence < least:
                return left
            if precedence <= 2:
                left = self._logic(left, operator, precedence)
                continue
            position = self._next()[2]
            left = Call(position, _FUNCTIONS[operator], [left, self._binary(precedence + 1)])

    def _logic(self, left: Node, operator: str, precedence: int) -> Node:
        """A row of && or || becomes a tree as flat as can be, as cel-go makes it."""
        terms, positions = [left], []
        while self._kind() == operator:
            positions.append(self._next()[2])
            terms.append(self._binary(precedence + 1))
        return _balanced(_FUNCTIONS[operator], terms, positions, 0, len(positions) - 1)

    def _unary(self) -> Node:
        kind = self._kind()
        if kind not in ("!", "-"):
            return self._member()
        first = self._next()
        count = 1
        while self._kind() == kind:
            self._next()
            count += 1
        if kind == "-" and self._kind() in ("NUM_INT", "NUM_FLOAT"):
            count -= 1  # the last one belongs to the literal
            operand = self._members(self._negative(self.tokens[self.at - 1]))
        else:
            operand = self._member()
        return operand if count % 2 == 0 else Call(first[2], f"{kind}_", [operand])

    def _negative(self, sign: Token) -> Node:
        kind, _, _, value = self._next()
        assert isinstance(value, int | float)
        if kind == "NUM_INT" and value > INT_MAX + 1:
            self.fail(sign[2], "invalid int literal")
        return Literal(sign[2], -value)

    def _member(self) -> Node:
        return self._members(self._primary())

    def _members(self, operand: Node) -> Node:
        while True:
            kind = self._kind()
            if kind == ".":
                operand = self._selection(operand, self._next()[2])
            elif kind == "[":
                position = self._next()[2]
                function = "_[?_]" if self._take("?") else "_[_]"
                index = self.expression()
                self._expect("]")
                operand = Call(position, function, [operand, index])
            elif kind == "{" and (name := _qualified(operand)):
                operand = self._struct(name)
            else:
                return operand

    def _selection(self, operand: Node, position: int) -> Node:
        optional = self._take("?") is not None
        token = self._take("ESC_IDENTIFIER")
        if token is not None:
            self.fail(token[2], "unsupported syntax: '`'")
            return Select(position, operand, token[1][1:-1], optional=optional)
        name = self._expect("IDENTIFIER")[1]
        opening = None if optional else self._take("(")
        if opening is None:
            return Select(position, operand, name, optional=optional)
        return macros.expand_member(self, opening[2], operand, name, self._arguments())

    def _arguments(self) -> list[Node]:
        args: list[Node] = []
        if self._take(")"):
            return args
        while True:
            args.append(self.expression())
            if not self._take(","):
                break
        self._expect(")")
        return args

    def _primary(self) -> Node:
        kind, _, position, value = token = self.tokens[self.at]
        if kind in _LITERALS:
            self._next()
            if kind == "NUM_INT" and isinstance(value, int) and value > INT_MAX:
                self.fail(position, "invalid int literal")
            return Literal(position, value)
        if kind in ("IDENTIFIER", "."):
            return self._identifier()
        if kind == "(":
            self._next()
            inner = self.expression()
            self._expect(")")
            return inner
        if kind == "[":
            return self._list()
        if kind == "{":
            return self._map()
        return self._misplaced(token)

    def _misplaced(self, token: Token) -> Node:
        _, text, position, _ = token
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)][0]
        if following in _STARTS and token[0] != "<EOF>":
            self.fail(position, f"Syntax error: extraneous input '{text}' expecting {_EXPECTED}")
            self._next()
            return self._unary()
        self.fail(position, f"Syntax error: mismatched input '{text}' expecting {_EXPECTED}")
        if token[0] in _PRECEDENCE:
            return Literal(position, None)
        raise _Stop

    def _identifier(self) -> Node:
        dot = self._take(".")
        _, name, position, _ = self._expect("IDENTIFIER")
        if name in _RESERVED:
            self.fail(position, f"reserved identifier: {name}")
        full = "." + name if dot else name
        opening = self._take("(")
        if opening is None:
            return Ident(position, full)
        return macros.expand_global(self, opening[2], full, self._arguments())

    def _list(self) -> Node:
        position = self._next()[2]
        items: list[Node] = []
        optional = set()
        while not self._take("]"):
            if self._take("?"):
                optional.add(len(items))
            items.append(self.expression())
            if not self._take(","):
                self._expect("]")
                break
        return ListLiteral(position, items, frozenset(optional))

    def _map(self) -> Node:
        position = self._next()[2]
        entries: list[tuple[Node, Node]] = []
        optional = set()
        while not self._take("}"):
            if self._take("?"):
                optional.add(len(entries))
            key = self.expression()
            self._expect(":")
            entries.append((key, self.expression()))
            if not self._take(","):
                self._expect("}")
                break
        return MapLiteral(position, entries, frozenset(optional))

    def _struct(self, name: str) -> Node:
        position = self._next()[2]
        fields: list[tuple[str, Node, int]] = []
        while not self._take("}"):
            self._take("?")
            field = self._expect("IDENTIFIER")[1]
            colon = self._expect(":")[2]
            fields.append((field, self.expression(), colon))
            if not self._take(","):
                self._expect("}")
                break
        return Struct(position, name, fields)


def _quoted(kind: str) -> str:
    return kind if kind[:1].isalpha() or (kind[:1] == "<" and len(kind) > 2) else f"'{kind}'"


def _qualified(node: Node) -> str:
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.optional and not node.test:
        operand = _qualified(node.operand)
        return f"{operand}.{node.field}" if operand else ""
    return ""


def _balanced(function: str, terms: list[Node], positions: list[int], low: int, high: int) -> Node:
    middle = (low + high + 1) // 2
    left = terms[middle] if middle == low else _balanced(function, terms, positions, low, middle - 1)
    right = terms[middle + 1] if middle == high else _balanced(function, terms, positions, middle + 1, high)
    return Call(positions[middle], function, [left, right])


def too_deep(root: Node) -> bool:
    pending: list[tuple[Node | None, int]] = [(root, 1)]
    while pending:
        node, depth = pending.pop()
        if node is None:
            continue
        if depth > DEPTH:
            return True
        pending.extend((child, depth + 1) for child in children(node))
    return False
