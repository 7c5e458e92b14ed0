"""An expression's text as tokens; https://github.com/google/cel-go parser/gen/CEL.g4"""

from sampan.kube.schema.cel.errors import Issue
from sampan.kube.schema.cel.values import Uint

# Token: kind, text, offset, value of a literal. The kinds of punctuation and operators are their text.
Token = tuple[str, str, int, object]

_TWO = frozenset(("==", "!=", "<=", ">=", "&&", "||"))
_ONE = frozenset("<>[]{}(),.:+-*/%!?")
_WHITE = frozenset(" \t\r\n\f")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_DIGITS = frozenset("0123456789")
_HEX = frozenset("0123456789abcdefABCDEF")
_KEYWORDS = {"true": True, "false": False, "null": None, "in": None}
_ESCAPES = {
    "a": 7,
    "b": 8,
    "f": 12,
    "n": 10,
    "r": 13,
    "t": 9,
    "v": 11,
    "\\": 92,
    "?": 63,
    '"': 34,
    "'": 39,
    "`": 96,
}


class Lexer:
    def __init__(self, source: str) -> None:
        self.source = source
        self.offset = 0
        self.tokens: list[Token] = []
        self.failures: list[tuple[int, str]] = []  # offset, message

    def run(self) -> list[Token]:
        source, end = self.source, len(self.source)
        while self.offset < end:
            char = source[self.offset]
            if char in _WHITE:
                self.offset += 1
            elif source.startswith("//", self.offset):
                newline = source.find("\n", self.offset)
                self.offset = end if newline < 0 else newline
            else:
                self._token(char)
        self.tokens.append(("<EOF>", "<EOF>", end, None))
        return self.tokens

    def _token(self, char: str) -> None:
        source, start = self.source, self.offset
        if self._string_ahead():
            self._string()
        elif char in _LETTERS:
            self._word()
        elif char in _DIGITS or (char == "." and source[start + 1 : start + 2] in _DIGITS):
            self._number()
        elif source[start : start + 2] in _TWO:
            self._add(source[start : start + 2], source[start : start + 2])
        elif char in _ONE:
            self._add(char, char)
        elif char == "`":
            self._escaped()
        else:
            self._unknown()

    def _add(self, kind: str, text: str, value: object = None) -> None:
        self.tokens.append((kind, text, self.offset, value))
        self.offset += len(text)

    def _unknown(self) -> None:
        """What can begin no token; `|`, `&` and `=` take the character with them that does not follow."""
        start = self.offset
        length = 2 if self.source[start] in "|&=" and start + 1 < len(self.source) else 1
        self.failures.append(
            (
                start,
                f"Syntax error: token recognition error at: '{_shown(self.source[start : start + length])}'",
            )
        )
        self.offset += length

    def _word(self) -> None:
        source, end = self.source, self.offset
        while end < len(source) and (source[end] in _LETTERS or source[end] in _DIGITS):
            end += 1
        text = source[self.offset : end]
        if text in _KEYWORDS:
            self._add(text, text, _KEYWORDS[text])
        else:
            self._add("IDENTIFIER", text)

    def _escaped(self) -> None:
        end = self.source.find("`", self.offset + 1)
        body = self.source[self.offset + 1 : end] if end > 0 else ""
        if not body or not all(char in _LETTERS or char in _DIGITS or char in ".-/ " for char in body):
            self._unknown()
            return
        self._add("ESC_IDENTIFIER", self.source[self.offset : end + 1])

    def _number(self) -> None:
        source, start = self.source, self.offset
        if source[start : start + 2] == "0x" and source[start + 2 : start + 3] in _HEX:
            end = self._run(start + 2, _HEX)
            self._integer(end, 16)
            return
        end = self._run(start, _DIGITS)
        real = False
        if source[end : end + 1] == "." and source[end + 1 : end + 2] in _DIGITS:
            real, end = True, self._run(end + 1, _DIGITS)
        if source[end : end + 1] in ("e", "E"):
            sign = end + 1 + (source[end + 1 : end + 2] in ("+", "-"))
            if source[sign : sign + 1] in _DIGITS:
                real, end = True, self._run(sign, _DIGITS)
        if real:
            self._add("NUM_FLOAT", source[start:end], float(source[start:end]))
        else:
            self._integer(end, 10)

    def _run(self, start: int, chars: frozenset[str]) -> int:
        while start < len(self.source) and self.source[start] in chars:
            start += 1
        return start

    def _integer(self, end: int, base: int) -> None:
        text = self.source[self.offset : end]
        # More digits than any 64-bit number has are not worth reading (int() takes their square in time).
        number = int(text, base) if len(text) < 80 else 1 << 64
        if self.source[end : end + 1] in ("u", "U"):
            if number >= 1 << 64:
                self.failures.append((self.offset, "invalid uint literal"))
                number = 0
            self._add("NUM_UINT", self.source[self.offset : end + 1], Uint(number))
        else:
            self._add("NUM_INT", text, number)

    def _string_ahead(self) -> bool:
        at = self.offset
        for _ in range(2):  # r, b, rb, br
            if self.source[at : at + 1] in ("r", "R", "b", "B"):
                at += 1
        return self.source[at : at + 1] in ("'", '"')

    def _string(self) -> None:
        source, at = self.source, self.offset
        prefix = ""
        while source[at] in "rRbB":
            prefix += source[at].lower()
            at += 1
        quote = source[at] * 3 if source[at : at + 3] == source[at] * 3 else source[at]
        raw, binary = "r" in prefix, "b" in prefix
        end = self._closing(at + len(quote), quote, raw)
        if end < 0:
            self.failures.append((self.offset, self._unclosed(len(quote))))
            self.offset = self._after_unclosed(len(quote))
            return
        body = source[at + len(quote) : end]
        text = source[self.offset : end + len(quote)]
        try:
            value: object = body.replace("\r\n", "\n") if raw else _unescape(body, binary)
            if binary:
                value = value.encode() if raw else value  # type: ignore[attr-defined]
        except ValueError as e:
            self.failures.append((self.offset, str(e)))
            value = b"" if binary else ""
        self._add("BYTES" if binary else "STRING", text, value)

    def _closing(self, at: int, quote: str, raw: bool) -> int:
        source = self.source
        while at < len(source):
            if source.startswith(quote, at):
                return at
            if len(quote) == 1 and source[at] in "\r\n":
                return -1
            at += 2 if source[at] == "\\" and not raw else 1
        return -1

    def _line_end(self) -> int:
        ends = [at for at in (self.source.find("\n", self.offset), len(self.source)) if at >= 0]
        return min(ends)

    def _after_unclosed(self, quote: int) -> int:
        return len(self.source) if quote == 3 else self._line_end()

    def _unclosed(self, quote: int) -> str:
        rest = self.source[self.offset : self._after_unclosed(quote)]
        return f"Syntax error: token recognition error at: '{_shown(rest)}'"


def _shown(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def _unescape(body: str, binary: bool) -> object:
    """The value of a literal; of bytes, `\\x41` and `\\101` are bytes. Raises ValueError."""
    if "\\" not in body:
        text = body.replace("\r\n", "\n").replace("\r", "\n")
        return text.encode() if binary else text
    parts: list[str] = []
    data = bytearray()
    at = 0
    while at < len(body):
        char = body[at]
        if char != "\\":
            data += char.encode() if binary else b""
            parts.append(char)
            at += 1
            continue
        code, at, numeric = _escape(body, at + 1)
        if binary:
            data += bytes([code]) if numeric == "byte" else chr(code).encode()
            if numeric == "unicode":
                raise ValueError("unable to unescape string")
        else:
            parts.append(chr(code))
    return bytes(data) if binary else "".join(parts)


def _escape(body: str, at: int) -> tuple[int, int, str]:
    """(code, what follows, kind: char, byte, unicode)."""
    char = body[at : at + 1]
    if char in _ESCAPES and char:
        return _ESCAPES[char], at + 1, "char"
    widths = {"x": 2, "X": 2, "u": 4, "U": 8}
    if char in widths and char:
        digits = body[at + 1 : at + 1 + widths[char]]
        if len(digits) == widths[char] and _HEX.issuperset(digits):
            code = int(digits, 16)
            if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
                return code, at + 1 + widths[char], "byte" if char in "xX" else "unicode"
    elif char in ("0", "1", "2", "3") and char:
        digits = body[at : at + 3]
        if len(digits) == 3 and all(digit in "01234567" for digit in digits):
            return int(digits, 8), at + 3, "byte"
    raise ValueError("unable to unescape string")


def locate(source: str, offset: int) -> tuple[int, int]:
    """Line (from 1) and column (from 0)."""
    line = source.count("\n", 0, offset) + 1
    return line, offset - (source.rfind("\n", 0, offset) + 1)


def issue(source: str, offset: int, message: str) -> Issue:
    return Issue(*locate(source, offset), message)
