"""Writes nodes' taints, those that drive pods away no faster than their zones allow."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from sampan.errors import SampanError
from sampan.kube.client.requests import JSON_PATCH, Object
from sampan.kube.client.resources import NODES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.nodelifecycle import taints, zones
from sampan.kube.controllers.nodelifecycle.health import is_ready
from sampan.kube.controllers.nodelifecycle.taints import Taint
from sampan.kube.controllers.nodelifecycle.zones import Bucket, Change, Rates, Zone
from sampan.specs.kubernetes.status import StatusError

log = logging.getLogger("sampan.kube")

SHORTEST = 0.05  # seconds between two looks at the zones' queues


class Tainter:
    def __init__(self, context: Context, rates: Rates) -> None:
        self._context = context
        self._rates = rates
        self._nodes = context.informers.of(NODES)
        self._zones: dict[str, Zone] = {}
        self._waiting = asyncio.Event()  # some node may be in a zone's queue

    async def write(self, node: Object, wanted: list[Taint] | None) -> None:
        """Nothing, for None."""
        if wanted is not None:
            name, patch = node["metadata"]["name"], taints.patch(node, wanted)
            await self._context.client.patch(NODES, "", name, patch, content_type=JSON_PATCH)

    async def free(self, node: Object) -> None:
        """Nobody is to be driven away from it."""
        await self.write(node, taints.reachable(node))

    async def evict_or_keep(self, node: Object, now: float) -> None:
        """Put it into its zone's queue, or take it out; one taint takes the place of the other at once."""
        name, zone = node["metadata"]["name"], self._zone(zones.zone_of(node))
        wanted = taints.evicting(node, now)
        if is_ready(node):
            zone.waiting.pop(name, None)
            await self.free(node)
        elif wanted is None:
            zone.waiting.pop(name, None)
        elif any(taints.has(node, key) for key in taints.EVICTING.values()):
            await self.write(node, wanted)
        else:
            zone.waiting.setdefault(name)
            self._waiting.set()
            if not zone.bucket.rate:
                text = "too much of its zone is away: nobody is driven away from it"
                self._context.explain(node, zone.state, text, "bring other nodes of the zone back")

    def _zone(self, key: str) -> Zone:
        if key not in self._zones:
            self._zones[key] = Zone(Bucket(self._rates.normal))
        return self._zones[key]

    def judge(self, ready: Mapping[str, Sequence[bool]], now: float) -> Change:
        """Set the zones' rates, by whether each of their nodes is ready."""
        before = {key: zone.state for key, zone in self._zones.items()}
        change = zones.judge(before, ready, self._rates)
        self._zones = {key: self._zone(key) for key in ready}
        for key, state in change.states.items():
            self._zones[key].state = state
        for key, rate in change.rates.items():
            self._zones[key].bucket.change(rate, now)
        self._waiting.set()
        return change

    async def run(self) -> None:
        """As fast as the zones' rates let nodes pass, until cancelled."""
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            pauses = [await self._pass(zone) for zone in list(self._zones.values())]
            soonest = min((one for one in pauses if one is not None), default=None)
            if soonest is not None:
                try:
                    await asyncio.wait_for(self._waiting.wait(), max(soonest, SHORTEST))
                except TimeoutError:
                    self._waiting.set()

    async def _pass(self, zone: Zone) -> float | None:
        """Seconds until the next one may pass; None if nobody waits, or for nothing."""
        clock = self._context.clock
        while zone.waiting and zone.bucket.take(clock()):
            name = next(iter(zone.waiting))
            node = self._nodes.get(name)
            try:
                if node is not None and not is_ready(node):
                    await self.write(node, taints.evicting(node, clock()))
            except (StatusError, SampanError) as error:
                log.info("node %s: %s", name, error)
            zone.waiting.pop(name, None)
        return zone.bucket.wait(clock()) if zone.waiting else None
