"""Configuration files in Kubernetes' form: read, and refused where a field is unknown or of another type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema import decoding


@dataclass(frozen=True)
class Shape:
    """Fields of an object and what each is: a type, another Shape, or a list with one of these in it."""

    fields: Mapping[str, Any]


_NAMES = {str: "a string", int: "a number", bool: "true or false", dict: "an object"}


def load(path: Path, kind: str, versions: Sequence[str]) -> dict[str, Any]:
    """The object in a YAML or JSON file, without its kind and apiVersion. Raises Invalid."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Invalid(f"cannot read {kind} {path}: {error.strerror}") from error
    try:
        found, _ = decoding.parse_yaml(data)
    except decoding.DecodeError as error:
        raise Invalid(f"{path}: {error}") from error
    if not isinstance(found, dict) or found.get("kind") != kind:
        said = found.get("kind") if isinstance(found, dict) else None
        raise Invalid(f"{path} must be of kind {kind}, is {said!r}")
    if found.get("apiVersion") not in versions:
        hint = f"use {versions[0]}"
        raise Invalid(f"{path}: no {kind} in apiVersion {found.get('apiVersion')!r}", hint=hint)
    return {key: value for key, value in found.items() if key not in ("kind", "apiVersion")}


def expect(value: Any, shape: Any, where: str) -> None:
    """Raises Invalid for the first place that is not as it should be; null is as good as nothing."""
    if value is None:
        return
    if isinstance(shape, Shape):
        if not isinstance(value, dict):
            raise Invalid(f"{where}: an object is wanted")
        for key, inner in value.items():
            if key not in shape.fields:
                raise Invalid(f"{where}: unknown field {key!r}", hint=", ".join(shape.fields))
            expect(inner, shape.fields[key], f"{where}.{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Invalid(f"{where}: a list is wanted")
        for index, inner in enumerate(value):
            if inner is None:
                raise Invalid(f"{where}[{index}]: null is no value")
            expect(inner, shape[0], f"{where}[{index}]")
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        raise Invalid(f"{where}: {_NAMES[shape]} is wanted")
