"""Label selectors: the text of `labelSelector=`, and LabelSelector objects. Pure; apimachinery/pkg/labels"""

from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

OPERATORS = "in, notin, =, ==, !=, gt, lt"
LONGEST = 64 << 10  # of a selector's text: what a URL can carry


class BadSelector(ValueError):
    """Its text says what is wrong, as upstream does."""


class Requirement:
    """`operator` is one of "in" "notin" "=" "!=" "exists" "!" "gt" "lt" ("==" is "=")."""

    __slots__ = ("key", "operator", "values")

    def __init__(self, key: str, operator: str, values: "Sequence[str]" = ()) -> None:
        self.key = key
        self.operator = operator
        self.values = frozenset(values)

    def matches(self, labels: "Mapping[str, str]") -> bool:
        value = labels.get(self.key)
        operator = self.operator
        if operator in ("in", "="):
            return value in self.values
        if operator in ("notin", "!="):
            return value is None or value not in self.values
        if operator == "exists":
            return value is not None
        if operator == "!":
            return value is None
        return value is not None and self._compares(value)

    def _compares(self, value: str) -> bool:
        try:
            number, bound = _integer(value), _integer(next(iter(self.values)))
        except ValueError:
            return False
        return number > bound if self.operator == "gt" else number < bound

    def __str__(self) -> str:
        if self.operator in ("exists", "!"):
            return f"{'!' if self.operator == '!' else ''}{self.key}"
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"
        sign = {"gt": ">", "lt": "<"}.get(self.operator, self.operator)
        return f"{self.key}{sign}{next(iter(self.values))}"


class Selector:
    """All requirements must hold; none at all: everything matches."""

    __slots__ = ("requirements",)

    def __init__(self, requirements: "Sequence[Requirement]" = ()) -> None:
        self.requirements = tuple(requirements)

    def matches(self, labels: "Mapping[str, str]") -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def __str__(self) -> str:
        return ",".join(str(one) for one in sorted(self.requirements, key=lambda one: one.key))


class _Nothing(Selector):
    """Of a selector that is not there at all."""

    __slots__ = ()

    def matches(self, labels: "Mapping[str, str]") -> bool:
        return False

    def __bool__(self) -> bool:
        return True


EVERYTHING = Selector()
NOTHING: Selector = _Nothing()


def _integer(text: str) -> int:
    """strconv.ParseInt's decimal 64 bits."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        raise ValueError(text)
    return int(text)


def parse(text: str) -> Selector:
    """Raises BadSelector."""
    return _Parser(_tokens(text[:LONGEST])).selector() if text else EVERYTHING


def from_object(selector: "Mapping[str, Any] | None") -> Selector:
    """Of a valid LabelSelector; None selects nothing, an empty one everything."""
    if selector is None:
        return NOTHING
    found = [Requirement(key, "=", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    words = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    for one in selector.get("matchExpressions") or ():
        found.append(Requirement(one["key"], words[one["operator"]], one.get("values") or ()))
    return Selector(found)


_SYMBOLS = ("(", ")", ",", "!", "=", "==", "!=", ">", "<")
_WORDS = {"in": "in", "notin": "notin"}
_END = ("end", "")


def _tokens(text: str) -> "list[tuple[str, str]]":
    """(kind, text); kinds are "name", the symbols, and "in"/"notin", which may stand for names as well."""
    found = []
    at = 0
    while at < len(text):
        char = text[at]
        if char in " \t\r\n":
            at += 1
        elif char in "=!(),><":
            length = 2 if text[at : at + 2] in _SYMBOLS else 1
            found.append((text[at : at + length], text[at : at + length]))
            at += length
        else:
            end = at
            while end < len(text) and text[end] not in "=!(),>< \t\r\n":
                end += 1
            word = text[at:end]
            found.append((_WORDS.get(word, "name"), word))
            at = end
    return found


class _Parser:
    def __init__(self, tokens: "list[tuple[str, str]]") -> None:
        self._tokens = tokens
        self._at = 0

    def _peek(self, *, words: bool = False) -> "tuple[str, str]":
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else _END
        return ("name" if kind in _WORDS and not words else kind, text)

    def _take(self, *, words: bool = False) -> "tuple[str, str]":
        found = self._peek(words=words)
        self._at += 1
        return found

    def selector(self) -> Selector:
        found: list[Requirement] = []
        while True:
            kind, text = self._peek()
            if kind == "end":
                return Selector(found)
            if kind not in ("name", "!"):
                raise BadSelector(f"found '{text}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except BadSelector as error:
                raise BadSelector(f"unable to parse requirement: {error}") from None
            kind, text = self._take()
            if kind == "end":
                return Selector(found)
            if kind != ",":
                raise BadSelector(f"found '{text}', expected: ',' or 'end of string'")
            kind, text = self._peek()
            if kind not in ("name", "!"):
                raise BadSelector(f"found '{text}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        absent = self._peek()[0] == "!"
        if absent:
            self._take()
        kind, key = self._take()
        if kind != "name":
            raise BadSelector(f"found '{key}', expected: identifier")
        _check_key(key)
        if absent:
            return Requirement(key, "!")
        if self._peek()[0] in ("end", ","):
            return Requirement(key, "exists")
        return self._compared(key)

    def _compared(self, key: str) -> Requirement:
        kind, text = self._take(words=True)
        if kind in ("in", "notin"):
            values = self._values()
        elif kind in ("=", "==", "!=", ">", "<"):
            values = {self._value()}
        else:
            raise BadSelector(f"found '{text}', expected: {OPERATORS}")
        operator = {"==": "=", ">": "gt", "<": "lt"}.get(kind, kind)
        _check_values(key, operator, sorted(values))
        return Requirement(key, operator, tuple(values))

    def _value(self) -> str:
        if self._peek()[0] in ("end", ","):
            return ""
        kind, text = self._take()
        if kind != "name":
            raise BadSelector(f"found '{text}', expected: identifier")
        return text

    def _values(self) -> "set[str]":
        kind, text = self._take()
        if kind != "(":
            raise BadSelector(f"found '{text}' expected: '('")
        kind, text = self._peek()
        if kind == ")":
            self._take()
            return set()
        if kind not in ("name", ","):
            raise BadSelector(f"found '{text}', expected: ',', ')' or identifier")
        found: set[str] = set()
        while True:
            kind, text = self._take()
            if kind == "name":
                found.add(text)
                kind, text = self._peek()
                if kind not in (",", ")"):
                    raise BadSelector(f"found '{text}', expected: ',' or ')'")
            elif kind == "," and self._peek()[0] == ")":
                found.add("")
            elif kind == ",":
                if not found or self._peek()[0] == ",":
                    found.add("")
            elif kind == ")":
                return found
            else:
                raise BadSelector(f"found '{text}', expected: ',', or identifier")


def _check_key(key: str) -> None:
    wrong = names.qualified_name(key)
    if wrong:
        raise BadSelector(f"<nil>: Invalid value: {quote(key)}: {'; '.join(wrong)}")


def _check_values(key: str, operator: str, values: "list[str]") -> None:
    if operator in ("gt", "lt"):
        try:
            _integer(values[0])
        except ValueError:
            raise BadSelector(
                f"values[0]: Invalid value: {quote(values[0])}: "
                "for 'Gt', 'Lt' operators, the value must be an integer"
            ) from None
    for at, value in enumerate(values):
        wrong = names.label_value(value)
        if wrong:
            raise BadSelector(f"values[{at}][{key}]: Invalid value: {quote(value)}: {'; '.join(wrong)}")
