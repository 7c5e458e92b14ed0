"""What is to happen next to a claim, or to a volume. Pure; Kubernetes' persistentvolume controller."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.controllers.events import Event
from sampan.kube.controllers.volumes import matching
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.objects import annotations_of
from sampan.specs.kubernetes.volumes import BIND_COMPLETED, SELECTED_NODE, belongs, class_of

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
MIGRATED_TO = "pv.kubernetes.io/migrated-to"
IN_TREE = "kubernetes.io/"
_RECLAIMED = ("Released", "Failed")
_DELETABLE = re.compile(r"/tmp/.+")


@dataclass(frozen=True)
class ClaimStep:
    """At most one of a class to be given, a volume to bind, a provisioner to be asked; else the phase."""

    phase: str = ""
    event: Event | None = None
    class_name: str = ""
    bind: Object | None = None
    provisioner: str = ""


def claim_step(
    claim: Object, volumes: Mapping[str, Object], classes: Mapping[str, Object], pods: Sequence[str]
) -> ClaimStep:
    """`pods`: the names of pods that use the claim and have no node yet."""
    name = (claim.get("spec") or {}).get("volumeName") or ""
    if BIND_COMPLETED in annotations_of(claim):
        return _bound(claim, name, volumes.get(name))
    return _named(claim, volumes.get(name)) if name else _unbound(claim, volumes, classes, pods)


def _bound(claim: Object, name: str, volume: Object | None) -> ClaimStep:
    if not name:
        why = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
        return ClaimStep("Lost", Event(WARNING, "ClaimLost", why))
    if volume is None:
        why = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        return ClaimStep("Lost", Event(WARNING, "ClaimLost", why))
    said = volume["spec"].get("claimRef")
    if not said or said.get("uid") == claim["metadata"]["uid"]:
        return ClaimStep(bind=volume)
    why = "Two claims are bound to the same volume, this one is bound incorrectly"
    return ClaimStep("Lost", Event(WARNING, "ClaimMisbound", why))


def _named(claim: Object, volume: Object | None) -> ClaimStep:
    """A claim that asks for one volume."""
    if volume is None:
        return ClaimStep("Pending")
    name = quote(volume["metadata"]["name"])
    if not volume["spec"].get("claimRef"):
        why = matching.mismatch(volume, claim)
        if not why:
            return ClaimStep(bind=volume)
        message = f"Cannot bind to requested volume {name}: {why}"
        return ClaimStep("Pending", Event(WARNING, "VolumeMismatch", message))
    if belongs(volume, claim):
        return ClaimStep(bind=volume)
    message = f"volume {name} already bound to a different claim."
    return ClaimStep("Pending", Event(WARNING, "FailedBinding", message))


def _unbound(
    claim: Object, volumes: Mapping[str, Object], classes: Mapping[str, Object], pods: Sequence[str]
) -> ClaimStep:
    waits = matching.waits_for_a_pod(claim, classes)
    found = matching.best(volumes.values(), claim, waits=waits)
    if found is not None:
        return ClaimStep(bind=found)
    if not matching.has_class(claim) and (default := matching.default_class(classes.values())) is not None:
        return ClaimStep(class_name=default["metadata"]["name"])
    if waits and SELECTED_NODE not in annotations_of(claim):
        return ClaimStep("Pending", _waiting(pods))
    if class_of(claim):
        return _provisioned(class_of(claim), classes)
    why = "no persistent volumes available for this claim and no storage class is set"
    return ClaimStep("Pending", Event(NORMAL, "FailedBinding", why))


def _waiting(pods: Sequence[str]) -> Event:
    if not pods:
        why = "waiting for first consumer to be created before binding"
        return Event(NORMAL, "WaitForFirstConsumer", why)
    some = f"pods {','.join(pods)}" if len(pods) > 1 else f"pod {pods[0]}"
    return Event(NORMAL, "WaitForPodScheduled", f"waiting for {some} to be scheduled")


def _provisioned(name: str, classes: Mapping[str, Object]) -> ClaimStep:
    found = classes.get(name)
    if found is None:
        why = f"storageclass.storage.k8s.io {quote(name)} not found"
        return ClaimStep("Pending", Event(WARNING, "ProvisioningFailed", why))
    provisioner = found.get("provisioner", "")
    if provisioner.startswith(IN_TREE):
        why = f"no volume plugin matched name: {provisioner}"
        return ClaimStep("Pending", Event(WARNING, "ProvisioningFailed", why))
    why = (
        "Waiting for a volume to be created either by the external provisioner "
        f"'{provisioner}' or manually by the system administrator. If volume creation is delayed, "
        "please verify that the provisioner is running and correctly registered."
    )
    return ClaimStep("Pending", Event(NORMAL, "ExternalProvisioning", why), provisioner=provisioner)


@dataclass(frozen=True)
class VolumeStep:
    phase: str = ""
    unbind: bool = False
    reclaim: bool = False
    look_at_claim: bool = False
    mismatch: bool = False  # who made the volume and the claim for each other is to hear that they do not fit


def volume_step(volume: Object, claim: Object | None) -> VolumeStep:
    """`claim`: the very one that the volume is for; None: there is none (any more)."""
    said, name = volume["spec"].get("claimRef"), volume["metadata"]["name"]
    if not said or not said.get("uid"):
        return VolumeStep("Available")
    released = "" if (volume.get("status") or {}).get("phase") in _RECLAIMED else "Released"
    if claim is None:
        return VolumeStep(released, reclaim=True)
    of_claim = (claim.get("spec") or {}).get("volumeName") or ""
    if not of_claim:
        fits = matching.same_mode(volume, claim)
        return VolumeStep(look_at_claim=fits, mismatch=not fits)
    if of_claim == name:
        return VolumeStep("Bound")
    if PROVISIONED_BY in annotations_of(volume) and policy_of(volume) == "Delete":
        return VolumeStep(released, reclaim=True)  # it was made for the claim, which has another
    return VolumeStep("Available", unbind=True)


def policy_of(volume: Object) -> str:
    return str(volume["spec"].get("persistentVolumeReclaimPolicy") or "Retain")


@dataclass(frozen=True)
class Reclaiming:
    """What becomes of a volume that nobody claims: a failure, a directory to be deleted, or nothing by us."""

    event: Event | None = None
    directory: str = ""
    waits_for: str = ""


def reclaiming(volume: Object) -> Reclaiming:
    policy = policy_of(volume)
    if annotations_of(volume).get(MIGRATED_TO):
        return Reclaiming(waits_for=annotations_of(volume)[MIGRATED_TO])
    if policy == "Retain":
        return Reclaiming(waits_for="somebody who deletes it, or its claimRef")
    if policy == "Recycle":
        why = "No recycler plugin found for the volume!"
        return Reclaiming(Event(WARNING, "VolumeFailedRecycle", why))
    if policy != "Delete":
        why = "Volume has an unrecognized reclaim policy"
        return Reclaiming(Event(WARNING, "VolumeUnknownReclaimPolicy", why))
    return _deleting(volume)


def _deleting(volume: Object) -> Reclaiming:
    provisioner = annotations_of(volume).get(PROVISIONED_BY, "")
    if provisioner and not provisioner.startswith(IN_TREE):
        return Reclaiming(waits_for=provisioner)
    path = (volume["spec"].get("hostPath") or {}).get("path", "")
    if provisioner:
        return _undeletable(volume, f"no volume plugin matched name: {provisioner}")
    if "nfs" in volume["spec"]:
        return _undeletable(volume, "no deletable volume plugin matched")
    if not path:
        return _undeletable(volume, "no volume plugin matched")
    if not _DELETABLE.fullmatch(path) or ".." in path.split("/"):
        why = f"host_path deleter only supports /tmp/.+ but received provided {path}"
        return Reclaiming(Event(WARNING, "VolumeFailedDelete", why))
    return Reclaiming(directory=path)


def _undeletable(volume: Object, why: str) -> Reclaiming:
    name = quote(volume["metadata"]["name"])
    message = f"error getting deleter volume plugin for volume {name}: {why}"
    return Reclaiming(Event(WARNING, "VolumeFailedDelete", message))
