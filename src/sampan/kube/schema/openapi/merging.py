"""Documents of version 2 that other servers have made, as parts of this server's own. Pure.

Only what is below the path that is theirs counts. A definition of theirs that has the name of another one
gets a name of its own. k8s.io/kube-openapi/pkg/aggregator
"""

from typing import Any

import orjson

from sampan.kube.schema.openapi import gnostic
from sampan.kube.schema.openapi.schemas import Schema

REFERENCE = "#/definitions/"
INFO = {"swagger": "2.0", "info": {"title": "", "version": ""}}


def part_of(document: Any, base: str) -> bytes | None:
    """What a document says of the paths below `base`, with the definitions that they need.

    None: nothing, or something that this server could not pass on in every form.
    """
    paths = {
        path: one
        for path, one in _mapping(document, "paths").items()
        if (path == base or path.startswith(f"{base}/")) and isinstance(one, dict)
    }
    found = {"paths": paths, "definitions": _needed(paths, _mapping(document, "definitions"))}
    try:
        gnostic.document({**INFO, **found})
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return None
    return orjson.dumps(found) if paths else None


def _needed(paths: Schema, definitions: Schema) -> Schema:
    found: Schema = {}
    todo: list[Any] = [paths]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        elif isinstance(value, dict):
            todo += value.values()
            reference = value.get("$ref")
            name = reference.removeprefix(REFERENCE) if isinstance(reference, str) else ""
            if name not in found and isinstance(definitions.get(name), dict):
                found[name] = definitions[name]
                todo.append(found[name])
    return found


def merge(paths: Schema, definitions: Schema, part: bytes) -> None:
    """Put a part into a document's paths and definitions, where nothing is replaced."""
    theirs = orjson.loads(part)
    for name, one in theirs["definitions"].items():
        if definitions.get(name, one) != one:
            other = _free(name, definitions, theirs["definitions"])
            part = part.replace(_text(REFERENCE + name), _text(REFERENCE + other))
            part = part.replace(_text(name) + b":", _text(other) + b":")
    theirs = orjson.loads(part)
    for name, one in theirs["definitions"].items():
        definitions.setdefault(name, one)
    for path, one in theirs["paths"].items():
        paths.setdefault(path, one)


def _free(name: str, *taken: Schema) -> str:
    number = 2
    while any(f"{name}_v{number}" in one for one in taken):
        number += 1
    return f"{name}_v{number}"


def _text(value: str) -> bytes:
    return orjson.dumps(value)


def _mapping(value: Any, key: str) -> Schema:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}
