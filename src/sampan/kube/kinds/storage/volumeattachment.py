"""VolumeAttachment. k8s.io/kubernetes/pkg/apis/storage/validation, pkg/registry/storage/volumeattachment"""

from typing import Any

from sampan.kube.kinds import statuses, structs
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.core.amounts import round_amounts
from sampan.kube.kinds.core.persistentvolume import access_modes_errors, attributes_class_errors
from sampan.kube.kinds.core.volumesources import default_sources, sources_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.storage.parameters import SIZE, driver_name_errors
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required, too_long

MESSAGE_LENGTH = 1024
_INLINE = "in the context of inline volumes"
_SOURCE = "spec.source"
_ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def default(value: Object) -> None:
    inline = (value["spec"].get("source") or {}).get("inlineVolumeSpec")
    if inline is not None:
        default_sources(inline)
        round_amounts(inline.get("capacity"))


def validate(new: Object, _context: Context) -> list[FieldError]:
    spec = new["spec"]
    # What is said of new objects alone repeats some of what is said of all.
    found = _errors(new) + driver_name_errors(spec.get("attacher", ""), "spec.attacher")
    volume = (spec.get("source") or {}).get("persistentVolumeName")
    if volume is not None:
        path = f"{_SOURCE}.persistentVolumeName"
        found += [invalid(path, volume, message) for message in names.dns1123_subdomain(volume)]
    return found


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    found = _errors(new) * 2
    if new["spec"] != old["spec"]:
        shown = structs.shown("VolumeAttachmentSpec", new["spec"])
        found.append(invalid("spec", shown, "field is immutable"))
    return found


def _errors(new: Object) -> list[FieldError]:
    spec = new["spec"]
    found = [] if spec.get("attacher") else [required("spec.attacher")]
    found += _source_errors(spec.get("source") or {})
    node = spec.get("nodeName", "")
    found += [invalid("spec.nodeName", node, message) for message in names.dns1123_subdomain(node)]
    return found + _status_errors(new.get("status") or {}, "status")


def _source_errors(source: Object) -> list[FieldError]:
    name, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    if name is None and inline is None:
        return [required(_SOURCE, _ONE_SOURCE)]
    if name is not None and inline is not None:
        return [forbidden(_SOURCE, _ONE_SOURCE)]
    if name == "":
        return [required(f"{_SOURCE}.persistentVolumeName", "must specify non empty persistentVolumeName")]
    return [] if inline is None else _inline_errors(inline, f"{_SOURCE}.inlineVolumeSpec")


def _inline_errors(spec: Object, path: str) -> list[FieldError]:
    """ValidatePersistentVolumeSpec of a volume that is no PersistentVolume of its own."""
    nowhere = f"may not be specified {_INLINE}"
    found = [] if spec.get("claimRef") is None else [forbidden(f"{path}.claimRef", nowhere)]
    found += [forbidden(f"{path}.capacity", nowhere)] if spec.get("capacity") else []
    if spec.get("csi") is None:
        found.append(required(f"{path}.csi", f"has to be specified {_INLINE}"))
    modes = spec.get("accessModes") or []
    found += [] if modes else [required(f"{path}.accessModes")]
    found += access_modes_errors(modes, f"{path}.accessModes")
    if spec.get("persistentVolumeReclaimPolicy") not in (None, "", "Retain"):
        found.append(forbidden(f"{path}.persistentVolumeReclaimPolicy", f"may only be Retain {_INLINE}"))
    if spec.get("nodeAffinity") is not None:
        found.append(forbidden(f"{path}.nodeAffinity", nowhere))
    found += sources_errors(spec, "", path)
    if spec.get("storageClassName"):
        found.append(forbidden(f"{path}.storageClassName", nowhere))
    if spec.get("volumeMode") not in (None, "Filesystem"):
        detail = f"may not specify volumeMode other than Filesystem {_INLINE}"
        found.append(forbidden(f"{path}.volumeMode", detail))
    return found + attributes_class_errors(spec, path)


def _status_errors(status: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    metadata = status.get("attachmentMetadata") or {}
    if sum(names.size(key) + names.size(value) for key, value in metadata.items()) > SIZE:
        found.append(too_long(f"{path}.attachmentMetadata", SIZE))
    for field in ("attachError", "detachError"):
        error = status.get(field) or {}
        if names.size(error.get("message", "")) > MESSAGE_LENGTH:
            # The limit that is told is not the one that is enforced.
            found.append(too_long(f"{path}.{field}.message", SIZE))
        if (code := error.get("errorCode")) is not None and code < 0:
            found.append(invalid(f"{path}.{field}.errorCode", code, names.range_error(0, 2**31 - 1)))
    return found


def cells(new: Object, now: float) -> list[Any]:
    spec = new["spec"]
    return [
        spec.get("attacher", ""),
        (spec.get("source") or {}).get("persistentVolumeName") or "",
        spec.get("nodeName", ""),
        (new.get("status") or {}).get("attached", False),
        age(new["metadata"].get("creationTimestamp"), now),
    ]


RESOURCE = Resource(
    "VolumeAttachment",
    "volumeattachments",
    group="storage.k8s.io",
    namespaced=False,
    subresources=(statuses.status_of(validate_update),),
    default=default,
    prepare_create=statuses.cleared({"attached": False}),
    prepare_update=statuses.kept,
    validate=validate,
    validate_update=validate_update,
    reset_fields=statuses.RESET,
    unconditional_update=False,
    deletion_returns_object=True,
    columns=(
        Column("Attacher", format="name", describe="spec.attacher"),
        Column("PV", describe="spec.source.persistentVolumeName"),
        Column("Node", describe="spec.nodeName"),
        Column("Attached", type="boolean", describe="status.attached"),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
