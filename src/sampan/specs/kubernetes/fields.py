"""Field selectors, the text of `fieldSelector=`. Pure; k8s.io/apimachinery/pkg/fields"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class BadSelector(ValueError):
    """Its text says what is wrong, as upstream does."""


class Term:
    __slots__ = ("equal", "field", "value")

    def __init__(self, field: str, equal: bool, value: str) -> None:
        self.field = field
        self.equal = equal
        self.value = value

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
        return f"{self.field}{'=' if self.equal else '!='}{escaped}"


class Selector:
    """All terms must hold."""

    __slots__ = ("terms",)

    def __init__(self, terms: "tuple[Term, ...]" = ()) -> None:
        self.terms = terms

    def matches(self, value_of: "Callable[[str], str]") -> bool:
        return all((value_of(term.field) == term.value) is term.equal for term in self.terms)

    def exactly(self, field: str) -> "str | None":
        """The one value that `field` may have, if the selector says so."""
        for term in self.terms:
            if term.field == field and term.equal:
                return term.value
        return None

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __str__(self) -> str:
        return ",".join(str(term) for term in self.terms)


EVERYTHING = Selector()


def parse(text: str) -> Selector:
    """Raises BadSelector."""
    found = []
    for part in _split(text):
        if not part:
            continue
        term = _term(part)
        if term is None:
            raise BadSelector(f"invalid selector: '{text}'; can't understand '{part}'")
        found.append(term)
    return Selector(tuple(found))


def _split(text: str) -> "list[str]":
    """At commas that no backslash stands before."""
    parts = [""]
    escaped = False
    for char in text:
        if char == "," and not escaped:
            parts.append("")
            continue
        parts[-1] += char
        escaped = char == "\\" and not escaped
    return parts


def _term(part: str) -> "Term | None":
    at = 0
    while at < len(part):
        if part[at] == "\\":
            at += 2
            continue
        for sign in ("!=", "==", "="):
            if part.startswith(sign, at):
                return Term(part[:at], sign != "!=", _unescape(part[at + len(sign) :]))
        at += 1
    return None


def _unescape(value: str) -> str:
    if "\\" not in value and "," not in value and "=" not in value:
        return value
    found = ""
    escaped = False
    for char in value:
        if escaped:
            if char not in "\\,=":
                raise BadSelector(f"invalid field selector: invalid escape sequence: \\{char}")
            found += char
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            raise BadSelector(f"invalid field selector: unescaped character in value: {char}")
        else:
            found += char
    if escaped:
        raise BadSelector("invalid field selector: invalid escape sequence: \\")
    return found
