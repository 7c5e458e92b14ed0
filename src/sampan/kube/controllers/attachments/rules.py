"""Which volumes are to be attached to a node, and when one may be taken off it. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes import taints
from sampan.specs.kubernetes.objects import annotations_of, is_going, is_true
from sampan.specs.kubernetes.podreferences import claims, uses_claim
from sampan.specs.kubernetes.pods import is_finished
from sampan.specs.kubernetes.volumes import belongs

# An annotation of nodes: volumes are attached by this controller, and not by the kubelet.
MANAGED = "volumes.kubernetes.io/controller-managed-attach-detach"
KEEP_FINISHED = "volumes.kubernetes.io/keep-terminated-pod-volumes"  # of nodes as well
SHARED_MODES = frozenset(("ReadWriteMany", "ReadOnlyMany"))
PATIENCE = 360.0  # seconds after which a node that is not healthy is not asked any more


@dataclass
class Wanted:
    """A volume, by its driver's name for it, on a node, and the pods there that use it."""

    driver: str
    handle: str
    node: str
    volume: Object
    pods: list[Object] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of the VolumeAttachment, as drivers know it."""
        return attachment_name(self.handle, self.driver, self.node)

    def attachment(self) -> Object:
        source = {"persistentVolumeName": self.volume["metadata"]["name"]}
        spec = {"attacher": self.driver, "nodeName": self.node, "source": source}
        return {"metadata": {"name": self.name}, "spec": spec}


def attachment_name(handle: str, driver: str, node: str) -> str:
    return f"csi-{sha256(f'{handle}{driver}{node}'.encode()).hexdigest()}"


def unique_name(driver: str, handle: str) -> str:
    """As nodes tell of it in `volumesInUse` and are told in `volumesAttached`."""
    return f"kubernetes.io/csi/{driver}^{handle}"


def csi_of(volume: Object) -> tuple[str, str] | None:
    """A PersistentVolume's driver, and its name there."""
    source = (volume.get("spec") or {}).get("csi") or {}
    driver, handle = source.get("driver"), source.get("volumeHandle")
    return (driver, handle) if driver and handle else None


def needs_attaching(driver: Object | None) -> bool:
    """Of a driver that has said nothing about itself too."""
    return ((driver or {}).get("spec") or {}).get("attachRequired") is not False


def holds(pod: Object, node: Object) -> bool:
    """Does it still use its volumes?"""
    if is_finished(pod) or (is_going(pod) and not _runs(pod)):
        return annotations_of(node).get(KEEP_FINISHED) == "true"
    return True


def _runs(pod: Object) -> bool:
    """As its kubelet told last: one that was not heard of may run."""
    told = (pod.get("status") or {}).get("containerStatuses")
    return told is None or any(
        not {"terminated", "waiting"} & (one.get("state") or {}).keys() for one in told
    )


def is_managed(node: Object) -> bool:
    return annotations_of(node).get(MANAGED) == "true"


def wanted(
    node: Object,
    pods: Iterable[Object],
    claim_of: Callable[[str], Object | None],
    volume_of: Callable[[str], Object | None],
    driver_of: Callable[[str], Object | None],
) -> dict[str, Wanted]:
    """By the attachments' names."""
    found: dict[str, Wanted] = {}
    if not is_managed(node):
        return found
    for pod in pods:
        if not holds(pod, node):
            continue
        for name in sorted(claims(pod)):
            claim = claim_of(f"{pod['metadata']['namespace']}/{name}")
            volume = volume_of((claim.get("spec") or {}).get("volumeName") or "") if claim else None
            if claim is None or volume is None or not belongs(volume, claim) or not uses_claim(pod, claim):
                continue
            source = csi_of(volume)
            if source is not None and needs_attaching(driver_of(source[0])):
                one = Wanted(*source, node["metadata"]["name"], volume)
                found.setdefault(one.name, one).pods.append(pod)
    return found


def is_exclusive(volume: Object) -> bool:
    """Must it not be attached to two nodes?"""
    modes = (volume.get("spec") or {}).get("accessModes") or ()
    return bool(modes) and not SHARED_MODES & set(modes)


def source_of(attachment: Object) -> str:
    """The PersistentVolume's name."""
    source = (attachment.get("spec") or {}).get("source") or {}
    return source.get("persistentVolumeName") or ""


def is_ours(attachment: Object, volume: Object | None) -> bool:
    """Has this controller made it? Known by its name."""
    spec, source = attachment.get("spec") or {}, csi_of(volume) if volume is not None else None
    if source is None:
        return False
    return bool(
        attachment["metadata"]["name"] == attachment_name(source[1], source[0], spec.get("nodeName", ""))
    )


def is_attached(attachment: Object) -> bool:
    return bool((attachment.get("status") or {}).get("attached"))


def attach_error(attachment: Object) -> str:
    return ((attachment.get("status") or {}).get("attachError") or {}).get("message") or ""


def may_detach(node: Object | None, name: str, since: float, now: float) -> bool:
    """`name` as nodes tell it; `since` when it is not wanted any more."""
    if node is None or name not in ((node.get("status") or {}).get("volumesInUse") or ()):
        return True
    keys = [one.get("key") for one in (node.get("spec") or {}).get("taints") or ()]
    healthy = is_true(node, "Ready")
    return taints.OUT_OF_SERVICE in keys or (not healthy and now - since > PATIENCE)


def told(attachments: Iterable[tuple[Object, Object]], leaving: Mapping[str, float]) -> list[Object]:
    """A node's `volumesAttached`, by its attachments and their volumes."""
    names = [
        unique_name(*source)
        for attachment, volume in attachments
        if is_attached(attachment) and attachment["metadata"]["name"] not in leaving
        if (source := csi_of(volume)) is not None
    ]
    return [{"name": name, "devicePath": ""} for name in sorted(names)]


def conflict(volume: Object, users: Iterable[Object], namespace: str) -> str:
    """Why a volume that another node has cannot be had here."""
    names = sorted(str(pod["metadata"]["name"]) for pod in users if pod["metadata"]["namespace"] == namespace)
    text = "Volume is already exclusively attached to one node and can't be attached to another"
    if names:
        text = f"Volume is already used by pod(s) {', '.join(names)}"
    return f'Multi-Attach error for volume "{volume["metadata"]["name"]}" {text}'
