"""Pods that were promised a node, for which others are being driven away from it."""

from collections.abc import Iterator

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.podinfo import PodInfo, pod_info
from sampan.kube.scheduler.preemption import priority


def nominated_node(pod: Object) -> str:
    return str((pod.get("status") or {}).get("nominatedNodeName") or "")


class Nominations:
    """By uid. What was decided here counts until the API tells otherwise."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[PodInfo, str]] = {}

    def put(self, pod: Object, node: str) -> None:
        """No node: it is promised none."""
        uid = pod["metadata"]["uid"]
        if node:
            self._known[uid] = pod_info(pod), node
        else:
            self._known.pop(uid, None)

    def update(self, old: Object | None, pod: Object) -> None:
        """What the API says of a pod: it has its way where it has changed its mind."""
        before = nominated_node(old) if old is not None else ""
        now = nominated_node(pod)
        if now or before:
            self.put(pod, now)
        elif (known := self._known.get(pod["metadata"]["uid"])) is not None:
            self.put(pod, known[1])

    def remove(self, uid: str) -> bool:
        """Was it there?"""
        return self._known.pop(uid, None) is not None

    def node_of(self, uid: str) -> str:
        known = self._known.get(uid)
        return known[1] if known is not None else ""

    def rows(self, cluster: Cluster) -> Iterator[tuple[PodInfo, int]]:
        """As evaluation wants them."""
        for info, node in self._known.values():
            row = cluster.row_of(node)
            if row is not None:
                yield info, row

    def lower(self, node: str, than: int) -> list[Object]:
        """Those of lower priority that were promised a node."""
        return [
            info.object
            for info, where in self._known.values()
            if where == node and priority(info.object) < than
        ]
