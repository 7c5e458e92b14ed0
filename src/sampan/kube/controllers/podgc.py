"""Takes away pods that nobody else will: kube-controller-manager's pod-garbage-collector-controller.

Those of nodes that are gone, or said to be out of service; those on their way out that never had a node; and
the oldest of too many that have finished.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence

from sampan.errors import SampanError
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import NODES, PODS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.removal import Removal, remove
from sampan.specs.kubernetes import taints
from sampan.specs.kubernetes.objects import is_going, is_true
from sampan.specs.kubernetes.pods import node_name, phase
from sampan.specs.kubernetes.status import StatusError, is_not_found

log = logging.getLogger("sampan.kube")

PERIOD = 20.0  # seconds
QUARANTINE = 40.0  # seconds that a node must be gone before its pods are
AT_ONCE = 20
UNFINISHED = ("Pending", "Running", "Unknown")


class PodCollector:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._pods = context.informers.of(PODS)
        self._nodes = context.informers.of(NODES)
        self._missing: dict[str, float] = {}  # nodes that pods name and nobody has, and since when
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Until cancelled."""
        await self._pods.synced.wait()
        await self._nodes.synced.wait()
        while True:
            await self.collect()
            await asyncio.sleep(PERIOD)

    async def collect(self) -> None:
        """One pass."""
        pods = list(self._pods.objects.values())
        gone = await self._gone(pods)
        removals = [
            *surplus(pods, self._context.options.terminated_pods),
            *out_of_service(pods, self._nodes.objects),
            *orphaned(pods, gone),
            *unscheduled(pods),
        ]
        await asyncio.gather(*(self._remove(one) for one in removals))

    async def _gone(self, pods: Iterable[Object]) -> list[str]:
        """The nodes that have been missing for long enough, and that the server has not either."""
        now = self._context.clock()
        named = {node_name(pod) for pod in pods} - {""} - self._nodes.objects.keys()
        self._missing = {name: self._missing.get(name, now) for name in named}
        found = []
        for name, since in self._missing.items():
            if now - since >= QUARANTINE and not await self._exists(name):
                found.append(name)
        return found

    async def _exists(self, name: str) -> bool:
        try:
            await self._context.client.get(NODES, "", name)
        except StatusError as error:
            return not is_not_found(error)
        except SampanError:
            pass
        return True

    async def _remove(self, removal: Removal) -> None:
        async with self._room:
            try:
                await remove(self._context.client, removal, self._context.clock())
            except (StatusError, SampanError) as error:
                if not is_not_found(error):
                    log.info("pod garbage: %s: %s", removal.pod["metadata"]["name"], error)


# --- pure


def surplus(pods: Iterable[Object], threshold: int) -> list[Removal]:
    """Finished pods beyond the threshold (none if it is 0): evicted ones first, then the oldest."""
    finished = [pod for pod in pods if phase(pod) not in UNFINISHED]
    if threshold <= 0 or len(finished) <= threshold:
        return []
    finished.sort(key=_expendable)
    return [Removal(pod, failed=True, grace=0) for pod in finished[: len(finished) - threshold]]


def _expendable(pod: Object) -> tuple[bool, str, str]:
    status, metadata = pod.get("status") or {}, pod["metadata"]
    evicted = phase(pod) == "Failed" and status.get("reason") == "Evicted"
    return not evicted, metadata.get("creationTimestamp") or "", metadata["name"]


def out_of_service(pods: Iterable[Object], nodes: Mapping[str, Object]) -> list[Removal]:
    """Pods on their way out, on nodes of which somebody has said that they will not come back."""
    dead = {name for name, node in nodes.items() if _is_out(node)}
    return [Removal(pod, failed=True, grace=0) for pod in pods if is_going(pod) and node_name(pod) in dead]


def _is_out(node: Object) -> bool:
    ready = is_true(node, "Ready")
    keys = [one.get("key") for one in (node.get("spec") or {}).get("taints") or ()]
    return not ready and taints.OUT_OF_SERVICE in keys


def orphaned(pods: Iterable[Object], gone: Collection[str]) -> list[Removal]:
    reason, message = "DeletionByPodGC", "PodGC: node no longer exists"
    return [Removal(pod, reason, message, failed=True, grace=0) for pod in pods if node_name(pod) in gone]


def unscheduled(pods: Sequence[Object]) -> list[Removal]:
    """On their way out, without a node whose kubelet would end them."""
    return [Removal(pod, failed=True, grace=0) for pod in pods if is_going(pod) and not node_name(pod)]
