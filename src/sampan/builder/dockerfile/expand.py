"""Words with quotes, escapes and variables, as BuildKit's shell lexer reads them."""

import functools
import re
from collections.abc import Mapping

from sampan.builder.dockerfile import globs
from sampan.builder.errors import DockerfileError
from sampan.specs.golang.quote import quote

# unicode.IsSpace: not quite str.isspace, which knows the separators 0x1c to 0x1f as well.
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
SPACES += "\u2028\u2029\u202f\u205f\u3000"

_MODIFIERS = ("+", "-", "?", "#", "%")
_PARAMETERS = "@*#?-$!0"  # POSIX' special parameters: $@, $* ...
# No program can be started with a longer variable than 128 KiB (execve(2), MAX_ARG_STRLEN). Without a limit
# thirty lines of `ENV A=$A$A` fill the memory.
MAX_EXPANDED = 1 << 20
_MAX_DEPTH = 100


class Expander:
    """Replaces variables by `variables`; remembers the names it met, for lint.

    All methods raise DockerfileError in BuildKit's words (without a place).
    """

    def __init__(self, variables: Mapping[str, str], escape: str = "\\") -> None:
        self.variables = variables
        self.escape = escape
        self.matched: set[str] = set()
        self.unmatched: set[str] = set()

    def word(self, text: str) -> str:
        """One value: variables replaced, quotes and escapes removed, blanks kept."""
        return self._run(text).text

    def words(self, text: str) -> list[str]:
        """The words it splits into, after the variables were replaced, as EXPOSE has it."""
        return self._run(text).words

    def raw(self, text: str) -> str:
        """As `word`, but quotes mean nothing: what heredocs of COPY and ADD get."""
        return self._run(text, quotes="none", escape="\\").text

    def display(self, text: str) -> str:
        """As `word`, but quotes are kept and unset variables stay as written: names of steps."""
        return self._run(text, quotes="keep", keep_unset=True).text

    def _run(
        self, text: str, *, quotes: str = "remove", keep_unset: bool = False, escape: str = ""
    ) -> "_Result":
        lexer = Lexer(
            text, self.variables, escape=escape or self.escape, quotes=quotes, keep_unset=keep_unset
        )
        try:
            return lexer.run()
        finally:
            self.matched |= lexer.matched
            self.unmatched |= lexer.unmatched


class _Result:
    """What was read so far, whole and split into words at blanks that were not quoted."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.words: list[str] = []
        self._word: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def plain(self, text: str) -> None:
        """Text whose blanks separate words."""
        self.parts.append(text)
        word = self._word
        for char in text:
            if char not in SPACES:
                word.append(char)
            elif word:
                self.words.append("".join(word))
                word.clear()

    def quoted(self, text: str) -> None:
        self.parts.append(text)
        if text:
            self._word.append(text)

    def end(self) -> "_Result":
        if self._word:
            self.words.append("".join(self._word))
            self._word.clear()
        return self


class Lexer:
    """One run over one text.

    `quotes`: "remove" them, "keep" them in the result, or "none" (they are like any other character).
    `raw_escapes`: escape characters stay in the result. `keep_unset`: unset variables stay as written.
    """

    def __init__(
        self,
        text: str,
        variables: Mapping[str, str],
        *,
        escape: str = "\\",
        quotes: str = "remove",
        raw_escapes: bool = False,
        keep_unset: bool = False,
    ) -> None:
        self._text = text
        self._position = 0
        self._variables = variables
        self._escape = escape
        self._quotes = quotes
        self._raw_escapes = raw_escapes
        self._keep_unset = keep_unset
        self._depth = 0
        self._size = 0
        self.matched: set[str] = set()
        self.unmatched: set[str] = set()

    def run(self) -> _Result:
        """Raises DockerfileError."""
        special = ("$", self._escape) if self._quotes == "none" else ("$", self._escape, "'", '"')
        if not any(char in self._text for char in special):
            result = _Result()
            result.plain(self._text)
            return result.end()
        try:
            return self._until("", self._raw_escapes)
        except DockerfileError as error:
            raise DockerfileError(f"failed to process {quote(self._text)}: {error}") from None

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _next(self) -> str:
        char = self._text[self._position : self._position + 1]
        self._position += 1
        return char

    def _until(self, stop: str, raw_escapes: bool) -> _Result:
        """Everything up to `stop`, which is taken too; "": up to the end."""
        before, self._raw_escapes = self._raw_escapes, raw_escapes
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise DockerfileError("syntax error: variables are nested too deeply")
        result = _Result()
        try:
            while char := self._peek():
                if char == stop:
                    self._position += 1
                    return result.end()
                self._one(char, result)
        finally:
            self._raw_escapes = before
            self._depth -= 1
        if stop:
            raise DockerfileError(f"unexpected end of statement while looking for matching {stop}")
        return result.end()

    def _one(self, char: str, result: _Result) -> None:
        if char == "$":
            result.plain(self._variable())
        elif char in "'\"" and self._quotes != "none":
            result.quoted(self._single() if char == "'" else self._double())
        elif char == self._escape:
            self._position += 1
            if self._raw_escapes:
                result.quoted(char)
            if following := self._next():  # at the end an escape character means nothing
                result.quoted(following)
        else:
            start = self._position
            self._position = _plain_end(self._text, start + 1, self._escape)
            result.plain(self._text[start : self._position])

    def _single(self) -> str:
        start = self._position + 1
        end = self._text.find("'", start)
        if end < 0:
            self._position = len(self._text)
            raise _unexpected_end("single-quote")
        self._position = end + 1
        inside = self._text[start:end]
        return f"'{inside}'" if self._quotes == "keep" else inside

    def _double(self) -> str:
        self._position += 1
        out = ['"'] if self._quotes == "keep" else []
        while (char := self._peek()) != '"':
            if not char:
                raise _unexpected_end("double-quote")
            if char == "$":
                out.append(self._variable())
                continue
            self._position += 1
            if char == self._escape:
                if self._raw_escapes:
                    out.append(char)
                following = self._peek()
                if not following:
                    continue
                if following in ('"', "$", self._escape):
                    char = self._next()
            out.append(char)
        self._position += 1
        return "".join(out) + ('"' if self._quotes == "keep" else "")

    def _variable(self) -> str:
        self._position += 1
        if self._peek() == "{":
            self._position += 1
            return self._counted(self._braced())
        name = self._name()
        if not name:
            return "$"
        value = self._value(name)
        if value is None:
            return f"${name}" if self._keep_unset else ""
        return self._counted(value)

    def _counted(self, value: str) -> str:
        self._size += len(value)
        if self._size > MAX_EXPANDED:
            raise DockerfileError(f"variables expand to more than {MAX_EXPANDED} characters")
        return value

    def _value(self, name: str) -> str | None:
        value = self._variables.get(name)
        (self.unmatched if value is None else self.matched).add(name)
        return value

    def _name(self) -> str:
        """Letters, digits and "_"; or digits alone; or one special parameter; or nothing."""
        start = self._position
        first = self._peek()
        if first and first.isdecimal():
            while self._peek().isdecimal():
                self._position += 1
        elif first and first in _PARAMETERS:
            self._position += 1
        else:
            while (char := self._peek()) and (char == "_" or char.isalpha() or char.isdecimal()):
                self._position += 1
        return self._text[start : self._position]

    def _braced(self) -> str:
        first = self._peek()
        if not first:
            raise DockerfileError("syntax error: missing '}'")
        if first in "{}:":
            raise DockerfileError("syntax error: bad substitution")
        name = self._name()
        operator = self._next()
        if operator == "}":
            value = self._value(name)
            return (f"${{{name}}}" if self._keep_unset else "") if value is None else value
        if operator == "/":
            return self._replaced(name)
        written = operator
        if operator == ":":
            operator = self._next()
            written += operator
        elif operator not in _MODIFIERS:
            shown = written or "\ufffd"  # the end of the text, which Go prints as a character
            raise DockerfileError(f"unsupported modifier ({shown}) in substitution")
        return self._modified(name, operator, written)

    def _modified(self, name: str, operator: str, written: str) -> str:
        word = self._inner("}", operator in ("#", "%"), "syntax error: missing '}'")
        value = self._value(name)
        if value is None and self._keep_unset:
            return f"${{{name}{written}{word}}}"
        absent = value is None or (written[0] == ":" and value == "")
        if operator == "-":
            return word if absent or value is None else value
        if operator == "+":
            return "" if absent else word
        if operator == "?":
            if absent or value is None:
                state = "unset" if value is None else "empty"
                raise DockerfileError(f"{name}: {word or f'is not allowed to be {state}'}")
            return value
        if operator in ("#", "%"):
            return self._trimmed(value or "", operator, word)
        raise DockerfileError(f"unsupported modifier ({written}) in substitution")

    @staticmethod
    def _trimmed(value: str, operator: str, pattern: str) -> str:
        greedy = pattern.startswith(operator)
        pattern = pattern[1:] if greedy else pattern
        remove = globs.remove_prefix if operator == "#" else globs.remove_suffix
        try:
            return remove(pattern, value, greedy=greedy)
        except ValueError as error:
            raise DockerfileError(f"invalid pattern ({pattern}) in substitution: {error}") from None

    def _replaced(self, name: str) -> str:
        every = self._peek() == "/"
        if every:
            self._position += 1
        pattern = self._inner("/", True, "syntax error: missing '/' in ${}")
        replacement = self._inner("}", True, "syntax error: missing '}'")
        value = self._value(name)
        if value is None and self._keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        try:
            return globs.replace(pattern, value or "", replacement, every=every, limit=MAX_EXPANDED)
        except ValueError as error:
            raise DockerfileError(f"invalid pattern ({pattern}) in substitution: {error}") from None

    def _inner(self, stop: str, raw_escapes: bool, missing: str) -> str:
        try:
            return self._until(stop, raw_escapes).text
        except DockerfileError:
            if self._position >= len(self._text):
                raise DockerfileError(missing) from None
            raise


@functools.cache
def _special(escape: str) -> re.Pattern[str]:
    return re.compile("[$'\"/}" + re.escape(escape) + "]")


def _plain_end(text: str, position: int, escape: str) -> int:
    """Where the next character is that may mean something."""
    found = _special(escape).search(text, position)
    return found.start() if found else len(text)


def _unexpected_end(what: str) -> DockerfileError:
    return DockerfileError(f"unexpected end of statement while looking for matching {what}")
