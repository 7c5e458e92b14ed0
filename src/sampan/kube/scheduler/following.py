"""What the scheduler makes of what its caches tell it of nodes, pods, and what surrounds them."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from sampan.kube.client.decisions import Decisions
from sampan.kube.client.informer import Handler, key_of
from sampan.kube.client.requests import Object
from sampan.kube.scheduler import happenings, surroundings
from sampan.kube.scheduler.assumptions import Assumptions
from sampan.kube.scheduler.caches import Caches
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.configuration import Configured
from sampan.kube.scheduler.cycle import BY
from sampan.kube.scheduler.entries import FLYING
from sampan.kube.scheduler.happenings import Happening
from sampan.kube.scheduler.nominations import Nominations, nominated_node
from sampan.kube.scheduler.preemption import priority
from sampan.kube.scheduler.queue import Queue
from sampan.kube.scheduler.statuses import Statuses
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.pods import is_finished, node_name

log = logging.getLogger("sampan.kube")

KINDS = {
    surroundings.CLAIMS: "PersistentVolumeClaim",
    surroundings.VOLUMES: "PersistentVolume",
    surroundings.CLASSES: "StorageClass",
    surroundings.CSI_NODES: "CSINode",
    surroundings.CSI_DRIVERS: "CSIDriver",
    surroundings.CAPACITIES: "CSIStorageCapacity",
    surroundings.ATTACHMENTS: "VolumeAttachment",
    surroundings.RESOURCE_CLAIMS: "ResourceClaim",
    surroundings.DEVICE_CLASSES: "DeviceClass",
    surroundings.SLICES: "ResourceSlice",
}


@dataclass
class Follower:
    """Everything that changes with what happens."""

    cluster: Cluster
    queue: Queue
    profiles: Mapping[str, Configured]
    assumptions: Assumptions
    nominations: Nominations
    statuses: Statuses
    decisions: Decisions

    def follow(self, caches: Caches) -> None:
        """From now on; what is there already comes first."""
        caches.nodes.on_change(_guarded(self._node_changed))
        caches.pods.on_change(_guarded(self._pod_changed))
        for plural, kind in KINDS.items():
            caches.others[plural].on_change(_guarded(partial(self._other_changed, kind)))

    def _other_changed(self, kind: str, what: str, value: Object, old: Object | None) -> None:
        self._happened(happenings.of(kind, what, value, old))

    def _happened(self, several: Iterable[Happening]) -> None:
        for one in several:
            self.queue.happened(one)

    def _node_changed(self, what: str, node: Object, old: Object | None) -> None:
        if what == "delete":
            self.cluster.remove_node(node["metadata"]["name"])
        else:
            self.cluster.put_node(node)
        self._happened(happenings.of_node(what, node, old))

    def _pod_changed(self, what: str, pod: Object, old: Object | None) -> None:
        if old is not None and old["metadata"]["uid"] != pod["metadata"]["uid"]:
            self._pod_gone(old)
            old = None
        if what == "delete":
            self._pod_gone(pod)
        elif is_finished(pod):
            if old is not None and not is_finished(old):
                self._pod_gone(pod)
        elif node_name(pod):
            self._pod_placed(pod, old)
        elif self._is_ours(pod):
            self._pod_waits(pod, old)

    def _pod_gone(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        self.queue.remove(uid)
        self.statuses.forget(uid)
        self.decisions.settle(uid, BY)
        promised = self.nominations.remove(uid)
        if uid in self.assumptions:
            self.assumptions.drop(uid)
        elif node_name(pod):
            self.cluster.remove_pod(uid)
            self._happened(happenings.of_assigned_pod("delete", pod, None))
        elif promised:
            self._freed(pod)

    def _pod_placed(self, pod: Object, old: Object | None) -> None:
        uid = pod["metadata"]["uid"]
        self.cluster.put_pod(pod)
        if old is None or not node_name(old):
            self.assumptions.confirm(uid)
            self.nominations.remove(uid)
            self.queue.remove(uid)
            old = None
        self._happened(happenings.of_assigned_pod("update", pod, old))

    def _pod_waits(self, pod: Object, old: Object | None) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self.assumptions:
            if is_going(pod):
                self.assumptions.drop(uid)
            return
        entry = self.queue.get(uid)
        self.nominations.update(old, pod)
        if old is None or entry is None:
            self.queue.add(pod)
        else:
            self.queue.update(pod, happenings.of_waiting_pod(pod, old))
            if entry.place != FLYING and nominated_node(old) not in ("", nominated_node(pod)):
                self._freed(old)

    def _is_ours(self, pod: Object) -> bool:
        return (pod.get("spec") or {}).get("schedulerName") in self.profiles

    def _freed(self, pod: Object) -> None:
        """A node was promised to a pod and is no more: those of no higher priority may have it."""
        least = priority(pod)
        self.queue.happened(Happening(happenings.POD_DELETE, pod), lambda entry: entry.priority <= least)


def _guarded(handler: Handler) -> Handler:
    """An object that nobody thought of must not stop the informer of all."""

    def changed(what: str, value: Object, old: Object | None) -> None:
        try:
            handler(what, value, old)
        except Exception:
            log.exception("kube-scheduler: %s of %s", what, key_of(value))

    return changed
