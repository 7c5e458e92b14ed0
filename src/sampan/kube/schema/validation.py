"""Values against the schema of a custom resource, in the words of k8s.io/kube-openapi pkg/validation/validate

A schema is compiled to functions of (value, path, old value) that return what is wrong and how many checks
went well, by which the best of several alternatives is told. What was wrong before and has not been changed
is let pass (CRDValidationRatcheting).
"""

import math
from collections.abc import Callable
from typing import Any

from sampan.kube.schema.results import (
    UNKNOWN,
    Check,
    Result,
    Schema,
    Uncorrelated,
    add,
    bare,
    child,
    invalid,
    same,
    wrong_type,
)
from sampan.kube.schema.scalars import enum, format_check, number, string
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import fielderror, formats
from sampan.specs.kubernetes.fielderror import FieldError


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
    common = enum(schema.get("enum"))
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
        return _present(string(schema), format_check(schema), common)
    if kind is int or kind is float:
        return _present(number(schema), common)
    if kind is list:
        return _present(_list(schema), common)
    return _present(common, _object(schema)) if kind is dict else _present(common)


def _present(*checks: Check | None) -> list[Check]:
    return [check for check in checks if check is not None]


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
            return Result([], 1) if nullable or not types else wrong_type(path, wanted, "null")
        found, found_format = _JSON_TYPES[type(value)]
        fits = found in types or (found == "integer" and "number" in types)
        fits = fits or (found == "number" and "integer" in types and _is_whole(value))
        textual = type(value) is str or type(value) is list
        if not textual and format and not fits and found_format != format:
            return wrong_type(path, format, found_format)
        if not numeric and format and textual:
            return Result([], 1)
        return Result([], 1) if fits else wrong_type(path, wanted, found)

    return check


def _is_whole(value: float) -> bool:
    return math.isfinite(value) and value.is_integer()


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
            result.merge(bare(f"{quote(path)} must not validate the schema (not)"))
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
    result.merge(bare(f"{quote(path)} must validate at least one schema (anyOf)"))
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
    result.merge(bare(f"{quote(path)} must validate one and only one schema (oneOf). {how}"))
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
        result.merge(bare(f"{quote(path)} must validate all the schemas (allOf){none}"))


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
                add(result, items(item, f"{path}[{index}]", before))
        if least is not None and len(value) < least:
            result.merge(invalid(path, len(value), f"should have at least {least} items"))
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
            return invalid(path, len(value), f"should have at least {least} properties")
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
                    add(result, values(value[name], f"{path}.{name}", olds.get(name, UNKNOWN)))
        for name in sorted(value):
            one = properties.get(name)
            if one is None:
                if name not in schemas:
                    continue
                one = properties[name] = _compile(schemas[name])
            add(result, one(value[name], child(path, name), olds.get(name, UNKNOWN)))
        result.errors += [fielderror.required(child(path, name)) for name in required if name not in value]
        return result

    return check
