"""JSONPath in kubectl's dialect, as columns of custom resources use it. Pure; k8s.io/client-go util/jsonpath

Fields, quoted ones too, indexes, slices, unions, `*`, `..` and filters that compare; no ranges and no text.
"""

from sampan.errors import Invalid
from sampan.specs.golang.quote import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    # ("field", name), ("index", number), ("slice", from, to, step), ("all",), ("deep",), ("union", steps),
    # ("filter", left, operator, right)
    Step = tuple[Any, ...]

_STOPS = frozenset(".[]'\"(){}?,@=!<>*: ")
_OPERATORS = ("==", "!=", "<=", ">=", "<", ">")
NESTING = 20  # filters in filters


def parse(path: str) -> "list[Step]":
    """`.spec.ports[0].name`, without braces. Raises Invalid."""
    steps, at = _steps(path, 0, 0)
    if at < len(path):
        raise Invalid(f"unrecognized character in action: {path[at]!r}")
    return steps


def _steps(text: str, at: int, depth: int) -> "tuple[list[Step], int]":
    if depth > NESTING:
        raise Invalid("path nests too deeply")
    steps: list[Step] = []
    while at < len(text):
        if text.startswith("..", at):
            steps.append(("deep",))
            at += 2
            if at < len(text) and text[at] not in ".[*":
                step, at = _field(text, at)
                steps.append(step)
        elif text[at] == ".":
            at += 1
            if at < len(text) and text[at] not in "[.":
                step, at = _field(text, at)
                steps.append(step)
        elif text[at] == "[":
            step, at = _bracket(text, at, depth)
            steps.append(step)
        elif text[at] == "*":
            steps.append(("all",))
            at += 1
        elif text[at] in "@$":
            at += 1
        else:
            break
    return steps, at


def _field(text: str, at: int) -> "tuple[Step, int]":
    if text[at] == "*":
        return ("all",), at + 1
    name = ""
    while at < len(text) and text[at] not in _STOPS:
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        name += text[at]
        at += 1
    if not name:
        raise Invalid(
            f"unrecognized character in action: {text[at]!r}" if at < len(text) else "unexpected end"
        )
    return ("field", name), at


def _bracket(text: str, at: int, depth: int) -> "tuple[Step, int]":
    if text.startswith("[?(", at):
        return _filter(text, at + 3, depth)
    end, quoted = at + 1, ""
    while end < len(text) and (quoted or text[end] != "]"):
        if quoted and text[end] == "\\":
            end += 1
        elif text[end] in "'\"":
            quoted = "" if quoted == text[end] else quoted or text[end]
        end += 1
    if end >= len(text):
        raise Invalid("unterminated array")
    parts = _split(text[at + 1 : end])
    steps = [_selector(part.strip()) for part in parts]
    return (steps[0] if len(steps) == 1 else ("union", steps)), end + 1


def _split(body: str) -> list[str]:
    parts, start, quoted = [], 0, ""
    for at, char in enumerate(body):
        if char in "'\"":
            quoted = "" if quoted == char else quoted or char
        elif char == "," and not quoted:
            parts.append(body[start:at])
            start = at + 1
    return [*parts, body[start:]]


def _selector(part: str) -> "Step":
    if len(part) > 1 and part[0] in "'\"" and part[-1] == part[0]:
        return ("field", part[1:-1].replace("\\" + part[0], part[0]))
    if part == "*":
        return ("all",)
    numbers = part.split(":")
    if len(numbers) > 3 or not all(_is_number(one) for one in numbers if one or len(numbers) == 1):
        raise Invalid(f"invalid array index {part}")
    if len(numbers) == 1:
        return ("index", int(part))
    values = [int(one) if one else None for one in numbers]
    return ("slice", *values, *([None] * (3 - len(values))))


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) < 10


def _filter(text: str, at: int, depth: int) -> "tuple[Step, int]":
    left, at = _operand(text, at, depth)
    operator = next((one for one in _OPERATORS if text.startswith(one, at)), "exists")
    right: Any = None
    if operator != "exists":
        right, at = _operand(text, at + len(operator), depth)
    if not text.startswith(")]", at):
        raise Invalid("unterminated filter")
    return ("filter", left, operator, right), at + 2


def _operand(text: str, at: int, depth: int) -> "tuple[Any, int]":
    """A path from here on, or ("value", it)."""
    while at < len(text) and text[at] == " ":
        at += 1
    if text[at : at + 1] == "@":
        found = _steps(text, at + 1, depth + 1)
    elif text[at : at + 1] in ("'", '"') and at < len(text):
        end = text.find(text[at], at + 1)
        if end < 0:
            raise Invalid("unterminated quoted string")
        found = [("value", text[at + 1 : end])], end + 1
    else:
        end = at
        while end < len(text) and text[end] not in " )=!<>":
            end += 1
        found = [("value", _literal(text[at:end]))], end
    at = found[1]
    while at < len(text) and text[at] == " ":
        at += 1
    return found[0], at


def _literal(text: str) -> "Any":
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text) if _is_number(text) else float(text)
    except ValueError:
        raise Invalid(f"unrecognized text {quote(text)}") from None


def find(steps: "list[Step]", value: "Any") -> "list[Any]":
    """What the path leads to; what is missing on the way leads to nothing."""
    found = [value]
    for step in steps:
        found = [one for value in found for one in _DO[step[0]](step, value)]
    return found


def _do_field(step: "Step", value: "Any") -> "list[Any]":
    return [value[step[1]]] if isinstance(value, dict) and step[1] in value else []


def _do_index(step: "Step", value: "Any") -> "list[Any]":
    inside = isinstance(value, list) and -len(value) <= step[1] < len(value)
    return [value[step[1]]] if inside else []


def _do_slice(step: "Step", value: "Any") -> "list[Any]":
    if not isinstance(value, list) or (step[3] is not None and step[3] <= 0):
        return []
    return value[step[1] : step[2] : step[3]]


def _do_all(_: "Step", value: "Any") -> "list[Any]":
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return value if isinstance(value, list) else []


def _do_deep(_: "Step", value: "Any") -> "list[Any]":
    found, pending = [], [value]
    while pending:
        one = pending.pop()
        found.append(one)
        if isinstance(one, dict | list):
            pending += reversed(_do_all(("all",), one))
    return found


def _do_union(step: "Step", value: "Any") -> "list[Any]":
    return [one for part in step[1] for one in _DO[part[0]](part, value)]


def _do_value(step: "Step", _: "Any") -> "list[Any]":
    return [step[1]]


def _do_filter(step: "Step", value: "Any") -> "list[Any]":
    return [one for one in value if _holds(step, one)] if isinstance(value, list) else []


def _holds(step: "Step", value: "Any") -> bool:
    _, left, operator, right = step
    found = find(left, value)
    if operator == "exists":
        return bool(found)
    other = find(right, value)
    if len(found) != 1 or len(other) != 1:
        return False
    one, two = found[0], other[0]
    if operator in ("==", "!="):
        return (one == two) is (operator == "==")
    if isinstance(one, bool) or isinstance(two, bool) or not _comparable(one, two):
        return False
    table = {"<": one < two, ">": one > two, "<=": one <= two, ">=": one >= two}
    return bool(table[operator])


def _comparable(one: "Any", two: "Any") -> bool:
    numbers = isinstance(one, int | float) and isinstance(two, int | float)
    return numbers or (isinstance(one, str) and isinstance(two, str))


_DO = {
    "field": _do_field,
    "index": _do_index,
    "slice": _do_slice,
    "all": _do_all,
    "deep": _do_deep,
    "union": _do_union,
    "value": _do_value,
    "filter": _do_filter,
}
