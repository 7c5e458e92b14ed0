"""StorageClass. k8s.io/kubernetes/pkg/apis/storage/validation"""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.storage.parameters import parameters_errors, provisioner_errors
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)

RECLAIM_POLICIES = ("Delete", "Retain")
BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def default(new: Object) -> None:
    new.setdefault("reclaimPolicy", "Delete")
    new.setdefault("volumeBindingMode", "Immediate")


def validate(new: Object, _context: Context) -> list[FieldError]:
    found = provisioner_errors(new.get("provisioner", ""), "provisioner")
    found += parameters_errors(new.get("parameters"), "parameters", needed=False)
    policy, mode = new.get("reclaimPolicy"), new.get("volumeBindingMode")
    if policy and policy not in RECLAIM_POLICIES:
        found.append(not_supported("reclaimPolicy", policy, RECLAIM_POLICIES))
    if mode is None:
        found.append(required("volumeBindingMode"))
    elif mode not in BINDING_MODES:
        found.append(not_supported("volumeBindingMode", mode, BINDING_MODES))
    return found + _topologies_errors(new.get("allowedTopologies") or [], "allowedTopologies")


def _topologies_errors(terms: list[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    # Upstream begins with a list of empty terms, as many as there are terms: each is like an empty one.
    seen: list[dict[str, set[str]]] = [{} for _ in terms]
    for at, term in enumerate(terms):
        where = f"{path}[{at}].matchLabelExpressions"
        allowed: dict[str, set[str]] = {}
        for index, one in enumerate(term.get("matchLabelExpressions") or ()):
            found += _requirement_errors(one, f"{where}[{index}]")
            key = one.get("key", "")
            if key in allowed:
                found.append(duplicate(f"{where}[{index}].key", key))
            allowed[key] = set(one.get("values") or ())
        found += [duplicate(where, "") for other in seen if other == allowed]
        seen.append(allowed)
    return found


def _requirement_errors(requirement: Object, path: str) -> list[FieldError]:
    values = requirement.get("values") or []
    found = [] if values else [required(f"{path}.values")]
    for at, value in enumerate(values):
        if value in values[:at]:
            found.append(duplicate(f"{path}.values[{at}]", value))
    key = requirement.get("key", "")
    return found + [invalid(f"{path}.key", key, message) for message in names.qualified_name(key)]


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    found = [
        forbidden(field, f"updates to {field} are forbidden.")
        for field in ("parameters", "provisioner", "reclaimPolicy")
        if new.get(field) != old.get(field)
    ]
    mode = new.get("volumeBindingMode")
    if mode != old.get("volumeBindingMode"):
        found.append(invalid("volumeBindingMode", mode, "field is immutable"))
    return found


def title(new: Object) -> str:
    """The class of those who ask for none is marked."""
    annotations = new["metadata"].get("annotations") or {}
    chosen = any(annotations.get(one) == "true" for one in _DEFAULT)
    return f"{new['metadata'].get('name', '')}{' (default)' if chosen else ''}"


def cells(new: Object, now: float) -> list[Any]:
    return [
        new.get("provisioner", ""),
        new.get("reclaimPolicy", "Delete"),
        new.get("volumeBindingMode", "<unset>"),
        new.get("allowVolumeExpansion", False),
        age(new["metadata"].get("creationTimestamp"), now),
    ]


RESOURCE = Resource(
    "StorageClass",
    "storageclasses",
    group="storage.k8s.io",
    namespaced=False,
    short_names=("sc",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    deletion_returns_object=True,
    columns=(
        Column("Provisioner", describe="provisioner"),
        Column("ReclaimPolicy", describe="reclaimPolicy"),
        Column("VolumeBindingMode", describe="volumeBindingMode"),
        Column("AllowVolumeExpansion", describe="allowVolumeExpansion"),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
    title=title,
)
