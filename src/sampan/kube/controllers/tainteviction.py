"""Pods leave nodes whose taints drive them away: kube-controller-manager's taint-eviction-controller.

kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration#taint-based-evictions
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import ON_NODE, node_of
from sampan.kube.client.recorder import NORMAL
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import NODES, PODS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.removal import Removal, remove
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.objects import condition, is_going
from sampan.specs.kubernetes.status import StatusError, is_not_found
from sampan.specs.kubernetes.taints import NO_EXECUTE, tolerates

REASON = "TaintManagerEviction"
CONDITION = ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
PRECISION = 2.0  # seconds within which a taint's own time, which has no fractions, says no more than ours
WORKERS = 8

Taint = Mapping[str, Any]


def controller(context: Context) -> Controller:
    evictions = Evictions(context)
    return evictions.controller


class Evictions:
    """Its `controller` handles one pod at a time, and comes back when its time is up."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pods = context.informers.of(PODS)
        self._pods.index(ON_NODE, node_of)
        self._nodes = context.informers.of(NODES)
        self._since: dict[str, list[tuple[Taint, float]]] = {}  # by node: its taints, and since when
        self._due: dict[str, tuple[str, float]] = {}  # evictions that are to come: by pod its uid, and when
        self.controller = Controller("taint-eviction", self._reconcile, [self._pods, self._nodes], WORKERS)
        self._nodes.on_change(self._node_changed)
        self._pods.on_change(self._pod_changed)

    def _node_changed(self, what: str, node: Object, _old: Object | None) -> None:
        name = node["metadata"]["name"]
        before = self._since.pop(name, [])
        if what != "delete":
            now = aged(node, before, self._context.clock())
            if now:
                self._since[name] = now
            if [taint for taint, _ in now] == [taint for taint, _ in before]:
                return
        for pod in self._pods.by(ON_NODE, name):
            self.controller.queue.add(key_of(pod))

    def _pod_changed(self, what: str, pod: Object, old: Object | None) -> None:
        if what != "update" or old is None or _matters(old) != _matters(pod):
            self.controller.queue.add(key_of(pod))

    async def _reconcile(self, key: str) -> float | None:
        pod, now = self._pods.get(key), self._context.clock()
        known = self._due.get(key)
        if pod is None or is_going(pod) or (known is not None and known[0] != pod["metadata"]["uid"]):
            self._due.pop(key, None)
        if pod is None or is_going(pod):
            return None
        due = self._eviction(pod, now)
        if due is None:
            self._cancel(key, pod)
            return None
        if due > now:
            self._due[key] = pod["metadata"]["uid"], due
            text = f"taints of its node drive it away at {times.text(due)}"
            self._context.explain(pod, REASON, text, "remove the taint, or tolerate it for longer")
            return due - now
        await self._evict(key, pod, now)
        return None

    def _eviction(self, pod: Object, now: float) -> float | None:
        name = "".join(node_of(pod))
        return eviction(pod, self._since.get(name, ()), now) if name else None

    def _cancel(self, key: str, pod: Object) -> None:
        if self._due.pop(key, None) is not None:
            self._context.settle(pod)
            self._context.recorder.event(pod, NORMAL, REASON, f"Cancelling deletion of Pod {key}")

    async def _evict(self, key: str, pod: Object, now: float) -> None:
        self._due.pop(key, None)
        self._context.recorder.event(pod, NORMAL, REASON, f"Marking for deletion Pod {key}")
        try:
            await remove(self._context.client, Removal(pod, *CONDITION), now)
        except StatusError as error:
            if not is_not_found(error):
                raise


# --- pure


def evicting(node: Object) -> list[Taint]:
    return [one for one in (node.get("spec") or {}).get("taints") or () if one.get("effect") == NO_EXECUTE]


def aged(node: Object, before: Sequence[tuple[Taint, float]], now: float) -> list[tuple[Taint, float]]:
    """A node's taints, each with since when it is there: after a restart its own time tells."""
    found = []
    for taint in evicting(node):
        known = next((since for one, since in before if one == taint), None)
        added = times.seconds(taint.get("timeAdded"))
        if known is None:
            known = added if added is not None and added < now - PRECISION else now
        found.append((taint, known))
    return found


def eviction(pod: Object, taints: Sequence[tuple[Taint, float]], now: float) -> float | None:
    """When it has to leave, which may be over; None if never. Each taint's time runs by itself.

    A pod that came later than a taint has its time from when it came.
    """
    tolerations = (pod.get("spec") or {}).get("tolerations") or ()
    due: list[float] = []
    for taint, since in taints:
        toleration = next((one for one in tolerations if tolerates(one, taint)), None)
        if toleration is None:
            return now
        patience = toleration.get("tolerationSeconds")
        if patience is not None:
            due.append(now if patience <= 0 else max(since, arrival(pod, now)) + patience)
    return min(due, default=None)


def arrival(pod: Object, now: float) -> float:
    """When it came to its node."""
    bound = condition(pod, "PodScheduled") or {}
    since = bound.get("lastTransitionTime") if bound.get("status") == "True" else None
    found = times.seconds(since or pod["metadata"].get("creationTimestamp"))
    return found if found is not None else now


def _matters(pod: Object) -> tuple[Any, ...]:
    spec = pod.get("spec") or {}
    return spec.get("nodeName"), spec.get("tolerations"), is_going(pod), pod["metadata"].get("uid")
