"""Claims and volumes: their default class, what protects them while they are used, how they may grow.

Kubernetes: plugin/pkg/admission/storage/{storageclass/setdefault,storageobjectinuseprotection,
persistentvolume/resize}.
"""

from collections.abc import Sequence

from sampan.errors import Invalid
from sampan.kube.access.admission.refusing import annotations_of, is_of, refused
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import quantity, volumes

DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
PROTECTION = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
    "volumeattributesclasses.storage.k8s.io": "kubernetes.io/vac-protection",
}


class DefaultStorageClass(Plugin):
    async def mutate(self, request: AdmissionRequest) -> None:
        claim = request.object
        if not is_of(request, "persistentvolumeclaims", "CREATE") or claim is None:
            return
        if "storageClassName" in claim["spec"] or volumes.CLASS in annotations_of(claim):
            return
        found = newest_default(request.reader.list("storageclasses.storage.k8s.io"), DEFAULT_CLASS)
        if found is not None:
            claim["spec"]["storageClassName"] = found["metadata"]["name"]


def newest_default(classes: Sequence[Object], marks: Sequence[str]) -> Object | None:
    """Of the classes that say they are the default the newest one; of several the first by name."""
    defaults = [one for one in classes if any(annotations_of(one).get(mark) == "true" for mark in marks)]
    defaults.sort(key=lambda one: one["metadata"]["name"])
    return max(defaults, key=lambda one: one["metadata"].get("creationTimestamp") or "", default=None)


class StorageObjectInUseProtection(Plugin):
    """What is used goes only when nobody uses it any more: its controllers take the finalizer off."""

    async def mutate(self, request: AdmissionRequest) -> None:
        finalizer = PROTECTION.get(request.resource.name)
        if finalizer is None or not is_of(request, request.resource.name, "CREATE"):
            return
        assert request.object is not None
        metadata = request.object["metadata"]
        finalizers = metadata.get("finalizers") or []
        if finalizer not in finalizers:
            metadata["finalizers"] = [*finalizers, finalizer]


class PersistentVolumeClaimResize(Plugin):
    async def validate(self, request: AdmissionRequest) -> None:
        if not is_of(request, "persistentvolumeclaims", "UPDATE"):
            return
        new, old = request.object, request.old
        if new is None or old is None or not _grows(new, old):
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise refused(request, "Only bound persistent volume claims can be expanded")
        name = annotations_of(new).get(volumes.CLASS) or new["spec"].get("storageClassName") or ""
        found = request.reader.get("storageclasses.storage.k8s.io", "", name) if name else None
        if not (found or {}).get("allowVolumeExpansion"):
            why = (
                "only dynamically provisioned pvc can be resized and "
                "the storageclass that provisions the pvc must support resize"
            )
            raise refused(request, why)


def _grows(new: Object, old: Object) -> bool:
    try:
        return quantity.parse(_size(new)) > quantity.parse(_size(old))
    except Invalid:
        return False


def _size(claim: Object) -> str:
    resources = (claim.get("spec") or {}).get("resources") or {}
    return (resources.get("requests") or {}).get("storage") or "0"
