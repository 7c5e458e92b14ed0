"""moby/patternmatcher's patterns as regular expressions, oddities included. Pure.

moby translates character by character and knows nothing of classes: "[*]" becomes "[[^/]*]". Go's expressions
take linear time; Python's may take for ever, so most patterns get an expression that never tries a part in
two places (_tame), and the few others, with more than two stars, are walked through state by state (Slow).
"""

import re
from typing import Literal

from sampan.errors import Invalid

BAD = "syntax error in pattern"
Kind = Literal["exact", "prefix", "suffix", "regex", "slow"]


def translate(pattern: str) -> tuple[Kind, str]:
    """How a whole path is compared with the pattern, and with what. Raises Invalid."""
    kind, text = _translated(pattern)
    if kind != "regex":
        return kind, text
    tame = _tame(pattern)
    try:
        re.compile(text, re.ASCII)
    except (re.error, OverflowError, RecursionError):
        raise Invalid(BAD) from None
    if tame:
        return kind, tame
    return ("regex" if text.count("*") <= 2 else "slow"), text


def _translated(pattern: str) -> tuple[Kind, str]:
    """moby's own translation."""
    kind: Kind = "exact"
    out, position, end = "", 0, len(pattern)
    while position < end:
        char, first = pattern[position], position == 0
        position += 1
        if char == "*" and pattern[position : position + 1] == "*":
            position += 1
            if pattern[position : position + 1] == "/":
                position += 1
            if position < end:
                out, kind = out + "(?:.*/)?", "regex"
            elif kind == "exact":
                kind = "prefix"
            else:
                out, kind = out + ".*", "regex"
            if first:
                kind = "suffix"
        elif char == "*":
            out, kind = out + "[^/]*", "regex"
        elif char == "?":
            out, kind = out + "[^/]", "regex"
        elif char in ".+()|{}$":
            out += "\\" + char
        elif char == "\\":
            if position < end:
                out, kind, position = out + _escape(pattern[position]), "regex", position + 1
            else:
                out += "\\"
        elif char in "[]":
            out, kind = out + char, "regex"
        else:
            out += char
    if kind == "exact":
        return kind, pattern
    if kind == "prefix":
        return kind, pattern[:-2]
    if kind == "suffix":
        return kind, pattern[2:]
    return kind, _python("^" + out)


def _escape(char: str) -> str:
    """A character after a backslash, which Go's regexp reads: letters may be classes, digits are errors."""
    if char in "123456789" or (char.isascii() and char.isalpha() and char not in "AbBdDfnrsStvwWaz"):
        raise Invalid(BAD)
    return {"z": r"\Z", "0": r"\x00"}.get(char, "\\" + char)


def _python(expression: str) -> str:
    """Go's regexp in Python's: in a class "[" needs an escape, and so do the operators reserved there."""
    out, inside, position = "", False, 0
    while position < len(expression):
        char = expression[position]
        if char == "\\":
            out += expression[position : position + 2]
            position += 2
            continue
        if not inside and char == "[":
            inside = True
            out += char
            if expression[position + 1 : position + 2] == "^":
                out += "^"
                position += 1
        elif inside and char == "]" and out[-1:] not in ("[", "^"):
            inside = False
            out += char
        elif inside and char in "[&~|":
            out += "\\" + char
        else:
            out += "\\]" if char == "]" and not inside else char
        position += 1
    return out


# Expressions without choice

_PLAIN_CLASS = re.compile(r"\[[A-Za-z0-9_.]+(?:-[A-Za-z0-9_.][A-Za-z0-9_.]*)*\]")


def _tame(pattern: str) -> str:
    """For fullmatch. "" for a pattern with "**" inside a name, or classes or escapes that are not plain."""
    groups: list[list[str]] = [[]]  # of names, between the "**"
    for name in pattern.split("/"):
        if name == "**":
            groups.append([])
            continue
        if "**" in name or (expression := _tame_name(name)) is None:
            return ""
        groups[-1].append(expression)
    everything = not groups[-1]  # "**" at the end
    if everything:
        groups.pop()
    out = "".join(f"{name}/" for name in groups[0]) if len(groups) > 1 else "/".join(groups[0])
    for index, group in enumerate(groups[1:], 2):
        if not group:
            continue
        if index < len(groups) or everything:
            # The first place is as good as any: the next "**" takes whatever lies between.
            out += f"(?>(?:[^/\n]*+/)*?{'/'.join(group)}/)"
        else:
            out += f"(?:[^/\n]*+/)*?{'/'.join(group)}"
    if everything and len(groups) == 1:
        out += "/"
    return out + ".*" if everything else out


def _tame_name(name: str) -> str | None:
    """One path component: what stands between two stars is taken where it matches first."""
    chunks = []
    for text in name.split("*"):
        chunk, position = "", 0
        while position < len(text):
            char = text[position]
            if char == "[":
                found = _PLAIN_CLASS.match(text, position)
                if found is None or re.compile(found[0]).match("/"):
                    return None
                chunk, position = chunk + found[0], found.end()
                continue
            if char in "]\\^":
                return None
            chunk += "[^/]" if char == "?" else re.escape(char)
            position += 1
        chunks.append(chunk)
    out = chunks[0]
    for index, chunk in enumerate(chunks[1:], 2):
        if index < len(chunks):
            out += f"(?>[^/]*?{chunk})" if chunk else ""
        else:
            out += f"(?>[^/]*?{chunk}(?=/|\\Z))" if chunk else "[^/]*+"
    return out


# Expressions step by step

_TOKEN = re.compile(r"(\(\?:\.\*/\)\?)|(\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)(\*?)", re.DOTALL)


class Slow:
    """An expression of single characters, some with a star, and of "(?:.*/)?"."""

    def __init__(self, expression: str) -> None:
        self._steps: list[tuple[re.Pattern[str] | None, bool]] = []
        for found in _TOKEN.finditer(expression):
            if found[1]:
                self._steps.append((None, True))
            elif found[2] != "^" or found.start():
                # An anchor in the middle never holds.
                single = "(?!)" if found[2] == "^" else found[2]
                self._steps.append((re.compile(single, re.ASCII), bool(found[3])))

    def matches(self, path: str) -> bool:
        """States are 2 * step, and one more inside a "(?:.*/)?"."""
        states = self._reached({0})
        for char in path:
            following = set()
            for state in states:
                if state >= 2 * len(self._steps):
                    continue
                single, star = self._steps[state // 2]
                if single is None:
                    if char != "\n":
                        following.add(state | 1)
                    if char == "/":
                        following.add(state // 2 * 2 + 2)
                elif single.fullmatch(char):
                    following.add(state if star else state + 2)
            states = self._reached(following)
        return 2 * len(self._steps) in states

    def _reached(self, states: set[int]) -> set[int]:
        """And what comes after steps that may be left out."""
        found = set(states)
        for state in states:
            while state % 2 == 0 and state < 2 * len(self._steps) and self._steps[state // 2][1]:
                state += 2
                found.add(state)
        return found
