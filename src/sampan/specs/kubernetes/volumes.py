"""PersistentVolumes and the claims to them: what belongs together, and what could. Pure.

Kubernetes: k8s.io/component-helpers/storage/volume.
"""

from sampan.errors import Invalid
from sampan.specs.kubernetes import labelselector, quantity
from sampan.specs.kubernetes.labels import NOTHING, from_object
from sampan.specs.kubernetes.objects import annotations_of, labels_of
from sampan.specs.kubernetes.podamounts import ZERO
from sampan.specs.kubernetes.quantity import Quantity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    Object = dict[str, Any]

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
CLASS = "volume.beta.kubernetes.io/storage-class"  # what the field was before it was one
NO_PROVISIONER = "kubernetes.io/no-provisioner"
WAITS = "WaitForFirstConsumer"
ONE_POD = "ReadWriteOncePod"
ZONES = "__"  # between the zones of a volume's label


def class_of(value: "Object") -> str:
    """Of a volume or a claim; "" for none."""
    return str(annotations_of(value).get(CLASS) or (value.get("spec") or {}).get("storageClassName") or "")


def is_bound(claim: "Object") -> bool:
    """Has the controller done all it has to do about it?"""
    return bool((claim.get("spec") or {}).get("volumeName")) and BIND_COMPLETED in annotations_of(claim)


def belongs(volume: "Object", claim: "Object") -> bool:
    """Does the volume say that it is this claim's? Without a uid: whoever has the name."""
    said, metadata = (volume.get("spec") or {}).get("claimRef"), claim["metadata"]
    if not said or said.get("name") != metadata["name"] or said.get("namespace") != metadata.get("namespace"):
        return False
    return not said.get("uid") or said["uid"] == metadata.get("uid")


def size_of(volume: "Object") -> Quantity:
    """What a volume has room for; nothing if it does not say."""
    return _storage((volume.get("spec") or {}).get("capacity"))


def wanted_size(claim: "Object") -> Quantity:
    """What a claim asks for; nothing if it does not say."""
    return _storage(((claim.get("spec") or {}).get("resources") or {}).get("requests"))


def _storage(amounts: "Mapping[str, str] | None") -> Quantity:
    try:
        return quantity.parse((amounts or {}).get("storage") or "0")
    except Invalid:
        return ZERO


def could_be(volume: "Object", claim: "Object") -> bool:
    """Is it large enough and of the right kind, and nobody else's? Where it is, is another matter."""
    of, wanted = volume.get("spec") or {}, claim.get("spec") or {}
    if of.get("claimRef") and not belongs(volume, claim):
        return False
    return (
        size_of(volume) >= wanted_size(claim)
        and (of.get("volumeMode") or "Filesystem") == (wanted.get("volumeMode") or "Filesystem")
        and (of.get("volumeAttributesClassName") or "") == (wanted.get("volumeAttributesClassName") or "")
        and volume["metadata"].get("deletionTimestamp") is None
    )


def offers(volume: "Object", claim: "Object") -> bool:
    """Could it be taken for the claim, which it was not kept for?"""
    of, wanted = volume.get("spec") or {}, claim.get("spec") or {}
    selector = wanted.get("selector")
    if selector is not None:
        chosen = from_object(selector) if labelselector.can_select(selector) else NOTHING
        if not chosen.matches(labels_of(volume)):
            return False
    return (
        could_be(volume, claim)
        and not of.get("claimRef")
        and (volume.get("status") or {}).get("phase") == "Available"
        and class_of(volume) == class_of(claim)
        and set(wanted.get("accessModes") or ()) <= set(of.get("accessModes") or ())
    )


def by_size(volumes: "Iterable[Object]") -> "list[Object]":
    """The smallest first; by name where there is no other difference."""
    return sorted(sorted(volumes, key=lambda one: str(one["metadata"]["name"])), key=size_of)


def annotated(value: "Object", **more: str) -> "Object":
    """With these annotations more."""
    metadata = {**value["metadata"], "annotations": {**annotations_of(value), **more}}
    return {**value, "metadata": metadata}


def bound_volume(volume: "Object", claim: "Object") -> "Object":
    """The volume says whose it is."""
    of, said = claim["metadata"], volume["spec"].get("claimRef") or {}
    new = volume
    if (said.get("namespace"), said.get("name"), said.get("uid")) != (of["namespace"], of["name"], of["uid"]):
        new = {**volume, "spec": {**volume["spec"], "claimRef": _reference(claim)}}
    if not belongs(volume, claim) and BY_CONTROLLER not in annotations_of(volume):
        new = annotated(new, **{BY_CONTROLLER: "yes"})
    return new


def _reference(claim: "Object") -> "Object":
    metadata = claim["metadata"]
    return {
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": "v1",
        "resourceVersion": metadata["resourceVersion"],
    }
