"""The loops: a pass over all nodes every five seconds, one node at a time when it has changed, and the slow
queue of those whose pods are to be driven away.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace

from sampan.errors import SampanError
from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import JSON_PATCH, Object
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import ON_NODE, Controller, node_of
from sampan.kube.controllers.nodelifecycle import health, labels, taints, zones
from sampan.kube.controllers.nodelifecycle.health import Grace, Health
from sampan.kube.controllers.nodelifecycle.taints import Taint
from sampan.kube.controllers.nodelifecycle.zones import Bucket, Rates, Zone
from sampan.kube.controllers.resources import LEASES, NODES, PODS
from sampan.specs.kubernetes.objects import condition
from sampan.specs.kubernetes.status import StatusError

log = logging.getLogger("sampan.kube")

PERIOD = 5.0  # seconds between two looks at all nodes
PAUSE = 3 * PERIOD  # a longer one between two looks is not held against the nodes: this process did not run
LEASE_NAMESPACE = "kube-node-lease"
AT_ONCE = 16  # nodes and pods that are written at a time
WORKERS = 8


@dataclass(frozen=True)
class Settings:
    grace: Grace = field(default_factory=Grace)
    rates: Rates = field(default_factory=Rates)


class Lifecycle:
    def __init__(self, context: Context, settings: Settings | None = None) -> None:
        self._context = context
        grace = Grace(context.options.node_grace, context.options.node_startup_grace)
        self._settings = settings or Settings(grace)
        self._nodes = context.informers.of(NODES)
        self._pods = context.informers.of(PODS)
        self._pods.index(ON_NODE, node_of)
        self._leases = context.informers.of(LEASES)
        self._known: dict[str, Object] = {}  # nodes that have been told of, by name
        self._health: dict[str, Health] = {}
        self._zones: dict[str, Zone] = {}
        self._unmarked: set[str] = set()  # silent nodes whose pods still have to be marked
        self._looked: float | None = None
        self._waiting = asyncio.Event()  # some node is in a zone's queue
        self._room = asyncio.Semaphore(AT_ONCE)
        self.nodes = Controller("node-taints", self._reconcile, [self._nodes], WORKERS)
        self.nodes.watch(self._nodes)
        self.pods = Controller("node-pods", self._mark_pod, [self._nodes, self._pods, self._leases], WORKERS)
        self._pods.on_change(self._pod_changed)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.nodes.run())
            group.create_task(self.pods.run())
            for informer in (self._nodes, self._pods, self._leases):
                await informer.synced.wait()
            group.create_task(self._keep_tainting())
            while True:
                await self.look()
                await asyncio.sleep(PERIOD)

    # --- one node: what its conditions mean to whoever schedules

    async def _reconcile(self, name: str) -> None:
        node = self._nodes.get(name)
        if node is None:
            return
        wanted = taints.scheduling(node, self._context.clock())
        if wanted is not None:
            await self._taint(node, wanted)
        old = labels.missing(node)
        if old:
            await self._context.client.patch(NODES, "", name, {"metadata": {"labels": old}})

    async def _taint(self, node: Object, wanted: list[Taint]) -> None:
        await self._context.client.patch(
            NODES,
            "",
            node["metadata"]["name"],
            taints.patch(node, wanted),
            content_type=JSON_PATCH,
        )

    # --- all nodes: are they alive?

    async def look(self) -> None:
        """One pass."""
        now = self._context.clock()
        self._forgive_pause(now)
        nodes = list(self._nodes.objects.values())
        self._tell_of_new(nodes)
        for node in nodes:
            self._zone_of(node)
            self._observe(node, now)
        # What is known of all zones comes first: when everything is away, nobody is to be driven away for it.
        entering = await self._judge(nodes, now)
        await self._each(lambda node: self._look_at(node, now, entering), nodes)

    def _observe(self, node: Object, now: float) -> None:
        name = node["metadata"]["name"]
        lease = self._leases.get(f"{LEASE_NAMESPACE}/{name}")
        self._health[name] = health.observe(self._health.get(name), node, lease, now)

    def _is_silent(self, node: Object, now: float) -> bool:
        found = self._health[node["metadata"]["name"]]
        return not health.is_fake(node) and health.is_silent(found, self._settings.grace, now)

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
            self._unmarked.discard(name)
        for name in there.keys() - self._known.keys():
            self._tell(there[name], "RegisteredNode", f"Registered Node {name} in Controller")
        self._known = there

    def _tell(self, node: Object, reason: str, text: str) -> None:
        message = f"Node {node['metadata']['name']} event: {text}"
        self._context.recorder.event(node, NORMAL, reason, message)

    def _zone_of(self, node: Object) -> Zone:
        key = zones.zone_of(node)
        if key not in self._zones:
            self._zones[key] = Zone(Bucket(self._settings.rates.normal))
        return self._zones[key]

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
            await self._silence(node, was_ready, now)
        elif was_ready:
            self._context.settle(node)
        if condition(node, "Ready") is not None and not entering:
            await self._evict_or_keep(node, now)
        if name in self._unmarked and not was_ready:
            await self._mark_pods(name)
        elif was_ready and not self._is_silent(node, now):
            self._unmarked.discard(name)

    async def _silence(self, node: Object, was_ready: bool, now: float) -> None:
        conditions = health.unknown(node, now)
        if conditions is None:
            return
        name = node["metadata"]["name"]
        status = {**(node.get("status") or {}), "conditions": conditions}
        await self._context.client.update(NODES, "", {**node, "status": status}, "status")
        self._context.explain(
            node, "NodeStatusUnknown", "nothing is heard of the node", "start its kubelet, or delete the node"
        )
        if was_ready:
            message = f"Node {name} status is now: NodeNotReady"
            self._context.recorder.event(node, NORMAL, "NodeNotReady", message)
            await self._mark_pods(name)

    async def _evict_or_keep(self, node: Object, now: float) -> None:
        """Put it into its zone's queue, or take it out; one taint takes the place of the other at once."""
        name, zone = node["metadata"]["name"], self._zone_of(node)
        if is_ready(node):
            zone.waiting.pop(name, None)
            await self._free(node)
            return
        wanted = taints.evicting(node, now)
        if wanted is None:
            zone.waiting.pop(name, None)
        elif any(taints.has(node, key) for key in taints.EVICTING.values()):
            await self._taint(node, wanted)
        else:
            zone.waiting.setdefault(name)
            self._waiting.set()

    async def _free(self, node: Object) -> None:
        wanted = taints.reachable(node)
        if wanted is not None:
            await self._taint(node, wanted)

    # --- the pods of nodes that are away

    def _pod_changed(self, _what: str, pod: Object, old: Object | None) -> None:
        if node_of(pod) and (old is None or not node_of(old)):
            metadata = pod["metadata"]
            self.pods.queue.add(f"{metadata['namespace']}/{metadata['name']}")

    async def _mark_pod(self, key: str) -> None:
        """A pod that comes to a node which is away already."""
        pod = self._pods.get(key)
        node = self._nodes.get("".join(node_of(pod))) if pod is not None else None
        if pod is None or node is None or node["metadata"]["name"] not in self._health:
            return
        if condition(node, "Ready") is not None and not is_ready(node):
            await self._mark([pod])

    async def _mark_pods(self, name: str) -> None:
        self._unmarked.add(name)
        await self._mark(self._pods.by(ON_NODE, name))
        self._unmarked.discard(name)

    async def _mark(self, pods: list[Object]) -> None:
        for pod in health.not_ready(pods, self._context.clock()):
            try:
                await self._context.client.update(PODS, pod["metadata"]["namespace"], pod, "status")
            except StatusError as error:
                if error.code != 404:
                    raise
                continue
            self._context.recorder.event(pod, WARNING, "NodeNotReady", "Node is not ready")

    # --- zones

    async def _judge(self, nodes: list[Object], now: float) -> bool:
        """Set the rates; True if everything is away from now on."""
        ready: dict[str, list[bool]] = {}
        for node in nodes:
            if zones.is_counted(node):
                alive = is_ready(node) and not self._is_silent(node, now)
                ready.setdefault(zones.zone_of(node), []).append(alive)
        before = {key: zone.state for key, zone in self._zones.items()}
        change = zones.judge(before, ready, self._settings.rates)
        for key in self._zones.keys() - {zones.zone_of(node) for node in nodes}:
            del self._zones[key]
        for key, state in change.states.items():
            self._zones[key].state = state
        for key, rate in change.rates.items():
            self._zones[key].bucket.change(rate, now)
        if change.entering:
            log.info("all nodes are away: nobody is evicted")
            await self._each(self._free, nodes)
        if change.leaving:
            self._health = {name: replace(one, seen=now) for name, one in self._health.items()}
        self._waiting.set()
        return change.entering

    async def _keep_tainting(self) -> None:
        """As fast as the zones' rates let nodes pass."""
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            pauses = [await self._taint_some(zone) for zone in list(self._zones.values())]
            soonest = min((one for one in pauses if one is not None), default=None)
            if soonest is not None:
                try:
                    await asyncio.wait_for(self._waiting.wait(), max(soonest, 0.05))
                except TimeoutError:
                    self._waiting.set()

    async def _taint_some(self, zone: Zone) -> float | None:
        """Seconds until the next one may pass; None if nobody waits, or for nothing."""
        clock: Callable[[], float] = self._context.clock
        while zone.waiting and zone.bucket.take(clock()):
            name = next(iter(zone.waiting))
            node = self._nodes.get(name)
            wanted = taints.evicting(node, clock()) if node is not None else None
            try:
                if node is not None and wanted is not None and not is_ready(node):
                    await self._taint(node, wanted)
            except (StatusError, SampanError) as error:
                log.info("node %s: %s", name, error)
            zone.waiting.pop(name, None)
        return zone.bucket.wait(clock()) if zone.waiting else None


def is_ready(node: Object) -> bool:
    return (condition(node, "Ready") or {}).get("status") == "True"
