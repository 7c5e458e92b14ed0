"""Words of a Dockerfile: quotes, escapes and variables as BuildKit's shell lexer reads them. Pure."""

import re
from collections.abc import Mapping

from sampan.errors import Invalid

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def split_words(text: str) -> list[str]:
    """Words separated by blanks outside of quotes; quotes and backslashes stay in the words."""
    words: list[str] = []
    word, quote, escaped, inside = "", "", False, False
    for char in text:
        if escaped:
            word, escaped = word + char, False
        elif char == "\\" and quote != "'":
            word, escaped, inside = word + char, True, True
        elif quote:
            word += char
            quote = "" if char == quote else quote
        elif char in "\"'":
            word, quote, inside = word + char, char, True
        elif char.isspace():
            if inside:
                words.append(word)
            word, inside = "", False
        else:
            word, inside = word + char, True
    if inside:
        words.append(word)
    return words


def expand(word: str, variables: Mapping[str, str]) -> str:
    """The word without its quotes, its variables replaced. Raises Invalid in Docker's words."""
    return _Expansion(word, variables).run()


class _Expansion:
    def __init__(self, word: str, variables: Mapping[str, str]) -> None:
        self._word = word
        self._variables = variables
        self._position = 0

    def run(self) -> str:
        out = ""
        while (char := self._next()) is not None:
            if char == "'":
                out += self._single()
            elif char == '"':
                out += self._double()
            elif char == "$":
                out += self._variable()
            elif char == "\\":
                out += self._next() or ""
            else:
                out += char
        return out

    def _next(self) -> str | None:
        if self._position >= len(self._word):
            return None
        self._position += 1
        return self._word[self._position - 1]

    def _single(self) -> str:
        out = ""
        while (char := self._next()) != "'":
            if char is None:
                raise self._broken("unexpected end of statement while looking for matching single-quote")
            out += char
        return out

    def _double(self) -> str:
        out = ""
        while (char := self._next()) != '"':
            if char is None:
                raise self._broken("unexpected end of statement while looking for matching double-quote")
            if char == "$":
                out += self._variable()
            elif char == "\\":
                following = self._next()
                if following is None:
                    raise self._broken("unexpected end of statement while looking for matching double-quote")
                out += following if following in '"$\\' else "\\" + following
            else:
                out += char
        return out

    def _variable(self) -> str:
        if self._word[self._position : self._position + 1] == "{":
            return self._braced()
        match = _NAME.match(self._word, self._position)
        if match is None:
            return "$"
        self._position = match.end()
        return self._variables.get(match[0], "")

    def _braced(self) -> str:
        """`${name}`, and with :- - :+ + what is used instead when it is unset (or empty, with a colon)."""
        self._position += 1
        match = _NAME.match(self._word, self._position)
        if match is None:
            raise self._broken("bad substitution")
        self._position = match.end()
        value = self._variables.get(match[0])
        char = self._next()
        if char == "}":
            return value or ""
        colon = char == ":"
        if colon:
            char = self._next()
        if char is None or char not in "-+?":
            shown = "\ufffd" if char is None else char  # Go's scanner at its end
            raise self._broken(f"unsupported modifier ({':' if colon else ''}{shown}) in substitution")
        other = self._other()
        present = bool(value) if colon else value is not None
        if char == "+":
            return other if present else ""
        if char == "?" and not present:
            raise self._broken(f"{match[0]}: {other or 'is not allowed to be unset'}")
        return (value or "") if present else other

    def _other(self) -> str:
        depth, start = 1, self._position
        while (char := self._next()) is not None:
            if char == "}":
                depth -= 1
                if depth == 0:
                    return expand(self._word[start : self._position - 1], self._variables)
            elif char == "$" and self._word[self._position : self._position + 1] == "{":
                depth += 1
        raise self._broken("syntax error: missing '}'")

    def _broken(self, why: str) -> Invalid:
        quoted = self._word.replace("\\", "\\\\").replace('"', '\\"')
        return Invalid(f'failed to process "{quoted}": {why}')
