"""Go's path.Match, compiled. Pure.

As Go, each part between two stars is taken where it matches first and never tried elsewhere (atomic groups),
so that no pattern takes longer than its length times the name's.
"""

import re

from sampan.errors import Invalid

BAD = "syntax error in pattern"


def compile_match(pattern: str) -> re.Pattern[str]:
    """For fullmatch: `*` and `?` stop at a slash, `[a-z]` and `[^a]` are classes. Raises Invalid."""
    chunks = _chunks(pattern)
    out = chunks[0]
    for index, chunk in enumerate(chunks[1:], 2):
        last = index == len(chunks)
        if chunk:
            out += rf"(?>[^/]*?{chunk}\Z)" if last else f"(?>[^/]*?{chunk})"
        elif last:
            out += "[^/]*"
    try:
        return re.compile(out, re.DOTALL)
    except (re.error, OverflowError, RecursionError):
        raise Invalid(BAD) from None


def has_wildcards(name: str) -> bool:
    """Whether there is a `*`, `?` or `[` that no backslash takes the meaning of: moby's containsWildcards."""
    position = 0
    while position < len(name):
        if name[position] == "\\":
            position += 1
        elif name[position] in "*?[":
            return True
        position += 1
    return False


def _chunks(pattern: str) -> list[str]:
    """What stands between the stars, as expressions of fixed length."""
    chunks, position = [""], 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*":
            chunks.append("")
        elif char == "?":
            chunks[-1] += "[^/]"
        elif char == "[":
            part, position = _class(pattern, position)
            chunks[-1] += part
        elif char == "\\":
            if position >= len(pattern):
                raise Invalid(BAD)
            chunks[-1] += re.escape(pattern[position])
            position += 1
        else:
            chunks[-1] += re.escape(char)
    return chunks


def _class(pattern: str, position: int) -> tuple[str, int]:
    negated = pattern[position : position + 1] == "^"
    position += negated
    parts: list[str] = []
    while pattern[position : position + 1] != "]" or not parts:
        low, position = _class_char(pattern, position)
        high = low
        if pattern[position : position + 1] == "-":
            high, position = _class_char(pattern, position + 1)
        # An empty range matches nothing.
        parts.append(f"{re.escape(low)}-{re.escape(high)}" if low <= high else "")
    inside = "".join(parts)
    if not inside:
        return ("[^/]" if negated else "(?!)"), position + 1
    return (f"(?!/)[^{inside}]" if negated else f"[{inside}]"), position + 1


def _class_char(pattern: str, position: int) -> tuple[str, int]:
    char = pattern[position : position + 1]
    if char in ("", "-", "]"):
        raise Invalid(BAD)
    if char == "\\":
        char, position = pattern[position + 1 : position + 2], position + 1
        if not char:
            raise Invalid(BAD)
    return char, position + 1
