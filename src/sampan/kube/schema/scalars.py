"""Checks of strings and numbers against a schema. Pure."""

import math
from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema.results import (
    Check,
    Result,
    Schema,
    bare,
    invalid,
    same,
    wrong_type,
)
from sampan.specs.golang.floats import general
from sampan.specs.golang.regexp import Regexp, compile_regexp
from sampan.specs.kubernetes import fielderror, formats


def string(schema: Schema) -> Check | None:
    longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if longest is None and shortest is None and not pattern:
        return None
    compiled = _pattern(pattern) if pattern else None

    def check(value: Any, path: str, _old: Any) -> Result:
        if longest is not None and len(value) > longest:
            return Result([fielderror.too_long(path, longest)])
        if shortest is not None and len(value) < shortest:
            return invalid(path, value, f"should be at least {shortest} chars long")
        if compiled is not None and not _found(compiled, value):
            return invalid(path, value, f"should match '{pattern}'")
        return Result([])

    return check


def _pattern(pattern: str) -> Regexp | None:
    try:
        return compile_regexp(pattern)
    except Invalid:  # a definition that was stored by somebody who did not look
        return None


def _found(compiled: Regexp, value: str) -> bool:
    try:
        return compiled.search(value)
    except Invalid:
        return False


def format_check(schema: Schema) -> Check | None:
    format = schema.get("format", "")
    if not format or not formats.supported(format):
        return None

    def check(value: Any, path: str, _old: Any) -> Result:
        return Result([]) if formats.valid(format, value) else wrong_type(path, format, value)

    return check


def number(schema: Schema) -> Check:
    factor, most, least = schema.get("multipleOf"), schema.get("maximum"), schema.get("minimum")
    above, below = bool(schema.get("exclusiveMaximum")), bool(schema.get("exclusiveMinimum"))
    small = schema.get("format") == "int32" and schema.get("type") == "integer"

    def check(value: Any, path: str, _old: Any) -> Result:
        result = Result([], 1)
        if small and not -(1 << 31) <= value < 1 << 31:
            result.merge(bare(f"Checked value must be of type integer with format int32 in {path}"))
        if factor is not None and not _is_multiple(value, factor):
            result.merge(invalid(path, value, f"should be a multiple of {_limit(value, factor)}"))
        if least is not None and not (value > least if below else value >= least):
            what = "greater than" if below else "greater than or equal to"
            result.merge(invalid(path, value, f"should be {what} {_limit(value, least)}"))
        if most is not None and not (value < most if above else value <= most):
            what = "less than" if above else "less than or equal to"
            result.merge(invalid(path, value, f"should be {what} {_limit(value, most)}"))
        result.matches += 3
        return result

    return check


def _limit(value: Any, limit: float) -> str:
    """Whole numbers are compared with whole limits."""
    return str(int(limit)) if type(value) is int else general(float(limit))


def _is_multiple(value: float, factor: float) -> bool:
    if factor <= 0:
        return False
    if type(value) is int and float(factor).is_integer():
        return value % int(factor) == 0
    quotient = value / factor
    return math.isfinite(quotient) and float(quotient).is_integer()


def enum(values: list[Any] | None) -> Check | None:
    if not values:
        return None
    shown = [one if isinstance(one, str) else fielderror.show(one) for one in values]

    def check(value: Any, path: str, _old: Any) -> Result:
        if any(same(value, one) or (is_number(value) and is_number(one) and value == one) for one in values):
            return Result([])
        return Result([fielderror.not_supported(path, value, shown)])

    return check


def is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float
