"""Go's fmt.Sprintf, Sprint and Sprintln for the values a template can hold."""

from __future__ import annotations

from sampan.cli.gotemplate.values import NoValue, show, type_name
from sampan.specs.golang.quote import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def sprint(values: tuple[Any, ...]) -> str:
    """A space between two operands when neither is a string."""
    out = ""
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out += " "
        out += show(value)
    return out


def sprintln(values: tuple[Any, ...]) -> str:
    return " ".join(show(value) for value in values) + "\n"


class _Verb:
    """One %-directive: flags, width, precision, letter."""

    def __init__(self) -> None:
        self.flags = ""
        self.width: int | None = None
        self.precision: int | None = None
        self.letter = ""


def sprintf(form: str, values: tuple[Any, ...]) -> str:
    """Bad combinations become %!verb(type=value), as in Go."""
    out: list[str] = []
    at = used = 0
    while True:
        mark = form.find("%", at)
        if mark < 0:
            out.append(form[at:])
            break
        out.append(form[at:mark])
        verb, at, used = _read(form, mark + 1, values, used)
        if not verb.letter:
            out.append("%!(NOVERB)")
            break
        if verb.letter == "%":
            out.append("%")
        elif used >= len(values):
            out.append(f"%!{verb.letter}(MISSING)")
        else:
            out.append(_pad(verb, _format(verb, values[used])))
            used += 1
    if used < len(values):
        extra = ", ".join(_typed(value) for value in values[used:])
        out.append(f"%!(EXTRA {extra})")
    return "".join(out)


def _typed(value: Any) -> str:
    return "<nil>" if value is None or isinstance(value, NoValue) else f"{type_name(value)}={show(value)}"


def _read(form: str, at: int, values: tuple[Any, ...], used: int) -> tuple[_Verb, int, int]:
    verb = _Verb()
    while at < len(form) and form[at] in "+-# 0":
        verb.flags += form[at]
        at += 1
    verb.width, at, used = _count(form, at, values, used)
    if verb.width is not None and verb.width < 0:
        verb.flags += "-"
        verb.width = -verb.width
    if form[at : at + 1] == ".":
        verb.precision, at, used = _count(form, at + 1, values, used)
        verb.precision = verb.precision or 0
    verb.letter = form[at : at + 1]
    return verb, at + 1, used


def _count(form: str, at: int, values: tuple[Any, ...], used: int) -> tuple[int | None, int, int]:
    if form[at : at + 1] == "*" and used < len(values) and isinstance(values[used], int):
        return int(values[used]), at + 1, used + 1
    end = at
    while end < len(form) and form[end].isdigit():
        end += 1
    return (int(form[at:end]) if end > at else None), end, used


def _pad(verb: _Verb, text: str) -> str:
    if verb.width is None:
        return text
    if "-" in verb.flags:
        return text.ljust(verb.width)
    if "0" in verb.flags and verb.letter not in "sqvT":
        sign = text[:1] if text[:1] in ("+", "-") else ""
        return sign + text[len(sign) :].rjust(verb.width - len(sign), "0")
    return text.rjust(verb.width, "0" if "0" in verb.flags and verb.letter in "s" else " ")


def _format(verb: _Verb, value: Any) -> str:
    letter = verb.letter
    if letter == "v":
        return quote(value) if "#" in verb.flags and isinstance(value, str) else show(value)
    if letter == "T":
        return type_name(value)
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(_format(verb, item) for item in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{_format(verb, k)}:{_format(verb, value[k])}" for k in sorted(value)) + "]"
    if isinstance(value, bool):
        text = show(value) if letter == "t" else None
    elif isinstance(value, str):
        text = _string(verb, value)
    elif isinstance(value, int):
        text = _integer(verb, value)
    elif isinstance(value, float):
        text = _float(verb, value)
    else:
        text = None
    return f"%!{letter}({_typed(value)})" if text is None else text


def _string(verb: _Verb, value: str) -> str | None:
    cut = value if verb.precision is None else value[: verb.precision]
    if verb.letter == "s":
        return cut
    if verb.letter == "q":
        return f"`{cut}`" if "#" in verb.flags and "`" not in cut else quote(cut)
    if verb.letter in "xX":
        raw = cut.encode("utf-8", "surrogateescape")
        digits = raw.hex(" ") if " " in verb.flags else raw.hex()
        return digits.upper() if verb.letter == "X" else digits
    return None


_BASES = {"d": "d", "x": "x", "X": "X", "o": "o", "b": "b"}


def _integer(verb: _Verb, value: int) -> str | None:
    sign = "+" if "+" in verb.flags else " " if " " in verb.flags else ""
    if verb.letter in _BASES:
        prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb.letter, "") if "#" in verb.flags else ""
        digits = format(abs(value), _BASES[verb.letter])
        return ("-" if value < 0 else sign) + prefix + digits.rjust(verb.precision or 0, "0")
    if verb.letter == "c":
        return chr(value)
    if verb.letter == "q":
        return f"'{chr(value)}'"
    if verb.letter == "U":
        return f"U+{value:04X}"
    return None


def _float(verb: _Verb, value: float) -> str | None:
    if verb.letter not in "eEfFgG":
        return None
    sign = "+" if "+" in verb.flags else " " if " " in verb.flags else ""
    if verb.precision is None and verb.letter in "gG":
        text = show(value)
        return ("" if value < 0 else sign) + text
    return format(value, f"{sign}.{6 if verb.precision is None else verb.precision}{verb.letter}")
