"""What may stand in a CustomResourceDefinition; k8s.io/apiextensions-apiserver
pkg/apis/apiextensions/validation/validation.go
"""

from dataclasses import replace
from typing import Any

from sampan.errors import Invalid
from sampan.kube.kinds.apiextensions import internal
from sampan.kube.kinds.apiextensions.conversionconfig import conversion_errors
from sampan.kube.kinds.apiextensions.extensions import Options, map_key_errors, set_item_errors
from sampan.kube.kinds.apiextensions.naming import is_true
from sampan.kube.kinds.apiextensions.schemas import TYPES
from sampan.kube.kinds.apiextensions.versionparts import (
    columns_errors,
    has_status,
    scale_errors,
    selectable_errors,
    shared_selectable_errors,
    subresources_of,
)
from sampan.kube.kinds.apiextensions.versionschemas import (
    all_schemas,
    parts,
    schema_named,
    schema_of,
    validation_errors,
)
from sampan.specs.golang import url
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required
from sampan.specs.kubernetes.names import dns1035_label, dns1123_subdomain

Object = dict[str, Any]
APPROVED = "api-approved.kubernetes.io"
_IMMUTABLE = "field is immutable"


def create_errors(crd: Object) -> list[FieldError]:
    """ValidateCustomResourceDefinition, but for metadata in general."""
    spec = internal.internal(crd.get("spec") or {})
    errors = _name(crd, spec) + _spec(spec, Options(), set())
    return errors + _status(crd, spec) + _approval(crd, None) + _preserve(spec, {})


def update_errors(crd: Object, old: Object) -> list[FieldError]:
    """ValidateCustomResourceDefinitionUpdate: what was wrong before may stay so."""
    spec, before = internal.internal(crd.get("spec") or {}), internal.internal(old.get("spec") or {})
    schemas = list(all_schemas(before))
    options = Options(
        types=all(kind in TYPES for one in parts(schemas) if (kind := one.get("type"))),
        atomic_sets=not any(
            set_item_errors(one, "") for one in parts(schemas) if one.get("x-kubernetes-list-type") == "set"
        ),
        map_keys=not any(map_key_errors(one, "") for one in parts(schemas)),
    )
    unchanged = {
        version["name"]
        for version in spec["versions"]
        if (schema := schema_of(spec, version)) is not None
        and schema == schema_named(before, version["name"])
    }
    errors = _spec(spec, options, unchanged) + _immutable(spec, before, is_true(old, "Established"))
    return errors + _status(crd, spec) + _approval(crd, old) + _preserve(spec, before)


def status_errors(crd: Object) -> list[FieldError]:
    """Of a write by /status."""
    return _names((crd.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames")


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
        any_status = any(has_status(subresources_of(spec, version)) for version in spec["versions"])
        errors += validation_errors(spec["validation"], any_status, shared, "spec.validation")
    errors += scale_errors(spec.get("subresources"), "spec.subresources")
    errors += columns_errors(spec.get("additionalPrinterColumns"), "spec.additionalPrinterColumns")
    if spec.get("selectableFields"):
        errors += shared_selectable_errors(spec)
    return errors + conversion_errors(spec.get("conversion"))


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
        status = has_status(subresources_of(spec, version))
        errors += validation_errors(version["schema"], status, options, f"{path}.schema")
    errors += scale_errors(version.get("subresources"), f"{path}.subresources")
    errors += columns_errors(version.get("additionalPrinterColumns"), f"{path}.additionalPrinterColumns")
    if version.get("selectableFields"):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        where = f"{path}.selectableFields"
        if schema is None:
            what = "selectableFields may only be set when version.schema.openAPIV3Schema is not included"
            errors.append(invalid(where, "", what))
        else:
            errors += selectable_errors(version["selectableFields"], schema, where)
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


# Status, approval


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
            f"missing from spec.versions; {name} was previously a storage version, and must remain "
            f"in spec.versions until a storage migration ensures no data remains persisted in {name} and "
            f"removes {name} from status.storedVersions"
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
    what = (
        "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
        "spec.versions[*].schema instead"
    )
    return [invalid("spec.preserveUnknownFields", True, what)]
