"""What may stand in `metadata`, in the words and the order of apimachinery's pkg/api/validation. Pure.

Most built-in kinds add a rule about finalizers (pkg/apis/core/validation): `standard_finalizers`.
"""

from sampan.specs.kubernetes import names as grammars
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    forbidden,
    invalid,
    required,
    shown_in_order,
    too_long,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

Meta = dict[str, "Any"]

# metav1.ObjectMeta's, in the order in which Go writes them.
FIELDS = (
    *("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation"),
    *("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations"),
    *("ownerReferences", "finalizers", "managedFields"),
)
IMMUTABLE = "field is immutable"
MANAGER_LENGTH = 128


def in_order(metadata: Meta, *without: str) -> Meta:
    """As Go writes it, less some fields."""
    return {key: metadata[key] for key in FIELDS if key in metadata and key not in without}


_NAMES: "dict[str, Callable[[str], list[str]]]" = {
    "subdomain": grammars.dns1123_subdomain,
    "label": grammars.dns1123_label,
    "label-1035": grammars.dns1035_label,
    "path-segment": grammars.path_segment,
    "any": lambda name: [],
}
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_OWNER_FIELDS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
_IMMUTABLE_FIELDS = (
    ("name", ""),
    ("namespace", ""),
    ("uid", ""),
    ("creationTimestamp", None),
    ("deletionTimestamp", None),
    ("deletionGracePeriodSeconds", None),
)


def object_meta_errors(
    meta: Meta,
    *,
    namespaced: bool,
    names: str = "subdomain",
    path: str = "metadata",
    standard_finalizers: bool = True,
) -> list[FieldError]:
    """Of an object that is created (its name has been generated); ValidateObjectMeta."""
    found: list[FieldError] = []
    if prefix := meta.get("generateName"):
        judged = prefix if names == "path-segment" else grammars.with_suffix(prefix)
        check = grammars.path_segment_prefix if names == "path-segment" else _NAMES[names]
        found += [invalid(f"{path}.generateName", prefix, message) for message in check(judged)]
    if name := meta.get("name"):
        if messages := _NAMES[names](name):
            found += [invalid(f"{path}.name", name, message) for message in messages]
    else:
        found.append(required(f"{path}.name", "name or generateName is required"))
    found += _namespace_errors(meta.get("namespace"), namespaced, path)
    if meta.get("generation", 0) < 0:
        found.append(invalid(f"{path}.generation", meta["generation"], grammars.NOT_NEGATIVE))
    found += _maps_and_owners(meta, path)
    if finalizers := meta.get("finalizers"):
        found += _finalizer_errors(finalizers, f"{path}.finalizers")
    if managed := meta.get("managedFields"):
        found += managed_fields_errors(managed, f"{path}.managedFields")
    if finalizers and standard_finalizers:
        found += _standard_finalizer_errors(finalizers, f"{path}.finalizers")
    return found


def object_meta_update_errors(
    new: Meta, old: Meta, *, path: str = "metadata", standard_finalizers: bool = True
) -> list[FieldError]:
    """What a kind says of an update; ValidateObjectMetaUpdate."""
    found: list[FieldError] = []
    finalizers = new.get("finalizers") or []
    if old.get("deletionTimestamp") is not None:
        found += _new_finalizer_errors(finalizers, old.get("finalizers") or [], f"{path}.finalizers")
    if not new.get("resourceVersion"):
        found.append(invalid(f"{path}.resourceVersion", "", "must be specified for an update"))
    if new.get("generation", 0) < old.get("generation", 0):
        found.append(invalid(f"{path}.generation", new.get("generation", 0), "must not be decremented"))
    for field, zero in _IMMUTABLE_FIELDS:
        value = new.get(field, zero)
        if value != old.get(field, zero):
            found.append(invalid(f"{path}.{field}", value, IMMUTABLE))
    found += _maps_and_owners(new, path)
    if managed := new.get("managedFields"):
        found += managed_fields_errors(managed, f"{path}.managedFields")
    if finalizers and standard_finalizers:
        found += _standard_finalizer_errors(finalizers, f"{path}.finalizers")
    return found


def common_update_errors(new: Meta, old: Meta, *, namespaced: bool) -> list[FieldError]:
    """What the machinery says of every update before the kind speaks (validateCommonFields).

    Most kinds say the same a second time: the Status has such causes twice, and its message once.
    """
    found = object_meta_errors(new, namespaced=namespaced, names="path-segment", standard_finalizers=False)
    return found + object_meta_update_errors(new, old, standard_finalizers=False)


def _namespace_errors(namespace: "str | None", namespaced: bool, path: str) -> list[FieldError]:
    if not namespaced:
        return [forbidden(f"{path}.namespace", "not allowed on this type")] if namespace else []
    if not namespace:
        return [required(f"{path}.namespace")]
    return [invalid(f"{path}.namespace", namespace, message) for message in grammars.dns1123_label(namespace)]


def _maps_and_owners(meta: Meta, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if labels := meta.get("labels"):
        found += grammars.labels_errors(labels, f"{path}.labels")
    if annotations := meta.get("annotations"):
        found += grammars.annotations_errors(annotations, f"{path}.annotations")
    if owners := meta.get("ownerReferences"):
        found += owner_references_errors(owners, f"{path}.ownerReferences")
    return found


def _owner(reference: Meta) -> Meta:
    """As Go prints it: what has no omitempty is there."""
    shown = dict.fromkeys(_OWNER_FIELDS[:4], "")
    return shown | {field: reference[field] for field in _OWNER_FIELDS if reference.get(field) is not None}


def owner_references_errors(references: list[Meta], path: str) -> list[FieldError]:
    """Upstream names the list, and not which of its items is wrong."""
    found: list[FieldError] = []
    controller = ""
    for reference in references:
        found += _owner_errors(reference, path)
        if reference.get("controller"):
            other = f"{reference.get('kind', '')}/{reference.get('name', '')}"
            if controller:
                detail = (
                    "Only one reference can have Controller set to true. "
                    f'Found "true" in references for {controller} and {other}'
                )
                found.append(invalid(path, shown_in_order([_owner(one) for one in references]), detail))
            controller = controller or other
    return found


def _owner_errors(reference: Meta, path: str) -> list[FieldError]:
    found = []
    api_version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
    if api_version.count("/") > 1 or not api_version.rpartition("/")[2]:
        found.append(invalid(f"{path}.apiVersion", api_version, "version must not be empty"))
    for field in ("kind", "name", "uid"):
        if not reference.get(field):
            found.append(invalid(f"{path}.{field}", "", "must not be empty"))
    if (api_version, kind) == ("v1", "Event"):
        detail = "/v1, Kind=Event is disallowed from being an owner"
        found.append(invalid(path, shown_in_order(_owner(reference)), detail))
    return found


def _finalizer_errors(finalizers: list[str], path: str) -> list[FieldError]:
    found = [
        invalid(path, finalizer, message)
        for finalizer in finalizers
        for message in grammars.qualified_name(finalizer)
    ]
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        found.append(invalid(path, finalizers, detail))
    return found


def _standard_finalizer_errors(finalizers: list[str], path: str) -> list[FieldError]:
    return [
        invalid(f"{path}[{at}]", one, "name is neither a standard finalizer name nor is it fully qualified")
        for at, one in enumerate(finalizers)
        if "/" not in one and one not in _STANDARD_FINALIZERS
    ]


def _new_finalizer_errors(new: list[str], old: list[str], path: str) -> list[FieldError]:
    from sampan.specs.golang.quote import quote

    extra = sorted(set(new) - set(old))
    if not extra:
        return []
    shown = ", ".join(quote(one) for one in extra)
    detail = (
        "no new finalizers can be added if the object is being deleted, "
        f"found new finalizers []string{{{shown}}}"
    )
    return [forbidden(path, detail)]


def field_manager_errors(manager: str, path: str) -> list[FieldError]:
    """Also of the option `fieldManager` of a request."""
    found = [too_long(path, MANAGER_LENGTH)] if grammars.size(manager) > MANAGER_LENGTH else []
    if not manager.isprintable():
        for at, char in enumerate(manager):
            if not char.isprintable():
                position = grammars.size(manager[:at])
                detail = f"invalid character U+{ord(char):04X} (at position {position})"
                found.append(invalid(path, manager, detail))
    return found


def managed_fields_errors(entries: list[Meta], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for at, entry in enumerate(entries):
        operation, kind = entry.get("operation", ""), entry.get("fieldsType", "")
        if operation not in ("Apply", "Update"):
            found.append(invalid(f"{path}[{at}].operation", operation, "must be `Apply` or `Update`"))
        if kind and kind != "FieldsV1":
            found.append(invalid(f"{path}[{at}].fieldsType", kind, "must be `FieldsV1`"))
        if manager := entry.get("manager"):
            found += field_manager_errors(manager, f"{path}[{at}].manager")
        if grammars.size(entry.get("subresource", "")) > 256:
            found.append(too_long(f"{path}[{at}].subresource", 256))
    return found
