"""Filters of `buildx du` and `prune`, and of GET /build/prune. Pure.

BuildKit's are containerd's expressions: comma-separated tests that must all hold, such as "type==regular",
"id~=^abc", "inuse", "description!=x"; several strings are alternatives.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence

import orjson

from sampan.engine.buildcache.usage import Usage
from sampan.errors import Invalid
from sampan.specs.docker.filters import check_names, moment

Test = Callable[[Usage], bool]
_FLAGS: dict[str, Callable[[Usage], bool]] = {
    "inuse": lambda usage: usage.in_use,
    "mutable": lambda usage: usage.mutable,
    "immutable": lambda usage: not usage.mutable,
    "shared": lambda usage: usage.shared,
    "private": lambda usage: not usage.shared,
}
_TEXTS: dict[str, Callable[[Usage], str]] = {
    "id": lambda usage: usage.id,
    "type": lambda usage: usage.type,
    "description": lambda usage: usage.description,
    "parent": lambda usage: usage.parents[0] if usage.parents else "",
    "parents": lambda usage: ";".join(usage.parents),
}
_EXPRESSION = re.compile(
    r'\s*([A-Za-z][\w.]*)\s*(?:(==|!=|~=)\s*("(?:[^"\\]|\\.)*"|/(?:[^/\\]|\\.)*/|[^,\s]+))?\s*'
)


def parse(filters: Sequence[str]) -> Test:
    """Raises Invalid."""
    alternatives = [_conjunction(text) for text in filters if text.strip()]
    if not alternatives:
        return lambda usage: True
    return lambda usage: any(test(usage) for test in alternatives)


def _conjunction(text: str) -> Test:
    tests: list[Test] = []
    position = 0
    while True:
        found = _EXPRESSION.match(text, position)
        if found is None:
            raise Invalid(f"parse error: [{text[:80]}]: unexpected input at {position}")
        tests.append(_test(found[1], found[2] or "", found[3] or ""))
        position = found.end()
        if position == len(text):
            return lambda usage: all(test(usage) for test in tests)
        if text[position] != ",":
            raise Invalid(f"parse error: [{text[:80]}]: unexpected input at {position}")
        position += 1


def _test(name: str, operator: str, value: str) -> Test:
    name = name.lower()
    if len(value) > 1 and value[0] == value[-1] and value[0] in '"/':
        value = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] == '"' else value[1:-1]
    if name in _FLAGS:
        wanted = value.lower() not in ("0", "false", "f", "no")
        flag = _FLAGS[name]
        return lambda usage: flag(usage) == (wanted != (operator == "!="))
    get = _TEXTS.get(name)
    if get is None:
        raise Invalid(f"unknown filter {name[:80]}")
    if not operator:
        return lambda usage: bool(get(usage))
    if operator == "~=":
        try:
            pattern = re.compile(value)
        except re.error as error:
            raise Invalid(f"invalid regular expression {value[:80]!r}: {error}") from None
        return lambda usage: bool(pattern.search(get(usage)))
    if name == "id" and operator == "==":
        return lambda usage: usage.id.startswith(value)
    return lambda usage: (get(usage) == value) == (operator == "==")


FIELDS = ("description", "id", "inuse", "parent", "private", "shared", "type")


def classic(filters: Mapping[str, Sequence[str]]) -> tuple[list[str], float]:
    """Those of POST /build/prune as (expressions, seconds unused). Raises Invalid in Docker's words."""
    check_names(filters, (*FIELDS, "until", "unused-for"))
    until, unused = list(filters.get("until", ())), list(filters.get("unused-for", ()))
    if until and unused:
        raise Invalid("conflicting filters: [until unused-for]")
    tests = []
    for name in FIELDS:
        if name in filters:
            values = list(filters[name])
            if len(values) > 1:
                raise Invalid("filters expect only one value")
            operator = "~=" if name == "id" else "=="
            tests.append(f"{name}{operator}{values[0]}" if values else name)
    return [",".join(tests)] if tests else [], _duration("unused-for" if unused else "until", until or unused)


def _duration(name: str, values: list[str]) -> float:
    if len(values) > 1:
        raise Invalid("filters expect only one value")
    if not values:
        return 0.0
    try:
        return max(0.0, (time.time_ns() - moment(values[0], time.time_ns())) / 1e9)
    except Invalid:
        text = orjson.dumps(values[0]).decode()
        raise Invalid(
            f"\"{name}\" filter expects a duration (e.g., '24h') or a timestamp: failed to parse value as "
            f"time or duration: {text}"
        ) from None
