"""Tokens of Go's text/template. Source: the package's documentation ("Actions", "Text and spaces")."""

from __future__ import annotations

_SPACE = " \t\r\n"
KEYWORDS = ("block", "break", "continue", "define", "else", "end", "if", "range", "template", "with")


class TemplateError(Exception):
    """Text as Go's text/template words it; `parsing` tells a bad template from a failed execution."""

    def __init__(self, text: str, parsing: bool = False) -> None:
        super().__init__(text)
        self.parsing = parsing


class Token:
    """`kind` is one of text, left, right, space, field, variable, dot, name, keyword, bool, nil, number,
    char, string, punctuation."""

    __slots__ = ("at", "kind", "text")

    def __init__(self, kind: str, text: str, at: int) -> None:
        self.kind = kind
        self.text = text
        self.at = at


def tokens(source: str, name: str) -> list[Token]:
    """Raises TemplateError in Go's words."""
    return _Lexer(source, name).run()


class _Lexer:
    def __init__(self, source: str, name: str) -> None:
        self.source = source
        self.name = name
        self.at = 0
        self.found: list[Token] = []
        self.depth = 0

    def fail(self, text: str) -> TemplateError:
        line = 1 + self.source.count("\n", 0, self.at)
        return TemplateError(f"template: {self.name}:{line}: {text}", parsing=True)

    def put(self, kind: str, end: int) -> None:
        self.found.append(Token(kind, self.source[self.at : end], self.at))
        self.at = end

    def run(self) -> list[Token]:
        trim_left = False
        while True:
            opened = self.source.find("{{", self.at)
            text = self.source[self.at :] if opened < 0 else self.source[self.at : opened]
            start = self.at
            if trim_left:
                stripped = text.lstrip(_SPACE)
                start += len(text) - len(stripped)
                text = stripped
            if opened >= 0 and self._trims(opened + 2):
                text = text.rstrip(_SPACE)
            if text:
                self.found.append(Token("text", text, start))
            if opened < 0:
                return self.found
            self.at = opened
            trim_left = self._action()

    def _trims(self, at: int) -> bool:
        return self.source[at : at + 1] == "-" and self.source[at + 1 : at + 2] in tuple(_SPACE)

    def _action(self) -> bool:
        """One {{...}}; returns whether the text behind it loses its leading space."""
        inside = self.at + (4 if self._trims(self.at + 2) else 2)
        if self.source.startswith("/*", inside):
            return self._comment(inside)
        self.put("left", inside)
        self.depth = 0
        while True:
            closing = self._closing()
            if closing:
                if self.depth:
                    raise self.fail("unclosed left paren")
                self.put("right", self.at + (4 if closing == " -}}" else 2))
                return closing != "}}"
            if self.at >= len(self.source):
                raise self.fail("unclosed action")
            self._token()

    def _closing(self) -> str:
        if self.source.startswith("}}", self.at):
            return "}}"
        if self.source[self.at : self.at + 1] in tuple(_SPACE) and self.source.startswith("-}}", self.at + 1):
            return " -}}"
        return ""

    def _comment(self, inside: int) -> bool:
        end = self.source.find("*/", inside + 2)
        if end < 0:
            raise self.fail("unclosed comment")
        self.at = end + 2
        closing = self._closing()
        if not closing:
            raise self.fail("comment ends before closing delimiter")
        self.at += len(closing)
        return closing != "}}"

    def _token(self) -> None:
        source, at = self.source, self.at
        char = source[at]
        if char in _SPACE:
            end = at
            while end < len(source) and source[end] in _SPACE and not source.startswith("-}}", end + 1):
                end += 1
            self.put("space", max(end, at + 1))
        elif char == '"':
            self._quoted('"', "string", "unterminated quoted string")
        elif char == "`":
            end = source.find("`", at + 1)
            if end < 0:
                raise self.fail("unterminated raw quoted string")
            self.put("string", end + 1)
        elif char == "'":
            self._quoted("'", "char", "unterminated character constant")
        elif char == ":" and source.startswith(":=", at):
            self.put("punctuation", at + 2)
        elif char == "." and not source[at + 1 : at + 2].isdigit():
            end = self._word(at + 1)
            self._check_end(end)
            self.put("field" if end > at + 1 else "dot", end)
        elif char == "$":
            end = self._word(at + 1)
            self._check_end(end)
            self.put("variable", end)
        elif char.isdigit() or char in "+-.":
            self._number()
        elif char.isalpha() or char == "_":
            self._name()
        elif char in "()|=,":
            self._punctuation(char)
        elif " " < char < "\x7f":
            self.put("other", at + 1)  # means nothing here: the parser says where it stands
        else:
            raise self.fail(f"unrecognized character in action: U+{ord(char):04X} '{char}'")

    def _punctuation(self, char: str) -> None:
        self.depth += (char == "(") - (char == ")")
        if self.depth < 0:
            raise self.fail("unexpected right paren")
        self.put("punctuation", self.at + 1)

    def _word(self, at: int) -> int:
        while at < len(self.source) and (self.source[at].isalnum() or self.source[at] == "_"):
            at += 1
        return at

    def _name(self) -> None:
        end = self._word(self.at)
        word = self.source[self.at : end]
        kind = (
            "keyword"
            if word in KEYWORDS
            else "bool"
            if word in ("true", "false")
            else "nil"
            if word == "nil"
            else "name"
        )
        self._check_end(end)
        self.put(kind, end)

    def _check_end(self, end: int) -> None:
        """A word ends at a space or an operator."""
        bad = self.source[end : end + 1]
        if bad not in (*_SPACE, "", ".", ",", "|", ":", "=", ")", "(") and not self.source.startswith(
            "}}", end
        ):
            self.at = end
            raise self.fail(f"bad character U+{ord(bad):04X} '{bad}'")

    def _number(self) -> None:
        """As far as it may be a number; what follows must not be a letter or digit."""
        end = self.at + (self.source[self.at] in "+-")
        digits = "0123456789_"
        if self.source[end : end + 1] == "0" and self.source[end + 1 : end + 2].lower() in ("x", "o", "b"):
            digits = {"x": "0123456789abcdefABCDEF_", "o": "01234567_", "b": "01_"}[
                self.source[end + 1].lower()
            ]
            end += 2
        end = self._run(end, digits)
        if self.source[end : end + 1] == ".":
            end = self._run(end + 1, digits)
        if self.source[end : end + 1] in tuple("eEpP"):
            end += 1 + (self.source[end + 1 : end + 2] in ("+", "-"))
            end = self._run(end, "0123456789_")
        after = self.source[end : end + 1]
        if after.isalnum() or after == "_":
            raise self.fail(f'bad number syntax: "{self.source[self.at : end + 1]}"')
        self.put("number", end)

    def _run(self, at: int, allowed: str) -> int:
        while at < len(self.source) and self.source[at] in allowed:
            at += 1
        return at

    def _quoted(self, mark: str, kind: str, text: str) -> None:
        end = self.at + 1
        while end < len(self.source) and self.source[end] != mark:
            if self.source[end] == "\n":
                break
            end += 2 if self.source[end] == "\\" else 1
        if self.source[end : end + 1] != mark:
            raise self.fail(text)
        self.put(kind, end + 1)
