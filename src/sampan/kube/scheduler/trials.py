"""Trying one node for one pod: by a single filter, or by all of them with some pods taken away."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import Nominated
from sampan.kube.scheduler.filters.roster import FILTERS
from sampan.kube.scheduler.podinfo import PodInfo
from sampan.kube.scheduler.profile import Profile
from sampan.kube.scheduler.query import Query


class NodeTrials:
    """Of one pod. `nominated`: as in evaluation."""

    def __init__(self, cluster: Cluster, pod: PodInfo, profile: Profile, nominated: Nominated = ()) -> None:
        self.cluster = cluster
        self._query = Query(cluster, pod, profile)
        found = (FILTERS[name] for name in profile.filters if name in FILTERS)
        self._filters = [one for one in found if one.applies(self._query)]
        self._promised: dict[int, list[PodInfo]] = {}
        for info, row in nominated:
            if info.priority >= pod.priority and info.uid != pod.uid:
                self._promised.setdefault(row, []).append(info)

    def pods_on(self, row: int) -> Sequence[Object]:
        return [info.object for info in self.cluster.pods_on(row)]

    @contextmanager
    def without(self, row: int, pods: Sequence[Object]) -> Iterator["EmptiedNode"]:
        """The node as if these pods, which are on it, were not; they are there again afterwards."""
        gone = [pod["metadata"]["uid"] for pod in pods]
        there = {info.uid: info for info in self.cluster.pods_on(row)}
        with self.cluster.supposing(row, gone=gone), ExitStack() as stack:
            yield EmptiedNode(self, row, there, stack)

    def reasons(self, row: int) -> Sequence[str]:
        """Why it does not fit: with the pods that were promised the node, or without them."""
        others = self._promised.get(row)
        if others:
            with self.cluster.supposing(row, more=others):
                found = self._refused(row)
            if found:
                return found
        return self._refused(row)

    def _refused(self, row: int) -> Sequence[str]:
        """What the first filter says that refuses it."""
        here = np.array([row], np.intp)
        for one in self._filters:
            found = [reason.text for reason in one.reasons(self._query, here) if reason.rows[0]]
            if found:
                return found
        return ()


class EmptiedNode:
    """`there`: its pods by uid, also those that are gone. The stack lets go of who was let back."""

    def __init__(self, trials: NodeTrials, row: int, there: dict[str, PodInfo], stack: ExitStack) -> None:
        self._trials = trials
        self._row = row
        self._there = there
        self._stack = stack

    def reasons(self) -> Sequence[str]:
        """Why the pod does not fit; none if it does."""
        return self._trials.reasons(self._row)

    def spares(self, pod: Object) -> bool:
        """Does the pod still fit when this one is back? Then it is."""
        with ExitStack() as trial:
            back = self._there[pod["metadata"]["uid"]]
            trial.enter_context(self._trials.cluster.supposing(self._row, more=[back]))
            if self.reasons():
                return False
            self._stack.push(trial.pop_all())
            return True


def refusals(cluster: Cluster, pod: PodInfo, profile: Profile, plugin: str, row: int) -> Sequence[str]:
    """What one filter has against a pod on a row."""
    query = Query(cluster, pod, profile)
    one = FILTERS.get(plugin)
    if one is None or not one.applies(query):
        return ()
    return [reason.text for reason in one.reasons(query, np.array([row], np.intp)) if reason.rows[0]]
