"""Why a text is no JSON, in the words of Go's encoding/json. Pure; its scanner.go

Only for texts that a faster parser has refused: it goes through them value by value.
"""

import re

_SPACE = " \t\r\n"
_SCALAR = (
    r'(?:"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"|true|false|null'
    r"|-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+(?=[\s,\]}]))"
)
# What there may be megabytes of: a string as far as there is nothing wrong with it, elements, fields.
_whole_string = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+').match
_elements = re.compile(rf"(?:[ \t\r\n]*+,[ \t\r\n]*+{_SCALAR})*+").match
_fields = re.compile(
    r'(?:[ \t\r\n]*+,[ \t\r\n]*+"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
    rf"[ \t\r\n]*+:[ \t\r\n]*+{_SCALAR})*+"
).match
_LITERALS = {"t": "true", "f": "false", "n": "null"}
END = "unexpected end of JSON input"
DEEPEST = 10000


class _Wrong(Exception):
    pass


def _char(text: str, at: int) -> str:
    char = text[at]
    if char == "'":
        return "'\\''"
    if char == '"':
        return "'\"'"
    if char in "\n\r\t":
        return {"\n": "'\\n'", "\r": "'\\r'", "\t": "'\\t'"}[char]
    return (
        f"'{char}'"
        if char.isprintable()
        else f"'\\x{ord(char):02x}'"
        if ord(char) < 256
        else f"'\\u{ord(char):04x}'"
    )


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def _skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _SPACE:
            self.at += 1

    def _next(self) -> str:
        self._skip()
        if self.at >= len(self.text):
            raise _Wrong(END)
        return self.text[self.at]

    def _refuse(self, where: str) -> _Wrong:
        return _Wrong(f"invalid character {_char(self.text, self.at)} {where}")

    def value(self) -> None:
        """One value, its parts on a stack of our own: a text may be deeper than Python's."""
        stack: list[str] = []
        while True:
            closed = self._begin(stack)
            while closed:
                if not stack:
                    return
                closed = self._go_on(stack)

    def _begin(self, stack: "list[str]") -> bool:
        """The start of a value; is it complete?"""
        char = self._next()
        if char in "{[":
            if len(stack) >= DEEPEST:
                raise _Wrong("exceeded max depth")
            self.at += 1
            if self._next() == ("}" if char == "{" else "]"):
                self.at += 1
                return True
            stack.append(char)
            if char == "{":
                self._key()
            return False
        if char == '"':
            self._string()
        elif char == "-" or (char.isascii() and char.isdigit()):
            self._number()
        elif char in _LITERALS:
            self._literal(_LITERALS[char])
        else:
            raise self._refuse("looking for beginning of value")
        return True

    def _go_on(self, stack: "list[str]") -> bool:
        """What follows a value within another; is that one complete now?"""
        inside = stack[-1]
        found = (_fields if inside == "{" else _elements)(self.text, self.at)
        self.at = self.at if found is None else found.end()
        char = self._next()
        if char == ",":
            self.at += 1
            if inside == "{":
                self._key()
            return False
        if char == ("}" if inside == "{" else "]"):
            self.at += 1
            stack.pop()
            return True
        raise self._refuse("after object key:value pair" if inside == "{" else "after array element")

    def _key(self) -> None:
        if self._next() != '"':
            raise self._refuse("looking for beginning of object key string")
        self._string()
        if self._next() != ":":
            raise self._refuse("after object key")
        self.at += 1

    def _string(self) -> None:
        found = _whole_string(self.text, self.at)
        assert found is not None  # it begins with a quote
        self.at = found.end()
        if self.at >= len(self.text):
            raise _Wrong(END)
        char = self.text[self.at]
        if char == "\\":
            self._escape()
        elif char != '"':
            raise self._refuse("in string literal")
        self.at += 1

    def _escape(self) -> None:
        self.at += 1
        if self.at >= len(self.text):
            raise _Wrong(END)
        if self.text[self.at] == "u":
            for _ in range(4):
                self.at += 1
                if self.at >= len(self.text):
                    raise _Wrong(END)
                if self.text[self.at] not in "0123456789abcdefABCDEF":
                    raise self._refuse("in \\u hexadecimal character escape")
        elif self.text[self.at] not in 'bfnrt\\/"':
            raise self._refuse("in string escape code")
        self.at += 1

    def _literal(self, word: str) -> None:
        for number, char in enumerate(word):
            if self.at >= len(self.text):
                raise _Wrong(END)
            if self.text[self.at] != char:
                raise self._refuse(f"in literal {word} (expecting '{word[number]}')")
            self.at += 1

    def _digits(self, where: str) -> None:
        if self.at >= len(self.text):
            raise _Wrong(END)
        if self.text[self.at] not in "0123456789":
            raise self._refuse(where)
        while self.at < len(self.text) and self.text[self.at] in "0123456789":
            self.at += 1

    def _number(self) -> None:
        if self.text[self.at] == "-":
            self.at += 1
            if self.at < len(self.text) and self.text[self.at] not in "0123456789":
                raise self._refuse("in numeric literal")
        if self.at < len(self.text) and self.text[self.at] == "0":
            self.at += 1
        else:
            self._digits("in numeric literal")
        if self.at < len(self.text) and self.text[self.at] == ".":
            self.at += 1
            self._digits("after decimal point in numeric literal")
        if self.at < len(self.text) and self.text[self.at] in "eE":
            self.at += 1
            if self.at < len(self.text) and self.text[self.at] in "+-":
                self.at += 1
            self._digits("in exponent of numeric literal")


def syntax_error(text: str) -> str:
    """What Go says of it; "" if there is nothing wrong."""
    scanner = _Scanner(text)
    try:
        scanner.value()
        scanner._skip()
        if scanner.at < len(text):
            raise scanner._refuse("after top-level value")
    except _Wrong as error:
        return str(error)
    return ""
