"""Go's path.Match, which the reference filter of `docker images` is written in. Pure."""

import re

from sampan.errors import Failed
from sampan.images.references import Reference


def matches(pattern: str, reference: Reference) -> bool:
    """Whether the familiar form, with or without its tag, matches. Raises Failed for a bad pattern."""
    regex = compile_pattern(pattern)
    return bool(regex.fullmatch(reference.familiar) or regex.fullmatch(reference.familiar_name))


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """`*` and `?` stop at a slash, `[a-z]` and `[^a]` are classes. Raises Failed as Go does."""
    out, position = "", 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "[":
            part, position = _class(pattern, position)
            out += part
        elif char == "\\":
            if position >= len(pattern):
                raise Failed("syntax error in pattern")
            out += re.escape(pattern[position])
            position += 1
        else:
            out += re.escape(char)
    return re.compile(out, re.DOTALL)


def _class(pattern: str, position: int) -> tuple[str, int]:
    negated = pattern[position : position + 1] == "^"
    position += negated
    parts: list[str] = []
    while pattern[position : position + 1] != "]" or not parts:
        low, position = _class_char(pattern, position)
        high = low
        if pattern[position : position + 1] == "-":
            high, position = _class_char(pattern, position + 1)
        if low > high:
            parts.append("")  # an empty range matches nothing
            continue
        parts.append(f"{re.escape(low)}-{re.escape(high)}")
    inside = "".join(parts)
    if not inside:
        return ("[^/]" if negated else "(?!)"), position + 1
    return (f"(?!/)[^{inside}]" if negated else f"[{inside}]"), position + 1


def _class_char(pattern: str, position: int) -> tuple[str, int]:
    char = pattern[position : position + 1]
    if char in ("", "-", "]"):
        raise Failed("syntax error in pattern")
    if char == "\\":
        char, position = pattern[position + 1 : position + 2], position + 1
        if not char:
            raise Failed("syntax error in pattern")
    return char, position + 1
