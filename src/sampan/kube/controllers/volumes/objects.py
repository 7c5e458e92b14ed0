"""Volumes and claims as they are written when they are bound, and when they part. Pure.

A function returns its object where nothing is to be changed.
"""

from typing import Any

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.objects import annotations_of
from sampan.specs.kubernetes.quantity import Quantity
from sampan.specs.kubernetes.volumes import BIND_COMPLETED, BY_CONTROLLER, annotated, size_of

PROVISIONERS = ("volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner")


def bound_claim(claim: Object, volume: Object) -> Object:
    """The claim says which is its, and that all is done."""
    name, more = volume["metadata"]["name"], dict[str, str]()
    new = claim
    if claim["spec"].get("volumeName") != name:
        new = {**claim, "spec": {**claim["spec"], "volumeName": name}}
        more[BY_CONTROLLER] = "yes"
    if BIND_COMPLETED not in annotations_of(claim):
        more[BIND_COMPLETED] = "yes"
    fresh = {key: text for key, text in more.items() if key not in annotations_of(claim)}
    return annotated(new, **fresh) if fresh else new


def unbound_volume(volume: Object) -> Object:
    """As it was before: free, or kept for a claim by its name."""
    spec, metadata = dict(volume["spec"]), dict(volume["metadata"])
    if BY_CONTROLLER in annotations_of(volume):
        spec.pop("claimRef", None)
        rest = {key: text for key, text in annotations_of(volume).items() if key != BY_CONTROLLER}
        metadata.pop("annotations")
        metadata.update({"annotations": rest} if rest else {})
    else:
        spec["claimRef"] = {key: one for key, one in spec["claimRef"].items() if key != "uid"}
    return {**volume, "metadata": metadata, "spec": spec}


def asking(claim: Object, provisioner: str) -> Object:
    """The claim tells its provisioner to make a volume."""
    if all(annotations_of(claim).get(name) == provisioner for name in PROVISIONERS):
        return claim
    return annotated(claim, **dict.fromkeys(PROVISIONERS, provisioner))


def claim_status(claim: Object, phase: str, volume: Object | None) -> Object:
    """What a claim has got; None: nothing."""
    status: dict[str, Any] = dict(claim.get("status") or {})
    becomes = status.get("phase") != phase
    status["phase"] = phase
    if volume is None:
        for name in ("accessModes", "capacity", "currentVolumeAttributesClassName"):
            status.pop(name, None)
        return status
    status["accessModes"] = volume["spec"].get("accessModes") or []
    if becomes:
        if _size(status) != size_of(volume):
            status["capacity"] = volume["spec"].get("capacity") or {}
        if volume["spec"].get("volumeAttributesClassName"):
            status["currentVolumeAttributesClassName"] = volume["spec"]["volumeAttributesClassName"]
    return status


def _size(status: Object) -> Quantity | None:
    """None of a claim that has nothing yet."""
    if "storage" not in (status.get("capacity") or {}):
        return None
    return size_of({"spec": {"capacity": status["capacity"]}})
