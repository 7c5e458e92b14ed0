"""Reading what a value has: fields, elements, and whether they are there."""

from collections.abc import Mapping
from typing import Any

from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.frame import Frame, Run
from sampan.kube.schema.cel.functions import standard
from sampan.kube.schema.cel.values import (
    NONE,
    Optional,
    some,
)


def field(operand: Run, key: str) -> Run:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        frame.cost += 1
        try:
            return value[key]
        except (KeyError, TypeError):
            return field_of(value, key)

    return run


def field_of(value: Any, key: str) -> Any:
    if type(value) is Optional:
        if not value.has:
            return NONE
        return some(value.value[key]) if has_field(value.value, key) else NONE
    _no_list(value)
    raise CelEvaluationError(f"no such key: {key}")


def _no_list(value: Any) -> None:
    if isinstance(value, list):
        raise CelEvaluationError("unsupported index type 'string' in list")


def has_field(value: Any, key: str) -> bool:
    if type(value) is dict or isinstance(value, Mapping):
        return key in value
    if type(value) is Optional:
        return value.has and has_field(value.value, key)
    _no_list(value)
    return False  # as cel-go tests presence in what has no fields at all


def presence(operand: Run, key: str) -> Run:
    return lambda frame: has_field(operand(frame), key)


def optional_field(operand: Run, key: str) -> Run:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        frame.cost += 1
        if type(value) is Optional:
            if not value.has:
                return NONE
            value = value.value
        return some(value[key]) if has_field(value, key) else NONE

    return run


def as_optional(value: Any) -> Optional:
    if type(value) is not Optional:
        raise CelEvaluationError("no such overload")
    return value


def index(container: Any, key: Any) -> Any:
    if type(container) is Optional:
        from sampan.kube.schema.cel.functions.optionals import optional_index

        return optional_index(container, key)
    return standard.index(container, key)
