"""`'%s'.format([x])`; cel-go's ext/formatting.go, as version 1 of its strings library has it"""

from typing import Any

from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.times import show_duration, show_time
from sampan.kube.schema.cel.values import LISTS, Duration, Timestamp, TypeValue, Uint, type_name
from sampan.specs.golang.quote import quote

PRECISION = 6  # if none is said
_MOST = 1000  # digits after the point; nobody reads more


def format_string(text: str, args: list[Any]) -> str:
    out = []
    at = used = 0
    while (percent := text.find("%", at)) >= 0:
        out.append(text[at:percent])
        if percent + 1 >= len(text):
            raise CelEvaluationError("unexpected end of string")
        if text[percent + 1] == "%":
            out.append("%")
            at = percent + 2
            continue
        if used >= len(args):
            raise CelEvaluationError(f"index {used} out of range")
        verb, precision, at = _clause(text, percent + 1)
        out.append(_formatted(verb, precision, args[used]))
        used += 1
    out.append(text[at:])
    return "".join(out)


def _clause(text: str, at: int) -> tuple[str, int, int]:
    """Verb, precision, what follows."""
    precision = PRECISION
    if text[at] == ".":
        end = at + 1
        while end < len(text) and text[end] in "0123456789":
            end += 1
        if end >= len(text):
            raise CelEvaluationError("could not parse formatting clause: unexpected end of string")
        digits = text[at + 1 : end]
        precision = int(digits[:6]) if digits else 0
        if precision > _MOST:
            raise CelEvaluationError(f"precision {precision} exceeds the maximum of {_MOST}")
        at = end
    if text[at] not in "sdfebxXo":
        message = f'could not parse formatting clause: unrecognized formatting clause "{text[at]}"'
        raise CelEvaluationError(message)
    return text[at], precision, at + 1


def _formatted(verb: str, precision: int, value: Any) -> str:
    if verb == "s":
        return shown(value)
    if verb in ("f", "e"):
        return _real(verb, precision, value)
    return _whole(verb, value)


def _real(verb: str, precision: int, value: Any) -> str:
    if type(value) is str and value in ("NaN", "Infinity", "-Infinity"):
        value = float(value)
    if type(value) is not float:
        what = "fixed-point" if verb == "f" else "scientific"
        raise _wrong(f"{what} clause can only be used on doubles", value)
    if value != value or value in (float("inf"), float("-inf")):
        return "NaN" if value != value else ("∞" if value > 0 else "-∞")
    return f"{value:.{precision}{verb}}"


_SHOWN = "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps"
_CLAUSES = {
    "d": ("decimal clause can only be used on integers", (int, Uint)),
    "b": ("only integers and bools can be formatted as binary", (int, Uint, bool)),
    "o": ("octal clause can only be used on integers", (int, Uint)),
    "x": ("only integers, byte buffers, and strings can be formatted as hex", (int, Uint, str, bytes)),
}


def _whole(verb: str, value: Any) -> str:
    message, kinds = _CLAUSES[verb.lower()]
    if type(value) not in kinds:
        raise _wrong(message, value)
    if isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        return data.hex().upper() if verb == "X" else data.hex()
    return f"{int(value):{verb}}"


def shown(value: Any) -> str:
    """%s."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return "null"
    if kind is int or kind is Uint:
        return str(int(value))
    if kind is float:
        return _plain(value)
    if kind is bytes:
        return str(value, "utf-8", "replace")
    if kind is Timestamp:
        return show_time(value)
    if kind is Duration:
        return show_duration(value)
    if kind is TypeValue:
        return str(value.name)
    if kind in LISTS:
        return "[" + ", ".join(map(_inner, value)) + "]"
    if kind is dict:
        return "{" + ", ".join(sorted(f"{_inner(key)}: {_inner(item)}" for key, item in value.items())) + "}"
    raise _wrong(f"string clause can only be used on {_SHOWN}", value)


def _wrong(what: str, value: Any) -> CelEvaluationError:
    return CelEvaluationError(f"error during formatting: {what}, was given {type_name(value)}")


def _plain(value: float) -> str:
    from sampan.specs.golang.floats import general

    return general(value)


def _inner(value: Any) -> str:
    """A value in a list or map, as CEL would be written."""
    kind = type(value)
    if kind is str:
        return quote(value)
    if kind is bytes:
        return "b" + quote(shown(value))
    if kind is float:
        return f"{value:.{PRECISION}f}" if value - value == 0 else quote(_plain(value))
    if kind is Timestamp or kind is Duration:
        return f'{"timestamp" if kind is Timestamp else "duration"}("{shown(value)}")'
    return shown(value)
