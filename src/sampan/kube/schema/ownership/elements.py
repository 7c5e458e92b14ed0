"""Path elements of FieldsV1: how they are written, ordered and shown.

sigs.k8s.io/structured-merge-diff/fieldpath: serialize-pe.go, element.go
"""

import json
from functools import lru_cache
from typing import Any

import orjson

from sampan.specs.golang.json import ESCAPED
from sampan.specs.golang.printing import plain
from sampan.specs.golang.quote import quote

_KINDS = {".": 0, "f": 1, "k": 2, "v": 3, "i": 4}


@lru_cache(maxsize=8192, typed=True)
def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return plain(value)
    return json.dumps(value, ensure_ascii=False).translate(ESCAPED)


def of_value(value: Any) -> str:
    """Of an element of a set: 'v:"x"'."""
    return f"v:{_scalar(value)}"


def of_keys(names: tuple[str, ...], values: list[Any]) -> str:
    """Of an element of an associative list; `names` are sorted."""
    inside = ",".join([f'"{name}":{_encoded(value)}' for name, value in zip(names, values, strict=True)])
    return f"k:{{{inside}}}"


def _encoded(value: Any) -> str:
    if isinstance(value, dict | list):  # only in what nobody has validated yet
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).translate(ESCAPED)
    return _scalar(value)


@lru_cache(maxsize=8192)
def canonical(element: str) -> str | None:
    """As we write it; None if it is of a kind that nobody knows. Raises ValueError."""
    if len(element) < 2 or element[1] != ":":
        raise ValueError(
            f"missing colon: {element}" if len(element) > 1 else "key must be 2 characters long:"
        )
    kind, text = element[0], element[2:]
    if kind == "f":
        return element
    if kind == "i":
        return f"i:{int(text)}"
    if kind == "v":
        return f"v:{_encoded(orjson.loads(text))}"
    if kind == "k":
        keys = orjson.loads(text)
        if not isinstance(keys, dict):
            raise ValueError(f"not an object: {text}")
        names = tuple(sorted(keys))
        return of_keys(names, [keys[name] for name in names])
    return None


def order(element: str) -> Any:
    """A key to sort by."""
    return (1, element) if element[0] == "f" else _order(element)


@lru_cache(maxsize=8192)
def _order(element: str) -> Any:
    kind, text = _KINDS.get(element[0], 5), element[2:]
    if kind == 2:
        return (kind, [(name, _value_order(value)) for name, value in json.loads(text).items()])
    if kind == 3:
        return (kind, _value_order(json.loads(text)))
    return (kind, int(text)) if kind == 4 else (kind, element)


def _value_order(value: Any) -> Any:
    """Numbers before strings before booleans before the rest."""
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, value)
    return (1, value) if isinstance(value, str) else (3, _encoded(value))


def show(path: tuple[str, ...]) -> str:
    """As messages have it: '.spec.containers[name="a"].image'."""
    return "".join(map(show_element, path))


def show_element(element: str) -> str:
    kind, text = element[0], element[2:]
    if kind == "f":
        return f".{text}"
    if kind == "k":
        return "[" + ",".join(f"{name}={_shown(value)}" for name, value in json.loads(text).items()) + "]"
    return f"[={_shown(json.loads(text))}]" if kind == "v" else f"[{text}]"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, list):
        return f"[{','.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return "".join(f"{key}={_shown(item)}" for key, item in value.items())
    return plain(value)
