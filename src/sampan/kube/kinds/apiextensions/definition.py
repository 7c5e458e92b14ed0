"""What may stand in a CustomResourceDefinition; k8s.io/apiextensions-apiserver
pkg/apis/apiextensions/validation/validation.go
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sampan.errors import Invalid
from sampan.kube.kinds.apiextensions import internal
from sampan.kube.kinds.apiextensions.schemas import (
    TYPES,
    Options,
    map_key_errors,
    schema_errors,
    set_item_errors,
)
from sampan.kube.kinds.apiextensions.structuralness import structural_errors
from sampan.kube.schema import fieldpaths
from sampan.kube.schema.defaulting import prune_defaults
from sampan.kube.schema.rules import Rules, has_rules
from sampan.kube.schema.validation import UNKNOWN, compile_validation
from sampan.specs.golang import url
from sampan.specs.kubernetes.fielderror import (
    DUPLICATE,
    FieldError,
    forbidden,
    invalid,
    not_supported,
    required,
    too_many,
)
from sampan.specs.kubernetes.names import dns1035_label, dns1123_subdomain
from sampan.specs.kubernetes.webhookclient import service_errors, url_errors

Object = dict[str, Any]
APPROVED = "api-approved.kubernetes.io"
SELECTABLE = 8  # fields
DEPTH = 60  # of a schema; requests of real ones stay below 30
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_AT_ROOT = (
    "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern"
    " MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example"
    " XPreserveUnknownFields XValidations"
)
_IMMUTABLE = "field is immutable"
# What makes a schema one that upstream does not even try to read as a structural one.
_UNREADABLE = ("$ref", "definitions", "patternProperties", "dependencies", "additionalItems", "id")


def create_errors(crd: Object) -> list[FieldError]:
    """ValidateCustomResourceDefinition, but for metadata in general."""
    spec = internal.internal(crd.get("spec") or {})
    errors = _name(crd, spec) + _spec(spec, Options(), set())
    return errors + _status(crd, spec) + _approval(crd, None) + _preserve(spec, {})


def update_errors(crd: Object, old: Object) -> list[FieldError]:
    """ValidateCustomResourceDefinitionUpdate: what was wrong before may stay so."""
    spec, before = internal.internal(crd.get("spec") or {}), internal.internal(old.get("spec") or {})
    schemas = list(_schemas(before))
    options = Options(
        types=all(kind in TYPES for one in _parts(schemas) if (kind := one.get("type"))),
        atomic_sets=not any(
            set_item_errors(one, "") for one in _parts(schemas) if one.get("x-kubernetes-list-type") == "set"
        ),
        map_keys=not any(map_key_errors(one, "") for one in _parts(schemas)),
    )
    unchanged = {
        version["name"]
        for version in spec["versions"]
        if (schema := _schema_of(spec, version)) is not None
        and schema == _old_schema(before, version["name"])
    }
    errors = _spec(spec, options, unchanged) + _immutable(spec, before, established(old))
    return errors + _status(crd, spec) + _approval(crd, old) + _preserve(spec, before)


def status_errors(crd: Object) -> list[FieldError]:
    """Of a write by /status."""
    return _names((crd.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames")


def established(crd: Object) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Established" and one.get("status") == "True" for one in conditions)


def _name(crd: Object, spec: Object) -> list[FieldError]:
    name = (crd.get("metadata") or {}).get("name")
    names = spec.get("names") or {}
    if not name or name == f"{names.get('plural', '')}.{spec.get('group', '')}":
        return []
    return [invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')]


def _immutable(spec: Object, old: Object, settled: bool) -> list[FieldError]:
    names, before = spec.get("names") or {}, old.get("names") or {}
    fields = [
        ("spec.scope", spec.get("scope", ""), old.get("scope", ""), settled),
        ("spec.names.kind", names.get("kind", ""), before.get("kind", ""), settled),
        ("spec.group", spec.get("group", ""), old.get("group", ""), True),
        ("spec.names.plural", names.get("plural", ""), before.get("plural", ""), True),
    ]
    return [invalid(path, new, _IMMUTABLE) for path, new, was, asked in fields if asked and new != was]


# The spec


def _spec(spec: Object, options: Options, unchanged: set[str]) -> list[FieldError]:
    errors = _group(spec.get("group", ""))
    scope = spec.get("scope", "")
    if not scope:
        errors.append(required("spec.scope"))
    elif scope not in ("Cluster", "Namespaced"):
        errors.append(not_supported("spec.scope", scope, ["Cluster", "Namespaced"]))
    errors += _schemas_present(spec)
    errors += _versions(spec, options, unchanged)
    names = spec.get("names") or {}
    errors += [
        required(f"spec.names.{name}")
        for name in ("plural", "singular", "kind", "listKind")
        if not names.get(name)
    ]
    errors += _names(names, "spec.names")
    first = spec["versions"][0]["name"] if spec["versions"] else ""
    shared = replace(options, costs=first not in unchanged)
    if spec.get("validation") is not None:
        any_status = any(_has_status(_subresources(spec, version)) for version in spec["versions"])
        errors += _validation(spec["validation"], any_status, shared, "spec.validation")
    errors += _scale(spec.get("subresources"), "spec.subresources")
    errors += _columns(spec.get("additionalPrinterColumns"), "spec.additionalPrinterColumns")
    if spec.get("selectableFields"):
        errors += _shared_selectable(spec)
    return errors + _conversion(spec.get("conversion"))


def _group(group: str) -> list[FieldError]:
    if not group:
        return [required("spec.group")]
    if messages := dns1123_subdomain(group):
        return [invalid("spec.group", group, ",".join(messages))]
    if "." not in group:
        return [invalid("spec.group", group, "should be a domain with at least one dot")]
    return []


def _schemas_present(spec: Object) -> list[FieldError]:
    if (spec.get("validation") or {}).get("openAPIV3Schema") is not None:
        return []
    return [
        required(f"spec.versions[{at}].schema.openAPIV3Schema")
        for at, version in enumerate(spec["versions"])
        if (version.get("schema") or {}).get("openAPIV3Schema") is None
    ]


def _versions(spec: Object, options: Options, unchanged: set[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen = [version.get("name", "") for version in spec["versions"]]
    for at, version in enumerate(spec["versions"]):
        path, name = f"spec.versions[{at}]", seen[at]
        if messages := dns1035_label(name):
            errors.append(invalid(f"{path}.name", name, ",".join(messages)))
        own = replace(options, costs=name not in unchanged)
        errors += _version(version, spec, own, path)
    if len(set(seen)) != len(seen):
        errors.append(
            invalid("spec.versions", internal.show_versions(spec), "must contain unique version names")
        )
    if sum(bool(version.get("storage")) for version in spec["versions"]) != 1:
        shown = internal.show_versions(spec) if spec["given"] else None
        errors.append(
            invalid("spec.versions", shown, "must have exactly one version marked as storage version")
        )
    if seen and seen[0] and (messages := dns1035_label(seen[0])):
        errors.append(invalid("spec.version", seen[0], ",".join(messages)))
    return errors


def _version(version: Object, spec: Object, options: Options, path: str) -> list[FieldError]:
    errors = _deprecation(version, f"{path}.deprecationWarning")
    if version.get("schema") is not None:
        status = _has_status(_subresources(spec, version))
        errors += _validation(version["schema"], status, options, f"{path}.schema")
    errors += _scale(version.get("subresources"), f"{path}.subresources")
    errors += _columns(version.get("additionalPrinterColumns"), f"{path}.additionalPrinterColumns")
    if version.get("selectableFields"):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        where = f"{path}.selectableFields"
        if schema is None:
            what = "selectableFields may only be set when version.schema.openAPIV3Schema is not included"
            errors.append(invalid(where, "", what))
        else:
            errors += _selectable(version["selectableFields"], schema, where)
    return errors


def _deprecation(version: Object, path: str) -> list[FieldError]:
    warning = version.get("deprecationWarning")
    if warning is None:
        return []
    if not version.get("deprecated"):
        return [invalid(path, warning, "can only be set for deprecated versions")]
    messages = []
    if len(warning.encode("utf-8", "replace")) > 256:
        messages.append("must be <= 256 characters long")
    if not warning:
        messages.append("must not be an empty string")
    for at, char in enumerate(warning):
        if not char.isprintable():
            where = len(warning[:at].encode("utf-8", "replace"))
            what = f"non-printable character found at index {where}"
            messages.append(f"must only contain printable UTF-8 characters; {what}")
            break
    return [invalid(path, warning, message) for message in messages]


def _names(names: Object, path: str) -> list[FieldError]:
    errors = []
    for name, mixed in (("plural", False), ("singular", False), ("kind", True), ("listKind", True)):
        value = names.get(name, "")
        messages = dns1035_label(value.lower() if mixed else value) if value else []
        if messages:
            what = "may have mixed case, but should otherwise match: " if mixed else ""
            errors.append(invalid(f"{path}.{name}", value, what + ",".join(messages)))
    errors += _labels(names.get("shortNames"), f"{path}.shortNames")
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        what = "kind and listKind may not be the same"
        errors.append(invalid(f"{path}.listKind", names["listKind"], what))
    return errors + _labels(names.get("categories"), f"{path}.categories")


def _labels(values: list[str] | None, path: str) -> list[FieldError]:
    return [
        invalid(f"{path}[{at}]", value, ",".join(messages))
        for at, value in enumerate(values or ())
        if (messages := dns1035_label(value))
    ]


# Schemas


def _validation(validation: Object, status: bool, options: Options, path: str) -> list[FieldError]:
    schema = validation.get("openAPIV3Schema")
    if schema is None:
        return []
    where = f"{path}.openAPIV3Schema"
    if _too_deep(schema):
        return [invalid(where, "", f"must not nest more than {DEPTH} levels deep")]
    errors = _status_root(schema, where) if status else []
    if schema.get("nullable"):
        errors.append(forbidden(f"{where}.nullable", "nullable cannot be true at the root"))
    unreadable = any(one.get(name) for one in _parts([schema]) for name in _UNREADABLE)
    unreadable = unreadable or any(isinstance(one.get("items"), list) for one in _parts([schema]))
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
                what = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
                return [invalid(f"{path}.type", value, what)]
        elif go not in allowed and value is not None:
            what = f"only [{_AT_ROOT}] fields are allowed at the root of the schema if the status subresource is enabled"
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


def _parts(schemas: list[Object]) -> Iterator[Object]:
    """All schemas in these, themselves first."""
    pending = list(schemas)
    while pending:
        one = pending.pop()
        yield one
        pending += _children(one)


def _schemas(spec: Object) -> Iterator[Object]:
    for holder in (spec.get("validation"), *(version.get("schema") for version in spec["versions"])):
        schema = (holder or {}).get("openAPIV3Schema")
        if schema is not None:
            yield schema


def schema_parts(spec: Object) -> Iterator[Object]:
    """All schemas of a spec, and all in them."""
    return _parts(list(_schemas(internal.internal(spec))))


def _schema_of(spec: Object, version: Object) -> Any:
    return version.get("schema") or spec.get("validation")


def _old_schema(spec: Object, name: str) -> Any:
    found = [_schema_of(spec, version) for version in spec["versions"] if version.get("name") == name]
    return found[0] if found else None


# Subresources, columns, selectable fields


def _subresources(spec: Object, version: Object) -> Object:
    if any(one.get("subresources") is not None for one in spec["versions"]):
        return version.get("subresources") or {}
    return spec.get("subresources") or {}


def _has_status(subresources: Object) -> bool:
    return subresources.get("status") is not None


def _scale(subresources: Object | None, path: str) -> list[FieldError]:
    scale = (subresources or {}).get("scale")
    if scale is None:
        return []
    where = f"{path}.scale"
    errors = _replicas_path(scale.get("specReplicasPath", ""), f"{where}.specReplicasPath", "spec")
    errors += _replicas_path(scale.get("statusReplicasPath", ""), f"{where}.statusReplicasPath", "status")
    selector = scale.get("labelSelectorPath")
    if selector:
        found = _simple_path(selector, f"{where}.labelSelectorPath")
        if not found and not selector.startswith((".spec.", ".status.")):
            what = "should be a json path under either .spec or .status"
            found = [invalid(f"{where}.labelSelectorPath", selector, what)]
        errors += found
    return errors


def _replicas_path(value: str, path: str, part: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    if errors := _simple_path(value, path):
        return errors
    return (
        []
        if value.startswith(f".{part}.")
        else [invalid(path, value, f"should be a json path under .{part}")]
    )


def _simple_path(value: str, path: str) -> list[FieldError]:
    if not value.startswith("."):
        return [invalid(path, value, "must be a simple json path starting with .")]
    return []


def _columns(columns: list[Object] | None, path: str) -> list[FieldError]:
    return [error for at, column in enumerate(columns or ()) for error in _column(column, f"{path}[{at}]")]


def _column(column: Object, path: str) -> list[FieldError]:
    errors = []
    if not column.get("name"):
        errors.append(required(f"{path}.name"))
    kind, what = column.get("type", ""), f"must be one of {','.join(_COLUMN_TYPES)}"
    if not kind:
        errors.append(required(f"{path}.type", what))
    elif kind not in _COLUMN_TYPES:
        errors.append(invalid(f"{path}.type", kind, what))
    format = column.get("format", "")
    if format and format not in _COLUMN_FORMATS:
        errors.append(invalid(f"{path}.format", format, f"must be one of {','.join(_COLUMN_FORMATS)}"))
    json_path = column.get("jsonPath", "")
    if not json_path:
        return [*errors, required(f"{path}.JSONPath")]
    return errors + _simple_path(json_path, f"{path}.JSONPath")


def _shared_selectable(spec: Object) -> list[FieldError]:
    path = "spec.selectableFields"
    schema = (spec.get("validation") or {}).get("openAPIV3Schema")
    if schema is None:
        return [invalid(path, "", "selectableFields may only be set when validations.schema is included")]
    return _selectable(spec["selectableFields"], schema, path)


def _selectable(fields: list[Object], schema: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for at, one in enumerate(fields):
        errors += _selectable_field(one.get("jsonPath", ""), schema, f"{path}[{at}].jsonPath", seen)
    if len(seen) > SELECTABLE:
        errors.append(too_many(path, len(seen), SELECTABLE))
    return errors


def _selectable_field(text: str, schema: Object, path: str, seen: set[str]) -> list[FieldError]:
    if not text:
        return [required(path)]
    try:
        steps, found = fieldpaths.parts(text, schema, brackets=False)
    except Invalid as e:
        return [invalid(path, text, f"is an invalid path: {e}")]
    errors = []
    shown = fieldpaths.show(steps)
    if steps and steps[0][0] == "metadata":
        errors.append(invalid(path, text, "must not point to fields in metadata"))
    if found.get("type") not in ("string", "boolean", "integer"):
        what = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
        errors.append(invalid(path, text, what))
    if shown in seen:
        errors.append(FieldError(path, DUPLICATE, f'Duplicate value: "{text}"'))
    seen.add(shown)
    return errors


# Conversion, status, approval


def _conversion(conversion: Object | None) -> list[FieldError]:
    if conversion is None:
        return []
    strategy = conversion.get("strategy", "")
    path, errors = "spec.conversion", []
    if not strategy:
        errors.append(required(f"{path}.strategy"))
    elif strategy not in ("None", "Webhook"):
        errors.append(not_supported(f"{path}.strategy", strategy, ["None", "Webhook"]))
    webhook = conversion.get("webhook") or {}
    config, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    if strategy == "Webhook":
        return errors + _client(config, f"{path}.webhookClientConfig") + _review_versions(versions)
    what = "should not be set when strategy is not set to Webhook"
    if config is not None:
        errors.append(forbidden(f"{path}.webhookClientConfig", what))
    if versions:
        errors.append(forbidden(f"{path}.conversionReviewVersions", what))
    return errors


def _client(config: Object | None, path: str) -> list[FieldError]:
    if config is None:
        return [required(path, "required when strategy is set to Webhook")]
    url_given, service = config.get("url"), config.get("service")
    if (url_given is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if url_given is not None:
        return url_errors(url_given, f"{path}.url")
    return service_errors(service, f"{path}.service")


def _review_versions(versions: list[str]) -> list[FieldError]:
    path = "spec.conversion.conversionReviewVersions"
    if not versions:
        return [required(path)]
    errors = []
    for at, version in enumerate(versions):
        if version in versions[:at]:
            errors.append(invalid(f"{path}[{at}]", version, "duplicate version"))
        else:
            errors += [invalid(f"{path}[{at}]", version, message) for message in dns1035_label(version)]
    if not {"v1", "v1beta1"} & set(versions):
        errors.append(invalid(path, versions, "must include at least one of v1, v1beta1"))
    return errors


def _status(crd: Object, spec: Object) -> list[FieldError]:
    status = crd.get("status") or {}
    errors = _names(status.get("acceptedNames") or {}, "status.acceptedNames")
    stored, path = status.get("storedVersions") or [], "status.storedVersions"
    if not stored:
        return [*errors, invalid(path, None, "must have at least one stored version")]
    missing = {version: at for at, version in enumerate(stored)}
    for version in spec["versions"]:
        name = version.get("name", "")
        if version.get("storage") and name not in missing:
            errors.append(invalid(path, stored, f"must have the storage version {name}"))
        missing.pop(name, None)
    for name, at in missing.items():
        what = (
            f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions"
            f" until a storage migration ensures no data remains persisted in {name} and removes {name} from"
            " status.storedVersions"
        )
        errors.append(invalid(f"{path}[{at}]", name, what))
    return errors


def _approval(crd: Object, old: Object | None) -> list[FieldError]:
    group = (crd.get("spec") or {}).get("group", "")
    if not f".{group}".endswith((".k8s.io", ".kubernetes.io")):
        return []
    state, reason = _approval_state(crd)
    if state == "approved" or (old is not None and _approval_state(old)[0] == state):
        return []
    path = f"metadata.annotations[{APPROVED}]"
    if state == "missing":
        return [required(path, reason)]
    return [invalid(path, crd["metadata"]["annotations"][APPROVED], reason)]


def _approval_state(crd: Object) -> tuple[str, str]:
    value = ((crd.get("metadata") or {}).get("annotations") or {}).get(APPROVED, "")
    what = f'protected groups must have approval annotation "{APPROVED}"'
    see = "see https://github.com/kubernetes/enhancements/pull/1111"
    if not value:
        return "missing", f"{what}, {see}"
    if value.startswith("unapproved"):
        return "approved", ""
    try:
        parsed = url.parse(value)
    except Invalid:
        parsed = url.URL()
    if parsed.scheme and parsed.host:
        return "approved", ""
    return "invalid", f'{what} with either a URL or a reason starting with "unapproved", {see}'


def _preserve(spec: Object, old: Object) -> list[FieldError]:
    if old.get("preserveUnknownFields") or not spec.get("preserveUnknownFields"):
        return []
    what = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    return [invalid("spec.preserveUnknownFields", True, what)]
