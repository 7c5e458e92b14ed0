"""From method and path to a route. Repository names hold slashes, so paths are read from both ends."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from sampan.registry.api.call import Route

_PARAMETER = re.compile(r"\{(\w+)\}")


class Match(NamedTuple):
    route: Route
    name: str
    rest: dict[str, str]


class Table:
    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes: list[Route] = []
        self._fixed: dict[str, dict[str, Route]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Route]]] = {}
        for route in routes:
            self.add(route)

    def add(self, route: Route) -> None:
        self.routes.append(route)
        if "{" not in route.path:
            self._fixed.setdefault(route.path, {})[route.method] = route
            return
        if route.path not in self._patterns:
            self._patterns[route.path] = (_compile(route.path), {})
        self._patterns[route.path][1][route.method] = route

    def find(self, method: str, path: str) -> Match | list[str] | None:
        """The route; the methods there are when only the method is wrong; None for no such path."""
        methods = self._fixed.get(path)
        if methods is not None:
            return Match(methods[method], "", {}) if method in methods else sorted(methods)
        others: list[str] = []
        for regex, routes in self._patterns.values():
            match = regex.fullmatch(path)
            if match is None:
                continue
            if method in routes:
                rest = match.groupdict()
                return Match(routes[method], rest.pop("name", ""), rest)
            others += routes
        return sorted(set(others)) or None


def _compile(path: str) -> re.Pattern[str]:
    """`{name}` takes as much as it can: `a/manifests/b` is a repository too, its last segments decide."""
    parts: list[str] = []
    end = 0
    for match in _PARAMETER.finditer(path):
        parts.append(re.escape(path[end : match.start()]))
        parts.append(f"(?P<{match[1]}>{'.+' if match[1] == 'name' else '[^/]+'})")
        end = match.end()
    parts.append(re.escape(path[end:]))
    return re.compile("".join(parts), re.DOTALL)
