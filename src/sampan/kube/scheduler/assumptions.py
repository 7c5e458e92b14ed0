"""Pods that were given a node here, which the caches do not know of yet."""

from sampan.kube.scheduler import happenings
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.cycle import Placement
from sampan.kube.scheduler.devicebinding import DeviceBinder
from sampan.kube.scheduler.happenings import Happening
from sampan.kube.scheduler.queue import Queue
from sampan.kube.scheduler.volumebinding import VolumeBinder


class Assumptions:
    """By uid. The nodes' columns reckon with them already."""

    def __init__(self, cluster: Cluster, queue: Queue, volumes: VolumeBinder, devices: DeviceBinder) -> None:
        self._cluster = cluster
        self._queue = queue
        self._volumes = volumes
        self._devices = devices
        self._known: dict[str, Placement] = {}

    def __contains__(self, uid: str) -> bool:
        return uid in self._known

    def add(self, placement: Placement) -> None:
        self._known[placement.entry.uid] = placement

    def confirm(self, uid: str) -> None:
        """The caches know."""
        self._known.pop(uid, None)

    def drop(self, uid: str) -> None:
        """The room that a pod was to take is free again."""
        placement = self._known.pop(uid, None)
        if placement is not None:
            self._cluster.remove_pod(uid)
            if placement.volumes is not None:
                self._volumes.forget(placement.volumes)
            self._queue.happened(Happening(happenings.POD_DELETE, placement.pod))

    def end(self, placement: Placement) -> None:
        """Its binding has come to nothing. Until then devices may still be written down, whatever happens."""
        if placement.devices is not None:
            self._devices.forget(placement.devices)
        uid = placement.entry.uid
        if uid in self._known:
            self.drop(uid)
        else:
            self._queue.happened(Happening(happenings.POD_DELETE, placement.pod))

    def drop_all(self) -> None:
        for placement in list(self._known.values()):
            self.end(placement)
