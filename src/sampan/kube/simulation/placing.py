"""Where pods would land: the scheduler's own columns, filters and scores, with pods put there in thought."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sampan.kube.client.requests import Object
from sampan.kube.scheduler import configuration, messages
from sampan.kube.scheduler.caches import Caches
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import judge, score
from sampan.kube.scheduler.podinfo import pod_info
from sampan.kube.scheduler.preemption import Budget, Preemptor, budgets
from sampan.kube.scheduler.spreading import OWNERS
from sampan.kube.scheduler.trials import NodeTrials
from sampan.kube.scheduler.verdict import Verdict
from sampan.specs.kubernetes.pods import is_finished, node_name

ARGS = "DefaultPreemption"


@dataclass(frozen=True)
class Landing:
    """A node; or why none, and whom the pod would drive away from where."""

    node: str = ""
    message: str = ""
    victims: tuple[str, ...] = ()


class Placing:
    """The cluster as it is, and as it would be when the pods placed so far were there."""

    def __init__(
        self,
        nodes: Iterable[Object],
        pods: Iterable[Object],
        disruption_budgets: Iterable[Object],
        caches: Caches | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cluster = Cluster(caches)
        self._caches = caches
        self._profile = configuration.default().profiles[0]
        self._budgets: Sequence[Budget] = budgets(disruption_budgets)
        self._clock = clock
        self._made = 0
        for node in nodes:
            self._cluster.put_node(node)
        for pod in pods:
            if node_name(pod) and not is_finished(pod):
                self._cluster.put_pod(pod)

    def suppose(self, owner: Object) -> None:
        """There is this ReplicaSet or the like, by which pods are spread."""
        resource = OWNERS.get((owner["apiVersion"], owner["kind"]))
        if self._caches is not None and resource is not None:
            self._caches.assume(resource, owner)

    def place(self, pod: Object) -> Landing:
        """One pod more; where it lands it stays."""
        self._made += 1
        metadata = {"uid": f"simulated-{self._made}", "name": "", **pod["metadata"]}
        pod = {**pod, "metadata": metadata, "spec": dict(pod.get("spec") or {})}
        if pod["spec"].get("schedulingGates"):
            return Landing(message="scheduling gates hold it back")
        if pod["spec"].get("nodeName"):
            self._cluster.put_pod(pod)
            return Landing(pod["spec"]["nodeName"])
        info = pod_info(pod)
        verdict = judge(self._cluster, info, self._profile)
        if not verdict.feasible.any():
            return self._refusal(pod, verdict)
        rows = np.flatnonzero(verdict.feasible)
        scores = score(self._cluster, info, self._profile, verdict.feasible)[rows]
        # The scheduler takes any of the best; here it is the first, so that the same question has one answer.
        node = min(self._cluster.node_name(int(row)) for row in rows[scores == scores.max()])
        pod["spec"]["nodeName"] = node
        self._cluster.put_pod(pod)
        return Landing(node)

    def _refusal(self, pod: Object, verdict: Verdict) -> Landing:
        nodes = self._cluster.nodes
        if not nodes:
            return Landing(message=messages.NO_NODES)
        refusal = verdict.refused.text if verdict.refused is not None else ""
        message = messages.fit_error(nodes, refusal, messages.counts(verdict))
        hopeless = np.zeros_like(verdict.feasible)
        for failure in verdict.failures:
            hopeless |= failure.unresolvable
        rows = [int(row) for row in np.flatnonzero(self._cluster.rows() & ~hopeless)]
        if refusal or not rows or (pod["spec"].get("preemptionPolicy") == "Never"):
            return Landing(message=message)
        preemptor = Preemptor(
            pod, self._budgets, self._profile.args[ARGS], self._clock(), random.Random(0).randrange
        )
        trials = NodeTrials(self._cluster, pod_info(pod), self._profile)
        found = preemptor.preempt(trials, rows, nodes).candidate
        if found is None:
            return Landing(message=message)
        names = tuple(
            f"{one['metadata'].get('namespace')}/{one['metadata']['name']}" for one in found.victims
        )
        return Landing(message=message, victims=names)

    def remove(self, pod: Object) -> None:
        """A pod goes."""
        self._cluster.remove_pod(pod["metadata"]["uid"])

    def close(self, node: Object) -> None:
        """A node takes no more pods."""
        self._cluster.put_node({**node, "spec": {**(node.get("spec") or {}), "unschedulable": True}})
