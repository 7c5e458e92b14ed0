"""What tables show of custom resources, and what lists of them select by; k8s.io/apiextensions-apiserver
pkg/registry/customresource/tableconvertor
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sampan.errors import Invalid
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Object
from sampan.specs.golang.printing import plain
from sampan.specs.kubernetes import jsonpath

_AGE = Column("Age", "date", describe="metadata.creationTimestamp")
Cell = Callable[[Object, float], Any]


def columns(version: Object) -> tuple[Column, ...]:
    """Of a version of a definition, but for the name."""
    return tuple(_column(one) for one in version.get("additionalPrinterColumns") or ()) or (_AGE,)


def _column(one: Object) -> Column:
    path = one.get("jsonPath", "")
    said = one.get("description") or f"Custom resource definition column (in JSONPath format): {path}"
    return Column(
        one["name"], one["type"], one.get("format", ""), description=said, priority=one.get("priority") or 0
    )


def cells(version: Object) -> Callable[[Object, float], list[Any]]:
    """One for each column."""
    printed = version.get("additionalPrinterColumns") or ({"type": "date", "jsonPath": _AGE.describe},)
    makers: list[Cell] = []

    def make(value: Object, now: float) -> list[Any]:
        if not makers:
            makers.extend(_cell(one["type"], one.get("jsonPath", "")) for one in printed)
        return [maker(value, now) for maker in makers]

    return make


def _cell(kind: str, path: str) -> Cell:
    try:
        steps = jsonpath.parse(path if path[:1] in (".", "[") else f".{path}")
    except Invalid:
        return lambda _value, _now: None
    convert = _CONVERT.get(kind, _nothing)

    def cell(value: Object, now: float) -> Any:
        found = jsonpath.find(steps, value)
        return convert(found[0], now) if found else None

    return cell


def _nothing(_value: Any, _now: float) -> None:
    return None


def _text(value: Any, _now: float) -> str:
    return "<no value>" if value is None else printed(value)


def _integer(value: Any, _now: float) -> Any:
    return int(value) if type(value) in (int, float) else None


def _number(value: Any, _now: float) -> Any:
    return float(value) if type(value) in (int, float) else None


def _boolean(value: Any, _now: float) -> Any:
    return value if type(value) is bool else None


def _date(value: Any, now: float) -> Any:
    if type(value) is not str:
        return None
    try:
        return age(value, now)
    except ValueError:
        return "<invalid>"


_CONVERT = {"string": _text, "integer": _integer, "number": _number, "boolean": _boolean, "date": _date}


def printed(value: Any) -> str:
    """As Go prints a JSON value, objects and lists as JSON."""
    if type(value) is dict or type(value) is list:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return plain(value)


def selectable(version: Object) -> Mapping[str, Callable[[Object], str]]:
    """By the paths that clients name: "spec.color"."""
    fields = version.get("selectableFields") or ()
    return {one["jsonPath"].removeprefix("."): _selected(one["jsonPath"]) for one in fields}


def _selected(path: str) -> Callable[[Object], str]:
    steps = jsonpath.parse(path)

    def select(value: Object) -> str:
        found = jsonpath.find(steps, value)
        return printed(found[0]) if found and found[0] is not None else ""

    return select
