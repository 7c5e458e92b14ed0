"""The disruption controller: counts what budgets are about, and takes back what was announced in vain."""

import asyncio
from collections.abc import Iterable

from sampan.errors import SampanError
from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import NAMESPACE
from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import (
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)
from sampan.kube.client.scales import Kinds
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.disruption import budgets, stale
from sampan.kube.controllers.disruption.scales import Scales
from sampan.specs.kubernetes import labels
from sampan.specs.kubernetes.labelselector import can_select
from sampan.specs.kubernetes.objects import labels_of
from sampan.specs.kubernetes.status import StatusError, is_conflict

WORKERS = 2
RETRY = 30.0  # seconds after which a scale that could not be found out is asked for again


class Disruption:
    """`budgets` handles one budget at a time; `pods`, one pod that was to go."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._budgets = context.informers.of(DISRUPTION_BUDGETS)
        self._pods = context.informers.of(PODS)
        kinds = Kinds(context.client, context.clock)
        self._scales = Scales(context.client, context.informers, kinds)
        owners = (REPLICATION_CONTROLLERS, REPLICA_SETS, DEPLOYMENTS, STATEFUL_SETS)
        informers = [self._pods, *map(context.informers.of, owners)]
        self.budgets = Controller(context.name, self._reconcile, informers, WORKERS)
        self.budgets.watch(self._budgets)
        self.budgets.watch(self._pods, self._concerned)
        self.pods = Controller(f"{context.name}-pods", self._withdraw, [self._pods], 1)
        self._pods.on_change(self._pod_changed)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.budgets.run())
            group.create_task(self.pods.run())

    # --- what happens

    def _concerned(self, pod: Object) -> Iterable[str]:
        """A pod should be in one budget; if it is in several, nobody can evict it, and each counts it."""
        of_namespace = self._budgets.by(NAMESPACE, pod["metadata"]["namespace"])
        return [key_of(one) for one in of_namespace if _selects(one, pod)]

    def _pod_changed(self, what: str, pod: Object, _old: Object | None) -> None:
        seconds = stale.stale_in(pod, self._context.clock()) if what != "delete" else None
        if seconds is not None:
            self.pods.queue.add_after(key_of(pod), seconds)
        names = [key.rpartition("/")[2] for key in self._concerned(pod)] if what != "delete" else []
        if len(names) > 1:
            of = f'"{pod["metadata"]["namespace"]}"/"{pod["metadata"]["name"]}"'
            text = f'Pod {of} matches multiple PodDisruptionBudgets.  Chose "{names[0]}" arbitrarily.'
            self._context.recorder.event(pod, WARNING, "MultiplePodDisruptionBudgets", text)

    # --- one budget

    async def _reconcile(self, key: str) -> float | None:
        budget = self._budgets.get(key)
        if budget is None:
            return None
        try:
            return await self._handle(budget)
        except (StatusError, SampanError) as error:
            if is_conflict(error):
                raise
            self._context.explain(budget, budgets.FAILED, str(error))
            await self._tell(budget, budgets.failed(budget, str(error), self._context.clock()))
            return RETRY

    async def _handle(self, budget: Object) -> float | None:
        event, now = self._context.recorder.event, self._context.clock()
        of_namespace = self._pods.by(NAMESPACE, budget["metadata"]["namespace"])
        pods = [pod for pod in of_namespace if _selects(budget, pod)]
        if not pods:
            event(budget, NORMAL, "NoPods", "No matching pods found")
        scale = await self._scale(budget, pods)
        expected, desired = budgets.amounts(budget, len(pods), scale)
        found = budgets.disrupted(budget, pods, now)
        for pod in found.stayed:
            namespace = budget["metadata"]["namespace"]
            # Upstream names the namespace twice.
            text = f"Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't"
            event(pod, WARNING, "NotDeleted", text)
        status = budgets.status_of(budget, expected, desired, pods, found.awaited, now)
        self._explain(budget, status)
        await self._tell(budget, status)
        return found.again

    async def _scale(self, budget: Object, pods: list[Object]) -> int:
        if not budgets.needs_scale(budget):
            return 0
        event = self._context.recorder.event
        try:
            scale, unmanaged = await self._scales.total(pods)
        except (StatusError, SampanError) as error:
            text = f"Failed to calculate the number of expected pods: {error}"
            event(budget, WARNING, "CalculateExpectedPodCountFailed", text)
            raise
        if unmanaged:
            event(budget, WARNING, "UnmanagedPods", budgets.unmanaged_message(budget))
        return scale

    def _explain(self, budget: Object, status: Object) -> None:
        if status["disruptionsAllowed"]:
            self._context.settle(budget)
            return
        text = f"{status['currentHealthy']} pods are healthy and {status['desiredHealthy']} must be"
        self._context.explain(budget, budgets.INSUFFICIENT, text, "more healthy pods", **_facts(status))

    async def _tell(self, budget: Object, status: Object) -> None:
        if budgets.is_news(budget, status):
            value = {**budget, "status": status}
            namespace = budget["metadata"]["namespace"]
            await self._context.client.update(DISRUPTION_BUDGETS, namespace, value, "status")

    # --- one pod

    async def _withdraw(self, key: str) -> float | None:
        pod, now = self._pods.get(key), self._context.clock()
        seconds = stale.stale_in(pod, now) if pod is not None else None
        if pod is None or seconds is None:
            return None
        if seconds > 0:
            return seconds
        value = stale.withdrawn(pod, now)
        await self._context.client.update(PODS, pod["metadata"]["namespace"], value, "status")
        return None


def _facts(status: Object) -> dict[str, int]:
    return {name: status[name] for name in ("currentHealthy", "desiredHealthy", "expectedPods")}


def _selects(budget: Object, pod: Object) -> bool:
    """An empty selector selects every pod of the namespace, none at all selects none."""
    selector = budget["spec"].get("selector")
    if selector is None or not can_select(selector):
        return False
    return labels.from_object(selector).matches(labels_of(pod))


def controller(context: Context) -> Disruption:
    return Disruption(context)
