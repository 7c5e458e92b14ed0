"""Strict reading of configuration: unknown fields and wrong types are told in the words of Go's decoders."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from sampan.errors import Invalid
from sampan.specs.golang.duration import parse_duration
from sampan.specs.golang.quote import quote

_GO_NAMES = {str: "string", bool: "bool", float: "float32", dict: "map[string]interface {}"}


@dataclass(frozen=True)
class Struct:
    """Fields by name: str, bool, float, INT32, INT64, DURATION, dict (anything), Struct or [one of these]."""

    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class _Integer:
    name: str
    bits: int


@dataclass(frozen=True)
class _Duration:
    name: str = "string"


INT32, INT64, DURATION = _Integer("int32", 32), _Integer("int64", 64), _Duration()


class _Loader(yaml.CSafeLoader):
    """Refuses keys that are there twice."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in seen:
            line = key.start_mark.line + 1
            raise Invalid(
                f"error converting YAML to JSON: yaml: unmarshal errors:\n  line {line}: "
                f"key {quote(key.value)} already set in map"
            )
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def parse(data: bytes) -> Any:
    """The value of a YAML or JSON document; raises Invalid."""
    try:
        return yaml.load(data, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise Invalid(f"couldn't get version/kind; json parse error: {error}") from error


def check(value: Any, struct: Struct) -> None:
    """Raises Invalid: for the first wrong type, else for all fields that are unknown."""
    unknown = list(_unknown(value, struct, "", struct.name))
    if unknown:
        raise Invalid("strict decoding error: " + ", ".join(f"unknown field {quote(one)}" for one in unknown))


def _unknown(value: Any, shape: Any, path: str, go: str) -> Iterator[str]:
    """Null is as good as nothing."""
    if value is None:
        return
    if isinstance(shape, Struct):
        if not isinstance(value, dict):
            raise _mismatch(value, go, shape.name)
        for key, inner in value.items():
            below = f"{path}.{key}" if path else str(key)
            if key not in shape.fields:
                yield below
            else:
                yield from _unknown(inner, shape.fields[key], below, f"{shape.name}.{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise _mismatch(value, go, f"[]{_go_name(shape[0])}")
        for at, inner in enumerate(value):
            if inner is None:
                raise _mismatch(inner, go, _go_name(shape[0]))
            yield from _unknown(inner, shape[0], f"{path}[{at}]", go)
    elif not _fits(value, shape):
        raise _mismatch(value, go, _go_name(shape))


def _fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, _Integer):
        bound = 1 << (shape.bits - 1)
        return isinstance(value, int) and not isinstance(value, bool) and -bound <= value < bound
    if isinstance(shape, _Duration):
        if not isinstance(value, str):
            return False
        parse_duration(value)  # raises Invalid in Go's words
        return True
    if shape is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, shape)


def _go_name(shape: Any) -> str:
    if isinstance(shape, list):
        return f"[]{_go_name(shape[0])}"
    return _GO_NAMES[shape] if isinstance(shape, type) else str(shape.name)


def _mismatch(value: Any, field: str, wanted: str) -> Invalid:
    kinds = {bool: "bool", str: "string", dict: "object", list: "array", type(None): "null"}
    said = kinds.get(type(value), "number")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        said = f"number {value}"
    return Invalid(f"json: cannot unmarshal {said} into Go struct field {field} of type {wanted}")
