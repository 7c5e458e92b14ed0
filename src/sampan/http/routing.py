"""A routing table for Docker's paths: `/containers/{name:.*}/json`, with and without `/v1.xx` before them.

A path without parameters is one dictionary look-up; one with parameters is tried against the few patterns
that share its first segment. docs/decisions/http-server.md says why it is not aiohttp's.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PARAMETER = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})+))?\}")
VERSION = re.compile(r"/v([0-9]+)\.([0-9]+)(/.*)")


@dataclass(frozen=True)
class Pattern:
    regex: re.Pattern[str]
    handler: Handler


def compile_path(path: str) -> re.Pattern[str]:
    parts: list[str] = []
    end = 0
    for match in PARAMETER.finditer(path):
        parts.append(re.escape(path[end : match.start()]))
        parts.append(f"(?P<{match[1]}>{match[2] or '[^/]+'})")
        end = match.end()
    parts.append(re.escape(path[end:]))
    return re.compile("".join(parts))


class Table:
    def __init__(self, routes: Iterable[web.RouteDef]) -> None:
        self._fixed: dict[tuple[str, str], Handler] = {}
        self._patterns: dict[tuple[str, str], list[Pattern]] = {}
        for route in routes:
            self.add(route.method, route.path, route.handler)

    def add(self, method: str, path: str, handler: Handler) -> None:
        if "{" not in path:
            self._fixed[method, path] = handler
            return
        key = (method, path.lstrip("/").partition("/")[0])
        self._patterns.setdefault(key, []).append(Pattern(compile_path(path), handler))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        """`path` is still percent-encoded: a parameter may contain an encoded slash."""
        handler = self._fixed.get((method, path))
        if handler is not None:
            return handler, {}
        for pattern in self._patterns.get((method, path.lstrip("/").partition("/")[0]), ()):
            match = pattern.regex.fullmatch(path)
            if match is not None:
                groups = match.groupdict(default="")
                return pattern.handler, {name: unquote(value) for name, value in groups.items()}
        return None


def split_version(path: str) -> tuple[tuple[int, int] | None, str]:
    """`/v1.47/info` -> ((1, 47), "/info"); without a prefix the version is None."""
    match = VERSION.fullmatch(path) if path.startswith("/v") else None
    if match is None:
        return None, path
    return (int(match[1][:6]), int(match[2][:6])), match[3]
