"""Go's regular expressions as trees. Pure;
https://github.com/golang/go/blob/master/src/regexp/syntax/parse.go

A tree is a tuple: ("set", CharSet), ("cat", trees), ("alt", trees), ("repeat", tree, least, most or None,
greedy), ("assert", kind).
"""

from sampan.errors import Invalid
from sampan.specs.golang.regexp.charsets import (
    LAST,
    PERL,
    POSIX,
    CharSet,
    Range,
    complement,
    folded,
    known_property,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Tree = tuple[Any, ...]

NESTING = 100  # groups; Go allows 1,000
REPEAT = 1000
EMPTY: "Tree" = ("cat", ())
_ESCAPES = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_PUNCTUATION = frozenset("\\.+*?()|[]{}^$-/ !\"#%&',:;<=>@_`~")
_ASSERTIONS = {"A": "begin", "z": "end", "b": "word", "B": "no word"}
_HEX = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")


class Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.depth = 0
        # i: any case; m: ^ and $ at lines; s: . is newlines, too; U: shortest first
        self.flags = frozenset[str]()

    def parse(self) -> "Tree":
        tree = self._alternatives()
        if self.at < len(self.pattern):
            raise self._error("unexpected )", self.pattern)
        return tree

    def _error(self, what: str, part: str) -> Invalid:
        return Invalid(f"error parsing regexp: {what}: `{part}`")

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _alternatives(self) -> "Tree":
        branches = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else ("alt", tuple(branches))

    def _sequence(self) -> "Tree":
        items: list[Tree] = []
        while (char := self._peek()) and char not in "|)":
            start = self.at
            item = self._atom(char)
            if item is not None:
                items.append(self._repeated(item, start))
        return items[0] if len(items) == 1 else ("cat", tuple(items))

    def _atom(self, char: str) -> "Tree | None":
        if char == "(":
            return self._group()
        if char == "[":
            return ("set", self._class())
        if char in "*+?":
            raise self._error("missing argument to repetition operator", char)
        if char == "{" and (counts := self._counts()) is not None:
            raise self._error("missing argument to repetition operator", self.pattern[self.at : counts[2]])
        self.at += 1
        if char == ".":
            return ("set", CharSet([(0, LAST)] if "s" in self.flags else [(0, 9), (11, LAST)]))
        if char == "^":
            return ("assert", "line begin" if "m" in self.flags else "begin")
        if char == "$":
            return ("assert", "line end" if "m" in self.flags else "end")
        if char == "\\":
            return self._escape()
        return self._literal(ord(char))

    def _literal(self, code: int) -> "Tree":
        ranges = [(code, code)]
        return ("set", CharSet(folded(ranges) if "i" in self.flags else ranges))

    # Repetition

    def _repeated(self, item: "Tree", start: int) -> "Tree":
        before = None
        while True:
            begin = self.at
            counts = self._operator()
            if counts is None:
                return item
            least, most, end = counts
            self.at = end
            greedy = "U" not in self.flags
            if self._peek() == "?":
                greedy = not greedy
                self.at += 1
            if before is not None:
                raise self._error("invalid nested repetition operator", self.pattern[before : self.at])
            before = begin
            item = ("repeat", item, least, most, greedy)
            if _copies(item) > REPEAT:
                raise self._error("invalid repeat count", self.pattern[begin:end])

    def _operator(self) -> "tuple[int, int | None, int] | None":
        char = self._peek()
        table = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if char in table and char:
            least, most = table[char]
            return least, most, self.at + 1
        return self._counts() if char == "{" else None

    def _counts(self) -> "tuple[int, int | None, int] | None":
        """`{2}`, `{2,}`, `{2,3}`; anything else after a brace is text."""
        end = self.pattern.find("}", self.at)
        body = self.pattern[self.at + 1 : end] if end > 0 else ""
        low, comma, high = body.partition(",")
        if not low or not _DIGITS.issuperset(low + high):
            return None
        least = int(low[:6])
        most = least if not comma else (int(high[:6]) if high else None)
        if least > REPEAT or (most is not None and (most > REPEAT or most < least)):
            raise self._error("invalid repeat count", self.pattern[self.at : end + 1])
        return least, most, end + 1

    # Groups

    def _group(self) -> "Tree | None":
        self.depth += 1
        if self.depth > NESTING:
            raise self._error("expression nests too deeply", self.pattern)
        saved = self.flags
        start = self.at
        self.at += 1
        if self._peek() == "?":
            self.at += 1
            if self._group_head(start):
                self.depth -= 1
                return None
        tree = self._alternatives()
        if self._peek() != ")":
            raise self._error("missing closing )", self.pattern)
        self.at += 1
        self.flags = saved
        self.depth -= 1
        return tree

    def _group_head(self, start: int) -> bool:
        """Reads a name or flags. True: that was all, as in `(?i)`."""
        rest = self.pattern[self.at :]
        if rest.startswith(("P<", "<")):
            return self._name(start, len("P<") if rest[0] == "P" else 1)
        on, off, negated = set(self.flags), False, False
        while (char := self._peek()) and char in "imsU-":
            self.at += 1
            if char == "-":
                if negated:
                    break
                negated = True
            elif negated:
                on.discard(char)
                off = True
            else:
                on.add(char)
        if char not in ("", ")", ":") or (negated and not off):
            raise self._error("invalid or unsupported Perl syntax", self.pattern[start : self.at + 1])
        if not char:
            raise self._error("missing closing )", self.pattern)
        self.flags = frozenset(on)
        self.at += 1
        return char == ")"

    def _name(self, start: int, skip: int) -> bool:
        end = self.pattern.find(">", self.at)
        if end < 0:
            raise self._error("invalid named capture", self.pattern[start:])
        name = self.pattern[self.at + skip : end]
        if not name or not name.isascii() or not name.replace("_", "a").isalnum():
            what = "invalid or unsupported Perl syntax" if name[:1] in ("=", "!") else "invalid named capture"
            raise self._error(
                what,
                self.pattern[start : start + 4] if name[:1] in ("=", "!") else self.pattern[start : end + 1],
            )
        self.at = end + 1
        return False

    # Escapes and classes

    def _escape(self) -> "Tree":
        char = self._peek()
        if not char:
            raise self._error("trailing backslash at end of expression", "")
        if char in _ASSERTIONS:
            self.at += 1
            return ("assert", _ASSERTIONS[char])
        if char == "Q":
            return self._quoted()
        if char == "C":
            self.at += 1
            return ("set", CharSet([(0, LAST)]))
        found = self._shorthand()
        if found is not None:
            ranges, properties = found
            return ("set", CharSet(ranges, properties))
        return self._literal(self._code())

    def _quoted(self) -> "Tree":
        end = self.pattern.find("\\E", self.at)
        text = self.pattern[self.at + 1 : end if end >= 0 else len(self.pattern)]
        self.at = end + 2 if end >= 0 else len(self.pattern)
        return ("cat", tuple(self._literal(ord(char)) for char in text))

    def _shorthand(self) -> "tuple[list[Range], tuple[tuple[str, bool], ...]] | None":
        """`\\d`, `\\W`, `\\pL`, `\\p{Greek}`, `\\P{^Lu}`, behind the backslash."""
        char = self._peek()
        if char.lower() in PERL:
            self.at += 1
            ranges = list(PERL[char.lower()])
            return (ranges if char.islower() else complement(ranges)), ()
        if char not in ("p", "P"):
            return None
        start = self.at - 1
        self.at += 1
        name = self._peek()
        if name == "{":
            end = self.pattern.find("}", self.at)
            if end < 0:
                raise self._error("invalid character class range", self.pattern[start:])
            name = self.pattern[self.at + 1 : end]
            self.at = end
        self.at += 1
        absent = (char == "P") is not name.startswith("^")
        name = name.removeprefix("^")
        if not known_property(name):
            raise self._error("invalid character class range", self.pattern[start : self.at])
        return [], ((name, absent),)

    def _code(self) -> int:
        """The character that an escape means."""
        start = self.at - 1
        char = self._peek()
        self.at += 1
        if char in _ESCAPES:
            return _ESCAPES[char]
        if char in _PUNCTUATION and char != "_":
            return ord(char)
        if char in "01234567" and (char == "0" or self._peek() in tuple("01234567")):
            digits = char
            while len(digits) < 3 and self._peek() in tuple("01234567"):
                digits += self._peek()
                self.at += 1
            return int(digits, 8)
        if char == "x":
            return self._hexadecimal(start)
        raise self._error("invalid escape sequence", self.pattern[start : self.at])

    def _hexadecimal(self, start: int) -> int:
        if self._peek() == "{":
            end = self.pattern.find("}", self.at)
            digits = self.pattern[self.at + 1 : end] if end > 0 else ""
            after = end + 1
        else:
            digits = self.pattern[self.at : self.at + 2]
            after = self.at + 2
            digits = digits if len(digits) == 2 else ""
        if digits and len(digits) < 9 and _HEX.issuperset(digits) and int(digits, 16) <= LAST:
            self.at = after
            return int(digits, 16)
        raise self._error("invalid escape sequence", self.pattern[start : max(after, self.at)])

    def _class(self) -> CharSet:
        start = self.at
        self.at += 1
        negated = self._peek() == "^"
        self.at += negated
        ranges: list[Range] = []
        properties: list[tuple[str, bool]] = []
        first = True
        while self._peek() != "]" or first:
            if not self._peek():
                raise self._error("missing closing ]", self.pattern[start:])
            first = False
            more, names = self._class_item(start)
            ranges += more
            properties += names
        self.at += 1
        return CharSet(folded(ranges) if "i" in self.flags else ranges, tuple(properties), negated)

    def _class_item(self, start: int) -> "tuple[list[Range], tuple[tuple[str, bool], ...]]":
        named = self._posix()
        if named is not None:
            return named, ()
        if self._peek() == "\\":
            self.at += 1
            found = self._shorthand()
            if found is not None:
                return found
            self.at -= 1
        begin = self.at
        low = self._class_char(start)
        high = low
        if self._peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
            self.at += 1
            high = self._class_char(start)
            if high < low:
                raise self._error("invalid character class range", self.pattern[begin : self.at])
        return [(low, high)], ()

    def _class_char(self, start: int) -> int:
        char = self._peek()
        if not char:
            raise self._error("missing closing ]", self.pattern[start:])
        self.at += 1
        if char != "\\":
            return ord(char)
        if not self._peek():
            raise self._error("trailing backslash at end of expression", "")
        return self._code()

    def _posix(self) -> list[Range] | None:
        if not self.pattern.startswith("[:", self.at):
            return None
        end = self.pattern.find(":]", self.at + 2)
        if end < 0:
            return None
        name = self.pattern[self.at + 2 : end]
        ranges = POSIX.get(name.removeprefix("^"))
        if ranges is None:
            raise self._error("invalid character class range", self.pattern[self.at : end + 2])
        self.at = end + 2
        return complement(ranges) if name.startswith("^") else list(ranges)


def _copies(tree: "Tree") -> int:
    """How often the innermost part of repetitions within repetitions is repeated."""
    if tree[0] == "repeat":
        most = tree[3] if tree[3] is not None else tree[2]
        return int(max(most, 1)) * _copies(tree[1])
    if tree[0] in ("cat", "alt"):
        return max(map(_copies, tree[1]), default=1)
    return 1
