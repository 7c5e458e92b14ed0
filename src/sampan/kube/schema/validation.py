"""Values against the schema of a custom resource, in the words of k8s.io/kube-openapi pkg/validation/validate

A schema is compiled to functions of (value, path, old value) that return what is wrong and how many checks
went well, by which the best of several alternatives is told. What was wrong before and has not been changed
is let pass (CRDValidationRatcheting).
"""

import math
from collections.abc import Callable
from typing import Any

from sampan.errors import Invalid
from sampan.specs.golang.floats import general
from sampan.specs.golang.quote import quote
from sampan.specs.golang.regexp import Regexp, compile_regexp
from sampan.specs.kubernetes import fielderror, formats
from sampan.specs.kubernetes.fielderror import FieldError

Schema = dict[str, Any]
MOST = 5000  # errors of one object: nobody reads more


class Uncorrelated:
    """There is no old value that belongs to the new one."""


UNKNOWN = Uncorrelated()


class Result:
    """`matches`: how many checks there were that found nothing."""

    __slots__ = ("errors", "matches")

    def __init__(self, errors: list[FieldError], matches: int = 0) -> None:
        self.errors = errors
        self.matches = matches

    def merge(self, other: "Result") -> None:
        if other.errors and len(self.errors) < MOST:
            self.errors = list(dict.fromkeys([*self.errors, *other.errors]))
        self.matches += other.matches


Check = Callable[[Any, str, Any], Result]


def compile_validation(schema: Schema) -> Callable[[Any, Any], list[FieldError]]:
    """A function of (object, the old object or UNKNOWN) -> what is wrong."""
    check = _compile(schema)

    def errors(value: Any, old: Any) -> list[FieldError]:
        found = check(value, "", old).errors
        return [one if one.path else FieldError("<nil>", one.reason, one.body) for one in found]

    return errors


def _compile(schema: Schema) -> Check:
    types = _types(schema)
    checks = _type_check(types, schema), _alternatives(schema)
    common = _enum(schema.get("enum"))
    by_type: dict[type, list[Check]] = {}
    first = _present(*checks)
    only_type = _present(checks[0])

    def check(value: Any, path: str, old: Any) -> Result:
        result = Result([], 1)
        kind = type(value)
        for one in only_type if value is None else first:
            result.merge(one(value, path, old))
            result.matches += 1
        found = by_type.get(kind)
        if found is None:
            found = by_type[kind] = _of_type(kind, schema, common)
        for one in found:
            result.merge(one(value, path, old))
            result.matches += 1
        if result.errors and not isinstance(old, Uncorrelated) and same(value, old):
            return Result([], result.matches)
        return result

    return check


def _of_type(kind: type, schema: Schema, common: Check | None) -> list[Check]:
    """What is asked of a value of this type, made when the first one comes."""
    if kind is str:
        return _present(_string(schema), _format(schema), common)
    if kind is int or kind is float:
        return _present(_number(schema), common)
    if kind is list:
        return _present(_list(schema), common)
    return _present(common, _object(schema)) if kind is dict else _present(common)


def _present(*checks: Check | None) -> list[Check]:
    return [check for check in checks if check is not None]


def same(one: Any, other: Any) -> bool:
    """As JSON values: true is not 1."""
    if type(one) is not type(other):
        return False
    if type(one) is dict:
        return len(one) == len(other) and all(
            key in other and same(item, other[key]) for key, item in one.items()
        )
    if type(one) is list:
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def child(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# Errors


def _bare(what: str) -> Result:
    """An error of no field in particular."""
    return Result([FieldError("<nil>", fielderror.INVALID, f'Invalid value: "": {what}')])


def _invalid(path: str, value: Any, what: str) -> Result:
    return Result(
        [
            FieldError(
                path or "<nil>", fielderror.INVALID, f"Invalid value: {_show(value)}: {path} in body {what}"
            )
        ]
    )


def _show(value: Any) -> str:
    return general(value) if type(value) is float else fielderror.show(value)


def _wrong_type(path: str, wanted: str, found: str) -> Result:
    what = f"{path} in body must be of type {wanted}: {quote(found)}"
    return Result(
        [FieldError(path or "<nil>", fielderror.TYPE_INVALID, f"Invalid value: {quote(found)}: {what}")]
    )


# Types


def _types(schema: Schema) -> tuple[str, ...]:
    if schema.get("x-kubernetes-int-or-string"):
        return ("integer", "string")
    return (schema["type"],) if schema.get("type") else ()


_JSON_TYPES = {
    str: ("string", ""),
    int: ("integer", "int64"),
    float: ("number", "float64"),
    bool: ("boolean", ""),
    list: ("array", ""),
    dict: ("object", ""),
}


def _type_check(types: tuple[str, ...], schema: Schema) -> Check | None:
    format = schema.get("format", "")
    format = format if format and formats.supported(format) else ""
    if not types and not format:
        return None
    nullable = bool(schema.get("nullable"))
    wanted = ",".join(types)
    numeric = "integer" in types or "number" in types

    def check(value: Any, path: str, _old: Any) -> Result:
        if value is None:
            return Result([], 1) if nullable or not types else _wrong_type(path, wanted, "null")
        found, found_format = _JSON_TYPES[type(value)]
        fits = found in types or (found == "integer" and "number" in types)
        fits = fits or (found == "number" and "integer" in types and _is_whole(value))
        textual = type(value) is str or type(value) is list
        if not textual and format and not fits and found_format != format:
            return _wrong_type(path, format, found_format)
        if not numeric and format and textual:
            return Result([], 1)
        return Result([], 1) if fits else _wrong_type(path, wanted, found)

    return check


def _is_whole(value: float) -> bool:
    return math.isfinite(value) and value.is_integer()


# Alternatives


def _alternatives(schema: Schema) -> Check | None:
    any_of = [_compile(one) for one in schema.get("anyOf", ())]
    one_of = [_compile(one) for one in schema.get("oneOf", ())]
    all_of = [_compile(one) for one in schema.get("allOf", ())]
    negated = _compile(schema["not"]) if isinstance(schema.get("not"), dict) else None
    if not (any_of or one_of or all_of or negated):
        return lambda value, path, old: Result([], 1)

    def check(value: Any, path: str, old: Any) -> Result:
        result = Result([], 1)
        if any_of:
            _any(result, any_of, value, path, old)
        if one_of:
            _one(result, one_of, value, path, old)
        if all_of:
            _all(result, all_of, value, path, old)
        if negated is not None and not negated(value, path, old).errors:
            result.merge(_bare(f"{quote(path)} must not validate the schema (not)"))
        return result

    return check


def _any(result: Result, checks: list[Check], value: Any, path: str, old: Any) -> None:
    best: Result | None = None
    for check in checks:
        found = check(value, path, old)
        if not found.errors:
            result.merge(found)
            return
        if best is None or found.matches > best.matches:
            best = found
    result.merge(_bare(f"{quote(path)} must validate at least one schema (anyOf)"))
    if best is not None:
        result.merge(best)


def _one(result: Result, checks: list[Check], value: Any, path: str, old: Any) -> None:
    best: Result | None = None
    valid: list[Result] = []
    for check in checks:
        found = check(value, path, old)
        if not found.errors:
            valid.append(found)
        elif not valid and (best is None or found.matches > best.matches):
            best = found
    if len(valid) == 1:
        result.merge(valid[0])
        return
    how = f"Found {len(valid)} valid alternatives" if valid else "Found none valid"
    result.merge(_bare(f"{quote(path)} must validate one and only one schema (oneOf). {how}"))
    if best is not None and not valid:
        result.merge(best)


def _all(result: Result, checks: list[Check], value: Any, path: str, old: Any) -> None:
    valid = 0
    for check in checks:
        found = check(value, path, old)
        valid += not found.errors
        result.merge(found)
    if valid != len(checks):
        none = "" if valid else ". None validated"
        result.merge(_bare(f"{quote(path)} must validate all the schemas (allOf){none}"))


# Scalars


def _string(schema: Schema) -> Check | None:
    longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if longest is None and shortest is None and not pattern:
        return None
    compiled = _pattern(pattern) if pattern else None

    def check(value: Any, path: str, _old: Any) -> Result:
        if longest is not None and len(value) > longest:
            return Result([fielderror.too_long(path, longest)])
        if shortest is not None and len(value) < shortest:
            return _invalid(path, value, f"should be at least {shortest} chars long")
        if compiled is not None and not _found(compiled, value):
            return _invalid(path, value, f"should match '{pattern}'")
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


def _format(schema: Schema) -> Check | None:
    format = schema.get("format", "")
    if not format or not formats.supported(format):
        return None

    def check(value: Any, path: str, _old: Any) -> Result:
        return Result([]) if formats.valid(format, value) else _wrong_type(path, format, value)

    return check


def _number(schema: Schema) -> Check:
    factor, most, least = schema.get("multipleOf"), schema.get("maximum"), schema.get("minimum")
    above, below = bool(schema.get("exclusiveMaximum")), bool(schema.get("exclusiveMinimum"))
    small = schema.get("format") == "int32" and schema.get("type") == "integer"

    def check(value: Any, path: str, _old: Any) -> Result:
        result = Result([], 1)
        if small and not -(1 << 31) <= value < 1 << 31:
            result.merge(_bare(f"Checked value must be of type integer with format int32 in {path}"))
        if factor is not None and not _is_multiple(value, factor):
            result.merge(_invalid(path, value, f"should be a multiple of {_limit(value, factor)}"))
        if least is not None and not (value > least if below else value >= least):
            what = "greater than" if below else "greater than or equal to"
            result.merge(_invalid(path, value, f"should be {what} {_limit(value, least)}"))
        if most is not None and not (value < most if above else value <= most):
            what = "less than" if above else "less than or equal to"
            result.merge(_invalid(path, value, f"should be {what} {_limit(value, most)}"))
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


def _enum(values: list[Any] | None) -> Check | None:
    if not values:
        return None
    shown = [one if isinstance(one, str) else fielderror.show(one) for one in values]

    def check(value: Any, path: str, _old: Any) -> Result:
        if any(
            same(value, one) or (_is_number(value) and _is_number(one) and value == one) for one in values
        ):
            return Result([])
        return Result([fielderror.not_supported(path, value, shown)])

    return check


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


# Containers


def _list(schema: Schema) -> Check | None:
    items = _compile(schema["items"]) if isinstance(schema.get("items"), dict) else None
    least, most = schema.get("minItems"), schema.get("maxItems")
    keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
    keyed = schema.get("x-kubernetes-list-type") == "map"

    def check(value: Any, path: str, old: Any) -> Result:
        result = Result([], 1)
        if items is not None:
            olds = by_key(old, keys) if keyed and type(old) is list else {}
            for index, item in enumerate(value):
                before = olds.get(key_of(item, keys), UNKNOWN) if olds else UNKNOWN
                _add(result, items(item, f"{path}[{index}]", before))
        if least is not None and len(value) < least:
            result.merge(_invalid(path, len(value), f"should have at least {least} items"))
        if most is not None and len(value) > most:
            result.errors.append(fielderror.too_many(path, len(value), most))
        return result

    return check


def key_of(item: Any, keys: tuple[str, ...]) -> Any:
    """What an item of a list of type map is told apart by; None if it is no object."""
    if type(item) is not dict:
        return None
    return tuple((type(item.get(key)), repr(item.get(key))) for key in keys)


def by_key(items: list[Any], keys: tuple[str, ...]) -> dict[Any, Any]:
    return {key: item for item in items if (key := key_of(item, keys)) is not None}


def _object(schema: Schema) -> Check | None:
    schemas = schema.get("properties", {})
    properties: dict[str, Check] = {}
    additional = schema.get("additionalProperties")
    values = _compile(additional) if isinstance(additional, dict) else None
    least, most, required = (
        schema.get("minProperties"),
        schema.get("maxProperties"),
        schema.get("required", ()),
    )

    def check(value: Any, path: str, old: Any) -> Result:
        if least is not None and len(value) < least:
            return _invalid(path, len(value), f"should have at least {least} properties")
        if most is not None and len(value) > most:
            return Result([fielderror.too_many(path, len(value), most)])
        result = Result([])
        olds = old if type(old) is dict else {}
        if values is not None or additional is False:
            for name in sorted(value):
                if name in schemas:
                    continue
                if values is None:
                    what = f"Invalid value: {quote(name)}: {path}.{name} in body is a forbidden property"
                    result.errors.append(FieldError(path or "<nil>", fielderror.INVALID, what))
                else:
                    _add(result, values(value[name], f"{path}.{name}", olds.get(name, UNKNOWN)))
        for name in sorted(value):
            one = properties.get(name)
            if one is None:
                if name not in schemas:
                    continue
                one = properties[name] = _compile(schemas[name])
            _add(result, one(value[name], child(path, name), olds.get(name, UNKNOWN)))
        result.errors += [fielderror.required(child(path, name)) for name in required if name not in value]
        return result

    return check


def _add(result: Result, found: Result) -> None:
    """Of a part of the value: its errors name another place, so that there is nothing twice."""
    if found.errors and len(result.errors) < MOST:
        result.errors += found.errors
    result.matches += found.matches
