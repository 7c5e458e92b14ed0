"""Trying one node for one pod: by a single filter, or by all of them with some pods taken away."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import Nominated
from sampan.kube.scheduler.filters.roster import FILTERS
from sampan.kube.scheduler.podinfo import PodInfo
from sampan.kube.scheduler.profile import Profile
from sampan.kube.scheduler.query import Query


@dataclass(frozen=True)
class NodeTrials:
    """Of one pod. `nominated`: as in evaluation."""

    cluster: Cluster
    pod: PodInfo
    profile: Profile
    nominated: Nominated = ()

    def pods_on(self, row: int) -> Sequence[Object]:
        return [info.object for info in self.cluster.pods_on(row)]

    def node_name(self, row: int) -> str:
        return self.cluster.node_name(row)

    def reasons(self, row: int, without: frozenset[str]) -> Sequence[str]:
        """Why it does not fit: neither with the pods that were promised the node nor without them."""
        with self.cluster.supposing(row, gone=tuple(without)):
            with self._promised(row) as any_promised:
                found = self._refused(row)
            return found or (self._refused(row) if any_promised else ())

    @contextmanager
    def _promised(self, row: int) -> Iterator[bool]:
        others = [
            info
            for info, where in self.nominated
            if where == row and info.priority >= self.pod.priority and info.uid != self.pod.uid
        ]
        with self.cluster.supposing(row, more=others):
            yield bool(others)

    def _refused(self, row: int) -> Sequence[str]:
        """What the first filter says that refuses it."""
        for plugin in self.profile.filters:
            found = refusals(self.cluster, self.pod, self.profile, plugin, row)
            if found:
                return found
        return ()


def refusals(cluster: Cluster, pod: PodInfo, profile: Profile, plugin: str, row: int) -> Sequence[str]:
    """What one filter has against a pod on a row."""
    query = Query(cluster, pod, profile)
    one = FILTERS.get(plugin)
    if one is None or not one.applies(query):
        return ()
    return [reason.text for reason in one.reasons(query, np.array([row], np.intp)) if reason.rows[0]]
