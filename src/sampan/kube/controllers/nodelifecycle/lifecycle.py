"""The loops: a pass over all nodes every five seconds, and one node at a time when it has changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from sampan.errors import SampanError
from sampan.kube.client.recorder import NORMAL
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import LEASES, NODES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.nodelifecycle import health, labels, taints, zones
from sampan.kube.controllers.nodelifecycle.health import Grace, Health, is_ready
from sampan.kube.controllers.nodelifecycle.podmarks import PodMarks
from sampan.kube.controllers.nodelifecycle.tainting import Tainter
from sampan.kube.controllers.nodelifecycle.zones import Rates
from sampan.specs.kubernetes.objects import condition
from sampan.specs.kubernetes.status import StatusError

log = logging.getLogger("sampan.kube")

PERIOD = 5.0  # seconds between two looks at all nodes
PAUSE = 3 * PERIOD  # a longer one between two looks is not held against the nodes: this process did not run
LEASE_NAMESPACE = "kube-node-lease"
AT_ONCE = 16  # nodes that are written at a time
WORKERS = 8


class Lifecycle:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._grace = Grace(context.options.node_grace, context.options.node_startup_grace)
        self._nodes = context.informers.of(NODES)
        self._leases = context.informers.of(LEASES)
        self._known: dict[str, Object] = {}  # nodes that have been told of, by name
        self._health: dict[str, Health] = {}
        self._looked: float | None = None
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tainter = Tainter(context, Rates())
        self._pods = PodMarks(context)
        self._controller = Controller("node-taints", self._reconcile, [self._nodes], WORKERS)
        self._controller.watch(self._nodes)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._controller.run())
            group.create_task(self._pods.controller.run())
            await self._nodes.synced.wait()
            await self._leases.synced.wait()
            group.create_task(self._tainter.run())
            while True:
                await self.look()
                await asyncio.sleep(PERIOD)

    # --- one node: what its conditions mean to whoever schedules

    async def _reconcile(self, name: str) -> None:
        node = self._nodes.get(name)
        if node is None:
            return
        await self._tainter.write(node, taints.scheduling(node, self._context.clock()))
        old = labels.missing(node)
        if old:
            await self._context.client.patch(NODES, "", name, {"metadata": {"labels": old}})

    # --- all nodes: are they alive?

    async def look(self) -> None:
        """One pass. First all zones are judged: when everything is away, nobody is driven away."""
        now = self._context.clock()
        self._forgive_pause(now)
        nodes = list(self._nodes.objects.values())
        self._tell_of_new(nodes)
        for node in nodes:
            self._observe(node, now)
        change = self._tainter.judge(self._ready(nodes, now), now)
        if change.leaving:
            self._health = {name: replace(one, seen=now) for name, one in self._health.items()}
        if change.entering:
            log.info("all nodes are away: nobody is evicted")
            await self._each(self._tainter.free, nodes)
        await self._each(lambda node: self._look_at(node, now, change.entering), nodes)

    def _forgive_pause(self, now: float) -> None:
        gap = now - (self._looked if self._looked is not None else now)
        self._looked = now
        if gap < 0 or gap > PAUSE:
            self._health = {name: replace(one, seen=one.seen + gap) for name, one in self._health.items()}

    def _tell_of_new(self, nodes: list[Object]) -> None:
        there = {node["metadata"]["name"]: node for node in nodes}
        for name in self._known.keys() - there.keys():
            self._tell(self._known[name], "RemovingNode", f"Removing Node {name} from Controller")
            self._health.pop(name, None)
            self._pods.forget(name)
        for name in there.keys() - self._known.keys():
            self._tell(there[name], "RegisteredNode", f"Registered Node {name} in Controller")
        self._known = there

    def _tell(self, node: Object, reason: str, text: str) -> None:
        message = f"Node {node['metadata']['name']} event: {text}"
        self._context.recorder.event(node, NORMAL, reason, message)

    def _observe(self, node: Object, now: float) -> None:
        name = node["metadata"]["name"]
        lease = self._leases.get(f"{LEASE_NAMESPACE}/{name}")
        self._health[name] = health.observe(self._health.get(name), node, lease, now)

    def _is_silent(self, node: Object, now: float) -> bool:
        found = self._health[node["metadata"]["name"]]
        return not health.is_fake(node) and health.is_silent(found, self._grace, now)

    def _ready(self, nodes: list[Object], now: float) -> dict[str, list[bool]]:
        """Whether each node is, by zone."""
        found: dict[str, list[bool]] = {}
        for node in nodes:
            if zones.is_counted(node):
                alive = is_ready(node) and not self._is_silent(node, now)
                found.setdefault(zones.zone_of(node), []).append(alive)
        return found

    async def _each(self, work: Callable[[Object], Awaitable[None]], nodes: Iterable[Object]) -> None:
        """A few at a time; what fails is tried again in the next pass."""

        async def one(node: Object) -> None:
            async with self._room:
                try:
                    await work(node)
                except (StatusError, SampanError) as error:
                    log.info("node %s: %s", node["metadata"]["name"], error)

        await asyncio.gather(*(one(node) for node in nodes))

    async def _look_at(self, node: Object, now: float, entering: bool) -> None:
        name, was_ready = node["metadata"]["name"], is_ready(node)
        if self._is_silent(node, now):
            text, unblock = "nothing is heard of the node", "start its kubelet, or delete the node"
            self._context.explain(node, health.NO_MORE[0], text, unblock)
            await self._silence(node, was_ready, now)
        elif was_ready:
            self._context.settle(node)
            self._pods.forget(name)
        if condition(node, "Ready") is not None and not entering:
            await self._tainter.evict_or_keep(node, now)
        if not was_ready:
            await self._pods.go_on(name)

    async def _silence(self, node: Object, was_ready: bool, now: float) -> None:
        conditions = health.unknown(node, now)
        if conditions is None:
            return
        name = node["metadata"]["name"]
        status = {**(node.get("status") or {}), "conditions": conditions}
        await self._context.client.update(NODES, "", {**node, "status": status}, "status")
        if was_ready:
            message = f"Node {name} status is now: NodeNotReady"
            self._context.recorder.event(node, NORMAL, "NodeNotReady", message)
            await self._pods.mark(name)
