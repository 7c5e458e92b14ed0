"""PersistentVolumeClaims; pkg/apis/core/validation, pkg/registry/core/persistentvolumeclaim, pkg/printers."""

from sampan.kube.kinds.ages import AGE, age_of
from sampan.kube.kinds.core.amounts import basic_errors, round_amounts
from sampan.kube.kinds.core.persistentvolume import access_modes_cell, class_cell, class_warning
from sampan.kube.kinds.core.podspec.claimtemplates import claim_spec_errors
from sampan.kube.kinds.core.podspec.resourcenames import is_native
from sampan.kube.kinds.core.podspec.resources import amount_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource, Subresource
from sampan.specs.kubernetes import names, volumes
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required
from sampan.specs.kubernetes.object_meta import IMMUTABLE
from sampan.specs.kubernetes.quantity import Quantity, parse

_SOURCES = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))
_RESIZES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)
_CHANGED = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName "
    "for bound claims"
)
_STORAGE = "spec.resources.requests.storage"


def _default(value: Object) -> None:
    spec, status = value.get("spec") or {}, value.get("status") or {}
    value["spec"], value["status"] = spec, status
    if not status.get("phase"):
        status["phase"] = "Pending"
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    resources = spec.get("resources") or {}
    round_amounts(resources.get("limits"), resources.get("requests"))
    round_amounts(status.get("capacity"), status.get("allocatedResources"))


def _prepare_create(new: Object, _context: Context) -> None:
    new["status"] = {"phase": "Pending"}
    _pair_sources(new["spec"], None)


def _prepare_update(new: Object, old: Object, _context: Context) -> None:
    new["status"] = old.get("status", {})
    _pair_sources(new["spec"], old["spec"])


def _prepare_status(new: Object, old: Object, _context: Context) -> None:
    new["spec"] = old["spec"]


def _pair_sources(spec: Object, old: Object | None) -> None:
    """dataSource came first and takes claims and snapshots only; either stands for the other."""
    source = spec.get("dataSource")
    kept = old is not None and old.get("dataSource") is not None
    known = source is None or (source.get("apiGroup") or "", source.get("kind", "")) in _SOURCES
    if not kept and not known:
        source = None
        del spec["dataSource"]
    ref = spec.get("dataSourceRef")
    if source is not None and ref is None:
        spec["dataSourceRef"] = dict(source)
    elif ref is not None and source is None and not ref.get("namespace"):
        spec["dataSource"] = {key: value for key, value in ref.items() if key != "namespace"}


def _validate(value: Object, _context: Context) -> list[FieldError]:
    return claim_spec_errors(value["spec"], "spec")


def _requested(spec: Object) -> Quantity:
    text = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return parse(text) if text is not None else Quantity(0)


def _validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    after, before = new["spec"], old["spec"]
    found = claim_spec_errors(after, "spec") * 2  # upstream does it twice, which the causes show
    found += _annotation_errors(new, old)
    found += _changed_errors(new, old)
    capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage")
    if _requested(after) < _requested(before) and (
        _requested(after) <= (parse(capacity) if capacity is not None else Quantity(0))
    ):
        found.append(forbidden(_STORAGE, "field can not be less than status.capacity"))
    if after.get("volumeMode") != before.get("volumeMode"):
        found.append(invalid("volumeMode", after.get("volumeMode"), IMMUTABLE))
    given, had = after.get("volumeAttributesClassName"), before.get("volumeAttributesClassName")
    if had is not None and not given and given != had:
        what = "nil" if given is None else "an empty string"
        detail = f"update from non-nil value to {what} is forbidden"
        found.append(forbidden("spec.volumeAttributesClassName", detail))
    return found


def _class_of_annotation(value: Object) -> str | None:
    found: str | None = (value["metadata"].get("annotations") or {}).get(volumes.CLASS)
    return found


def _moves_from_annotation(new: Object, old: Object) -> bool:
    """The class may move from the annotation of old into the field."""
    had, has = _class_of_annotation(old), _class_of_annotation(new)
    return (
        had is not None
        and old["spec"].get("storageClassName") is None
        and new["spec"].get("storageClassName") == had
        and has in (None, had)
    )


def _annotation_errors(new: Object, old: Object) -> list[FieldError]:
    had, has = _class_of_annotation(old) or "", _class_of_annotation(new) or ""
    if had == has or _moves_from_annotation(new, old):
        return []
    return [invalid(f"metadata.annotations.{volumes.CLASS}", has, IMMUTABLE)]


def _changed_errors(new: Object, old: Object) -> list[FieldError]:
    after, before = dict(new["spec"]), dict(old["spec"])
    if not before.get("volumeName") and after.get("volumeName"):
        before["volumeName"] = after["volumeName"]
    given, had = after.get("storageClassName"), before.get("storageClassName")
    is_first = given is not None and had is None and _class_of_annotation(old) in (None, given)
    if is_first or _moves_from_annotation(new, old):
        del after["storageClassName"]
    if (new.get("status") or {}).get("phase") == "Bound":
        _allow_growth(after, before)
    if after == before:
        return []
    from sampan.kube.kinds.structs import difference

    text = difference("PersistentVolumeClaimSpec", before, after)
    return [forbidden("spec", f"{_CHANGED}\n{text}")]


def _allow_growth(after: Object, before: Object) -> None:
    """What is bound may be resized, and get another class of attributes."""
    resources = after.get("resources") or {}
    if resources.get("requests"):
        had = ((before.get("resources") or {}).get("requests") or {}).get("storage", "0")
        after["resources"] = resources | {"requests": resources["requests"] | {"storage": had}}
    if after.get("volumeAttributesClassName") is not None:
        after["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
        if after["volumeAttributesClassName"] is None:
            del after["volumeAttributesClassName"]


def _validate_status(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    status = new.get("status") or {}
    found = [] if new["metadata"].get("resourceVersion") else [required("resourceVersion")]
    if not new["spec"].get("accessModes"):
        found.append(required("Spec.accessModes"))
    for name, amount in (status.get("capacity") or {}).items():
        found += basic_errors(amount, f"status.capacity[{name}]")
    path = "status.allocatedResourceStatus"
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        found += _key_errors(name, path)
        if state not in _RESIZES:
            found.append(not_supported(path, name, sorted(_RESIZES)))
    path = "status.allocatedResources"
    for name, amount in (status.get("allocatedResources") or {}).items():
        where = f"{path}[{name}]"
        found += (
            _key_errors(name, path) or basic_errors(amount, where) or amount_errors("storage", amount, where)
        )
    return found


def _key_errors(name: str, path: str) -> list[FieldError]:
    if messages := names.qualified_name(name):
        return [invalid(path, name, message) for message in messages]
    if is_native(name) and name != "storage":
        return [not_supported(path, name, ("storage",))]
    return []


def _warnings(new: Object, _old: Object | None, _context: Context) -> list[str]:
    found = class_warning(new)
    requested = _requested(new["spec"])
    if requested.milli_value() % 1000:
        where = "spec.resources.requests[storage]"
        found.append(f'{where}: fractional byte value "{requested}" is invalid, must be an integer')
    return found


def _cells(value: Object, now: float) -> list[object]:
    spec, status = value.get("spec") or {}, value.get("status") or {}
    volume = spec.get("volumeName", "")
    capacity = (status.get("capacity") or {}).get("storage", "0") if volume else ""
    return [
        "Terminating" if value["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        volume,
        capacity,
        access_modes_cell(status.get("accessModes")) if volume else "",
        class_cell(value),
        spec.get("volumeAttributesClassName", "<unset>"),
        age_of(value, now),
        spec.get("volumeMode", "<unset>"),
    ]


RESOURCE = Resource(
    kind="PersistentVolumeClaim",
    plural="persistentvolumeclaims",
    short_names=("pvc",),
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=_validate_update,
    warnings=_warnings,
    subresources=(Subresource("status", prepare_update=_prepare_status, validate_update=_validate_status),),
    reset_fields={"": ("status",), "status": ("spec",)},
    deletion_returns_object=True,
    empty={"spec": {"resources": {}}, "status": {}},
    columns=(
        Column("Status", describe="status.phase"),
        Column("Volume", describe="spec.volumeName"),
        Column("Capacity", describe="status.capacity"),
        Column("Access Modes", describe="status.accessModes"),
        Column("StorageClass", description="StorageClass of the pvc"),
        Column("VolumeAttributesClass", description="VolumeAttributesClass of the pvc"),
        AGE,
        Column("VolumeMode", describe="spec.volumeMode", priority=1),
    ),
    cells=_cells,
)
