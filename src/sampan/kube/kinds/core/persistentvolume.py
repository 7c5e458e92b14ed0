"""PersistentVolumes; pkg/apis/core/validation, pkg/registry/core/persistentvolume, pkg/printers."""

from posixpath import normpath

from sampan.kube.kinds.ages import AGE, age_of
from sampan.kube.kinds.core.amounts import basic_errors, positive_errors, round_amounts
from sampan.kube.kinds.core.podspec.affinity import node_selector_errors
from sampan.kube.kinds.core.volumesources import KINDS, default_sources, source_warnings, sources_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource, Subresource
from sampan.specs.kubernetes import names, volumes
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required
from sampan.specs.kubernetes.object_meta import IMMUTABLE
from sampan.specs.kubernetes.objects import annotations_of, copied

ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_MOUNT_ANNOTATION = "volume.beta.kubernetes.io/mount-options"
_ALONE = "ReadWriteOncePod"
_POLICIES = ("Delete", "Recycle", "Retain")
_MODES = ("Block", "Filesystem")
_WITHOUT_OPTIONS = (
    "hostPath",
    "flocker",
    "fc",
    "flexVolume",
    "photonPersistentDisk",
    "scaleIO",
    "local",
    "csi",
)
# Names of labels that clouds gave to nodes before 1.17, and what they are called now.
_RENAMED = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
}


def _default(value: Object) -> None:
    spec, status = value.get("spec") or {}, value.get("status") or {}
    value["spec"], value["status"] = spec, status
    status["phase"] = status.get("phase") or "Pending"
    spec["persistentVolumeReclaimPolicy"] = spec.get("persistentVolumeReclaimPolicy") or "Retain"
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    default_sources(spec)
    round_amounts(spec.get("capacity"))


def _prepare_create(new: Object, context: Context) -> None:
    new["status"] = {"phase": "Pending", "lastPhaseTransitionTime": context.now}


def _prepare_update(new: Object, old: Object, _context: Context) -> None:
    new["status"] = old.get("status", {})


def _prepare_status(new: Object, old: Object, context: Context) -> None:
    new["spec"] = old["spec"]
    after, before = new["status"], old.get("status") or {}
    field = "lastPhaseTransitionTime"
    time, earlier = after.get(field), before.get(field)
    if after.get("phase") == before.get("phase"):
        if time is None and earlier is not None:
            after[field] = earlier
    elif time is None or time == earlier:
        after[field] = context.now


def access_modes_errors(modes: list[str], path: str) -> list[FieldError]:
    """Of those that are named; that there are none is somebody else's concern."""
    known = sorted(ACCESS_MODES)
    found = [not_supported(path, mode, known) for mode in modes if mode not in ACCESS_MODES]
    if _ALONE in modes and any(mode in ACCESS_MODES and mode != _ALONE for mode in modes):
        found.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return found


def spec_errors(spec: Object, name: str, path: str = "spec") -> list[FieldError]:
    """ValidatePersistentVolumeSpec, but of volumes that stand in a VolumeAttachment."""
    modes, policy = spec.get("accessModes") or [], spec.get("persistentVolumeReclaimPolicy")
    found = [] if modes else [required(f"{path}.accessModes")]
    found += access_modes_errors(modes, f"{path}.accessModes")
    found += _capacity_errors(spec.get("capacity") or {}, f"{path}.capacity")
    if policy and policy not in _POLICIES:
        found.append(not_supported(f"{path}.persistentVolumeReclaimPolicy", policy, _POLICIES))
    if (affinity := spec.get("nodeAffinity")) is not None:
        found += _affinity_errors(affinity, f"{path}.nodeAffinity")
    found += sources_errors(spec, name, path)
    root = (spec.get("hostPath") or {}).get("path", "")
    if root and normpath(root).lstrip("/") == "" and policy == "Recycle":
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        found.append(forbidden(f"{path}.persistentVolumeReclaimPolicy", detail))
    return found + _class_errors(spec, path)


def _capacity_errors(capacity: Object, path: str) -> list[FieldError]:
    found = [] if capacity else [required(path)]
    if "storage" not in capacity or len(capacity) > 1:
        found.append(not_supported(path, capacity or None, ("storage",)))
    for name, amount in capacity.items():
        found += basic_errors(amount, f"{path}[{name}]") + positive_errors(amount, f"{path}[{name}]")
    return found


def _affinity_errors(affinity: Object, path: str) -> list[FieldError]:
    if affinity.get("required") is None:
        return [required(f"{path}.required", "must specify required node constraints")]
    return node_selector_errors(affinity["required"], f"{path}.required")


def _class_errors(spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if name := spec.get("storageClassName"):
        where = f"{path}.storageClassName"
        found += [invalid(where, name, message) for message in names.dns1123_subdomain(name)]
    mode = spec.get("volumeMode")
    if mode is not None and mode not in _MODES:
        found.append(not_supported(f"{path}.volumeMode", mode, _MODES))
    return found + attributes_class_errors(spec, path)


def attributes_class_errors(spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if (name := spec.get("volumeAttributesClassName")) is not None:
        where = f"{path}.volumeAttributesClassName"
        if not name:
            found.append(required(where, "an empty string is disallowed"))
        found += [invalid(where, name, message) for message in names.dns1123_subdomain(name) if name]
        if spec.get("csi") is None:
            detail = "has to be specified when using volumeAttributesClassName"
            found.append(required(f"{path}.csi", detail))
    return found


def _validate(value: Object, _context: Context) -> list[FieldError]:
    spec = value["spec"]
    found = spec_errors(spec, value["metadata"].get("name", ""))
    annotated = _MOUNT_ANNOTATION in (value["metadata"].get("annotations") or ())
    if annotated and all(spec.get(kind) is None or kind in _WITHOUT_OPTIONS for kind in KINDS):
        path = f"metadata.annotations.{_MOUNT_ANNOTATION}"
        found.append(forbidden(path, "may not specify mount options for this volume type"))
    return found


def _validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    after, before = new["spec"], old["spec"]
    # Upstream does it twice, which the causes of a Status show.
    found = _validate(new, context) + spec_errors(after, new["metadata"].get("name", ""))
    found += _source_update_errors(after, before)
    if after.get("volumeMode") != before.get("volumeMode"):
        found.append(invalid("volumeMode", after.get("volumeMode"), IMMUTABLE))
    if before.get("nodeAffinity") is not None:
        found += _affinity_update_errors(after.get("nodeAffinity"), before["nodeAffinity"])
    given, had = after.get("volumeAttributesClassName"), before.get("volumeAttributesClassName")
    if had is not None and given is None:
        detail = "update from non-nil value to nil is forbidden"
        found.append(forbidden("spec.volumeAttributesClassName", detail))
    return found


def _source_update_errors(after: Object, before: Object) -> list[FieldError]:
    new, old = (
        {kind: spec[kind] for kind in KINDS if spec.get(kind) is not None} for spec in (after, before)
    )
    secret = "controllerExpandSecretRef"
    if "csi" in new and "csi" in old and old["csi"].get(secret) is None:
        new["csi"] = {key: value for key, value in new["csi"].items() if key != secret}
    if new == old:
        return []
    from sampan.kube.kinds.structs import difference

    text = difference("PersistentVolumeSource", old, new)
    path = "spec.persistentvolumesource"
    return [forbidden(path, f"spec.persistentvolumesource is immutable after creation\n{text}")]


def _affinity_update_errors(new: Object | None, old: Object) -> list[FieldError]:
    if new == old or (new is not None and new == _with_new_names(old, new)):
        return []
    from sampan.kube.kinds.structs import shown

    return [invalid("nodeAffinity", shown("VolumeNodeAffinity", new), IMMUTABLE)]


def _with_new_names(old: Object, new: Object) -> Object:
    """The old affinity, but that labels may have their new names where the new affinity has them."""
    renamed = copied(old)
    terms, others = (((one.get("required") or {}).get("nodeSelectorTerms") or ()) for one in (renamed, new))
    for term, other in zip(terms, others, strict=False):
        pairs = zip(term.get("matchExpressions") or (), other.get("matchExpressions") or (), strict=False)
        for expression, wanted in pairs:
            if _RENAMED.get(expression.get("key", "")) == wanted.get("key", ""):
                expression["key"] = wanted["key"]
    return renamed


def _validate_status(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    return [] if new["metadata"].get("resourceVersion") else [required("resourceVersion")]


def _warnings(new: Object, _old: Object | None, _context: Context) -> list[str]:
    found = class_warning(new)
    if _MOUNT_ANNOTATION in annotations_of(new):
        found.append(_deprecated(_MOUNT_ANNOTATION, "v1.31", "mountOptions"))
    if new["spec"].get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
            "recommended approach is to use dynamic provisioning."
        )
    return found + _affinity_warnings(new["spec"]) + source_warnings(new["spec"])


def class_warning(value: Object) -> list[str]:
    """Of a volume, or a claim."""
    old = volumes.CLASS in annotations_of(value)
    return [_deprecated(volumes.CLASS, "v1.8", "storageClassName")] if old else []


def _deprecated(name: str, version: str, field: str) -> str:
    return f'metadata.annotations[{name}]: deprecated since {version}; use "{field}" attribute instead'


def _affinity_warnings(spec: Object) -> list[str]:
    required = (spec.get("nodeAffinity") or {}).get("required") or {}
    return [
        f"spec.nodeAffinity.required.nodeSelectorTerms[{at}].matchExpressions[{number}].key: "
        f"{expression['key']} is deprecated since v{'1.14' if '/os' in new or '/arch' in new else '1.17'}; "
        f'use "{new}" instead'
        for at, term in enumerate(required.get("nodeSelectorTerms") or ())
        for number, expression in enumerate(term.get("matchExpressions") or ())
        if (new := _RENAMED.get(expression.get("key", "")))
    ]


def access_modes_cell(modes: list[str] | None) -> str:
    """ "RWO,ROX": each once, in this order."""
    return ",".join(short for mode, short in ACCESS_MODES.items() if mode in (modes or ()))


def class_cell(value: Object) -> str:
    """The storage class, by the annotation of old or the field."""
    annotations = value["metadata"].get("annotations") or {}
    return str(annotations.get(volumes.CLASS, (value.get("spec") or {}).get("storageClassName") or ""))


def _cells(value: Object, now: float) -> list[object]:
    spec, status = value.get("spec") or {}, value.get("status") or {}
    claim = spec.get("claimRef")
    return [
        (spec.get("capacity") or {}).get("storage", "0"),
        access_modes_cell(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if value["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim is not None else "",
        class_cell(value),
        spec.get("volumeAttributesClassName", "<unset>"),
        status.get("reason", ""),
        age_of(value, now),
        spec.get("volumeMode", "<unset>"),
    ]


RESOURCE = Resource(
    kind="PersistentVolume",
    plural="persistentvolumes",
    namespaced=False,
    short_names=("pv",),
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=_validate_update,
    warnings=_warnings,
    subresources=(Subresource("status", prepare_update=_prepare_status, validate_update=_validate_status),),
    reset_fields={"": ("status",), "status": ("spec",)},
    deletion_returns_object=True,
    empty={"spec": {}, "status": {}},
    columns=(
        Column("Capacity", describe="spec.capacity"),
        Column("Access Modes", describe="spec.accessModes"),
        Column("Reclaim Policy", describe="spec.persistentVolumeReclaimPolicy"),
        Column("Status", describe="status.phase"),
        Column("Claim", describe="spec.claimRef"),
        Column("StorageClass", description="StorageClass of the pv"),
        Column("VolumeAttributesClass", description="VolumeAttributesClass of the pv"),
        Column("Reason", describe="status.reason"),
        AGE,
        Column("VolumeMode", describe="spec.volumeMode", priority=1),
    ),
    cells=_cells,
)
