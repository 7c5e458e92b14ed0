"""What happens in a cluster that could make room for a pod, as changes of objects tell it: ClusterEvents."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.podinfo import PodInfo, pod_info
from sampan.specs.kubernetes import podamounts

NODE_ADD, NODE_DELETE = "Node/Add", "Node/Delete"
NODE_ALLOCATABLE, NODE_LABEL, NODE_TAINT = "Node/Allocatable", "Node/Label", "Node/Taint"
NODE_CONDITION, NODE_ANNOTATION = "Node/Condition", "Node/Annotation"
# Of pods that are on a node.
POD_ADD, POD_DELETE, POD_LABEL, POD_SCALE_DOWN = "Pod/Add", "Pod/Delete", "Pod/Label", "Pod/ScaleDown"
# Of the pod that waits itself.
OWN_LABEL, OWN_SCALE_DOWN = "Own/Label", "Own/ScaleDown"
OWN_TOLERATION, OWN_GATES, OWN_CLAIMS = "Own/Toleration", "Own/Gates", "Own/Claims"
CLAIM_ADD, CLAIM_UPDATE = "PersistentVolumeClaim/Add", "PersistentVolumeClaim/Update"
VOLUME_ADD, VOLUME_UPDATE = "PersistentVolume/Add", "PersistentVolume/Update"
CLASS_ADD, CLASS_UPDATE = "StorageClass/Add", "StorageClass/Update"
CSI_NODE_ADD, CSI_NODE_UPDATE = "CSINode/Add", "CSINode/Update"
CSI_DRIVER_ADD, CSI_DRIVER_UPDATE = "CSIDriver/Add", "CSIDriver/Update"
CAPACITY_ADD, CAPACITY_UPDATE = "CSIStorageCapacity/Add", "CSIStorageCapacity/Update"
ATTACHMENT_DELETE = "VolumeAttachment/Delete"
RESOURCE_CLAIM_ADD, RESOURCE_CLAIM_UPDATE = "ResourceClaim/Add", "ResourceClaim/Update"
RESOURCE_CLAIM_DELETE = "ResourceClaim/Delete"
DEVICE_CLASS_ADD, DEVICE_CLASS_UPDATE = "DeviceClass/Add", "DeviceClass/Update"
SLICE_ADD, SLICE_UPDATE = "ResourceSlice/Add", "ResourceSlice/Update"


@dataclass(frozen=True)
class Happening:
    """`old` is what an object was before, or last; `new` what it is, None of one that has gone."""

    kind: str
    old: Object | None = None
    new: Object | None = None

    @cached_property
    def pods(self) -> tuple[PodInfo, ...]:
        """What it was and what it is, of a pod."""
        return tuple(pod_info(one) for one in (self.old, self.new) if one is not None)


def of(resource: str, what: str, new: Object, old: Object | None) -> Iterator[Happening]:
    """Of objects of which it does not matter what has changed; `what` as informers call it."""
    if what == "delete":
        yield Happening(f"{resource}/Delete", new, None)
    else:
        yield Happening(f"{resource}/{'Add' if what == 'add' else 'Update'}", old, new)


def of_node(what: str, new: Object, old: Object | None) -> Iterator[Happening]:
    if what == "add":
        yield Happening(NODE_ADD, None, new)
    elif what == "delete":
        yield Happening(NODE_DELETE, new, None)
    elif old is not None:
        for kind, part in _NODE_PARTS.items():
            if part(old) != part(new):
                yield Happening(kind, old, new)


def _taints(node: Object) -> Any:
    spec = node.get("spec") or {}
    return spec.get("taints"), spec.get("unschedulable", False)


def _conditions(node: Object) -> Any:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return {one.get("type"): one.get("status") for one in conditions}


_NODE_PARTS: dict[str, Callable[[Object], Any]] = {
    NODE_TAINT: _taints,
    NODE_ALLOCATABLE: lambda node: (node.get("status") or {}).get("allocatable"),
    NODE_LABEL: lambda node: node["metadata"].get("labels"),
    NODE_CONDITION: _conditions,
    NODE_ANNOTATION: lambda node: node["metadata"].get("annotations"),
}


def of_assigned_pod(what: str, new: Object, old: Object | None) -> Iterator[Happening]:
    """Of a pod that is on a node, or was."""
    if what == "delete":
        yield Happening(POD_DELETE, new, None)
    elif what == "add" or old is None:
        yield Happening(POD_ADD, None, new)
    else:
        yield from _changes(old, new, {"label": POD_LABEL, "scale": POD_SCALE_DOWN})


def of_waiting_pod(new: Object, old: Object) -> Iterator[Happening]:
    """Of a change to a pod that waits for a node."""
    yield from _changes(old, new, {"label": OWN_LABEL, "scale": OWN_SCALE_DOWN})
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if len(before.get("tolerations") or ()) != len(after.get("tolerations") or ()):
        yield Happening(OWN_TOLERATION, old, new)  # they can only be added
    if before.get("schedulingGates") and not after.get("schedulingGates"):
        yield Happening(OWN_GATES, old, new)
    if _claims(old) != _claims(new):
        yield Happening(OWN_CLAIMS, old, new)


def _claims(pod: Object) -> Any:
    return (pod.get("status") or {}).get("resourceClaimStatuses")


def _changes(old: Object, new: Object, names: Mapping[str, str]) -> Iterator[Happening]:
    if old["metadata"].get("labels") != new["metadata"].get("labels"):
        yield Happening(names["label"], old, new)
    if _resources(old) != _resources(new) and _asks_less(old, new):
        yield Happening(names["scale"], old, new)


def _resources(pod: Object) -> Any:
    """What decides how much it asks for; nearly always the same, and then nothing need be counted."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    parts = [one.get("resources") for one in spec.get("containers") or ()]
    allocated = [one.get("resources") for one in status.get("containerStatuses") or ()]
    return spec.get("resources"), parts, allocated


def _asks_less(old: Object, new: Object) -> bool:
    before = podamounts.of_pod(old.get("spec") or {}, "requests")
    after = podamounts.of_pod(new.get("spec") or {}, "requests")
    return any(after.get(name, podamounts.ZERO) < amount for name, amount in before.items())
