"""All functions by name, made when the first expression is compiled."""

from functools import lru_cache

from sampan.kube.schema.cel.functions import (
    authorization,
    formats,
    lists,
    networks,
    optionals,
    quantities,
    regexes,
    standard,
    strings,
    times,
    urls,
    versions,
)
from sampan.kube.schema.cel.functions.overload import Overload, read

LIBRARIES = (
    standard,
    strings,
    regexes,
    lists,
    times,
    optionals,
    urls,
    networks,
    quantities,
    versions,
    formats,
    authorization,
)


@lru_cache(maxsize=1)
def functions() -> dict[str, tuple[Overload, ...]]:
    found: dict[str, list[Overload]] = {}
    for library in LIBRARIES:
        for row in library.overloads():
            found.setdefault(row[0], []).append(read(row))
    return {name: tuple(overloads) for name, overloads in found.items()}
