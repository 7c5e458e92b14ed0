"""Patterns of repository and tag names: `team/*`, `**`, `v?.*`, `{a,b}/*`.

`*` and `?` stay within one component of the name, `**` crosses them.
"""

import re
from functools import lru_cache

from sampan.errors import Invalid

_TOKEN = re.compile(r"\*\*|\*|\?|\{[^{}]*\}|[^*?{}]+|.")


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Raises Invalid for an unclosed brace."""
    return re.compile("".join(_translate(token, pattern) for token in _TOKEN.findall(pattern)))


def _translate(token: str, pattern: str) -> str:
    if token == "**":
        return ".*"
    if token == "*":
        return "[^/]*"
    if token == "?":
        return "[^/]"
    if token in "{}":
        raise Invalid(f"pattern {pattern!r} has an unclosed brace")
    if token.startswith("{"):
        return "(?:" + "|".join(re.escape(word) for word in token[1:-1].split(",")) + ")"
    return re.escape(token)


def matches(pattern: str, name: str) -> bool:
    return compile_pattern(pattern).fullmatch(name) is not None


def pattern(value: object) -> str:
    """A pattern in the configuration file. Raises Invalid."""
    if not isinstance(value, str) or not value:
        raise Invalid(f"{value!r} is not a pattern")
    compile_pattern(value)
    return value
