"""The schemas of a CustomResourceDefinition as a whole; what may stand in each is in schemas.py."""

from collections.abc import Iterator
from typing import Any

from sampan.kube.kinds.apiextensions import internal
from sampan.kube.kinds.apiextensions.extensions import Options
from sampan.kube.kinds.apiextensions.schemas import schema_errors
from sampan.kube.kinds.apiextensions.structuralness import structural_errors
from sampan.kube.schema.defaulting import prune_defaults
from sampan.kube.schema.results import UNKNOWN
from sampan.kube.schema.rules import Rules, has_rules
from sampan.kube.schema.validation import compile_validation
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid

Object = dict[str, Any]
DEPTH = 60  # of a schema; requests of real ones stay below 30
_AT_ROOT = (
    "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength "
    "Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example "
    "XPreserveUnknownFields XValidations"
)
_WITH_STATUS = "if the status subresource is enabled"
# What makes a schema one that upstream does not even try to read as a structural one.
_UNREADABLE = ("$ref", "definitions", "patternProperties", "dependencies", "additionalItems", "id")


def validation_errors(validation: Object, status: bool, options: Options, path: str) -> list[FieldError]:
    """What is wrong with one; `status`: there is a status subresource."""
    schema = validation.get("openAPIV3Schema")
    if schema is None:
        return []
    where = f"{path}.openAPIV3Schema"
    if _too_deep(schema):
        return [invalid(where, "", f"must not nest more than {DEPTH} levels deep")]
    errors = _status_root(schema, where) if status else []
    if schema.get("nullable"):
        errors.append(forbidden(f"{where}.nullable", "nullable cannot be true at the root"))
    unreadable = any(one.get(name) for one in parts([schema]) for name in _UNREADABLE)
    unreadable = unreadable or any(isinstance(one.get("items"), list) for one in parts([schema]))
    found = [] if unreadable else structural_errors(schema, where) or _defaults(schema, where)
    errors += found
    return errors + schema_errors(schema, where, options, rules=not unreadable and not found)


def _status_root(schema: Object, path: str) -> list[FieldError]:
    allowed = _AT_ROOT.split()
    for name, go in internal.SCHEMA_NAMES.items():
        value = schema.get(name)
        if value in (None, False, "", [], {}) and name != "x-kubernetes-preserve-unknown-fields":
            continue
        if name == "type":
            if value != "object":
                what = f'only "object" is allowed as the type at the root of the schema {_WITH_STATUS}'
                return [invalid(f"{path}.type", value, what)]
        elif go not in allowed and value is not None:
            what = f"only [{_AT_ROOT}] fields are allowed at the root of the schema {_WITH_STATUS}"
            return [invalid(path, internal.show_schema(schema), what)]
    return []


def _defaults(schema: Object, path: str) -> list[FieldError]:
    """Defaults must be valid and hold nothing that would be dropped."""
    errors: list[FieldError] = []
    if schema.get("default") is not None:
        errors += _default(schema, f"{path}.default")
    if isinstance(schema.get("items"), dict):
        errors += _defaults(schema["items"], f"{path}.items")
    for name in sorted(schema.get("properties") or {}):
        errors += _defaults(schema["properties"][name], f"{path}.properties[{name}]")
    return errors


def _default(schema: Object, path: str) -> list[FieldError]:
    value = schema["default"]
    errors = []
    if isinstance(value, dict | list):
        pruned = prune_defaults(schema)["default"]
        if pruned != value:
            errors.append(invalid(path, value, "must not have unknown fields"))
    found = compile_validation(schema)(value, UNKNOWN)
    if not found and has_rules(schema):
        found = Rules(schema, root=False).validate(value)[0]
    return errors + [_moved(error, path) for error in found]


def _moved(error: FieldError, path: str) -> FieldError:
    """An error of a value by itself, at its place in the definition."""
    where = path if error.path in ("", "<nil>") else f"{path}.{error.path}"
    return FieldError(where, error.reason, error.body)


def _too_deep(schema: Any) -> bool:
    pending = [(schema, 1)]
    while pending:
        one, depth = pending.pop()
        if depth > DEPTH:
            return True
        pending += [(part, depth + 1) for part in _children(one)]
    return False


def _children(schema: Object) -> Iterator[Object]:
    for name in ("items", "additionalProperties", "not", "additionalItems"):
        if isinstance(schema.get(name), dict):
            yield schema[name]
    for name in ("allOf", "anyOf", "oneOf", "items"):
        if isinstance(schema.get(name), list):
            yield from (one for one in schema[name] if isinstance(one, dict))
    for name in ("properties", "patternProperties", "definitions"):
        if isinstance(schema.get(name), dict):
            yield from (one for one in schema[name].values() if isinstance(one, dict))


def parts(schemas: list[Object]) -> Iterator[Object]:
    """All schemas in these, themselves first."""
    pending = list(schemas)
    while pending:
        one = pending.pop()
        yield one
        pending += _children(one)


def all_schemas(spec: Object) -> Iterator[Object]:
    """Those of a spec, the outermost of each version."""
    for holder in (spec.get("validation"), *(version.get("schema") for version in spec["versions"])):
        schema = (holder or {}).get("openAPIV3Schema")
        if schema is not None:
            yield schema


def schema_parts(spec: Object) -> Iterator[Object]:
    """All schemas of a spec, and all in them."""
    return parts(list(all_schemas(internal.internal(spec))))


def schema_of(spec: Object, version: Object) -> Any:
    """Of a version, or of all."""
    return version.get("schema") or spec.get("validation")


def schema_named(spec: Object, name: str) -> Any:
    """Of the version of that name, None if there is none."""
    found = [schema_of(spec, version) for version in spec["versions"] if version.get("name") == name]
    return found[0] if found else None
