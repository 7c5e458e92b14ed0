"""Of several copies of a component one leads: who holds its Lease; client-go's leader election.

Others' clocks do not matter: a lease has ended when it has not changed here for as long as it lasts.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from sampan.errors import Failed, SampanError
from sampan.kube.client.requests import Client, Object
from sampan.kube.client.resources import LEASES
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.status import StatusError, is_not_found

log = logging.getLogger("sampan.kube")

NAMESPACE = "kube-system"
DURATION = 15  # seconds that a lease lasts
DEADLINE = 10.0  # seconds without renewing, after which the leader stops
RETRY = 2.0
LOOK = 1.0  # seconds between two looks of who does not lead
# A leader that cannot renew its lease stops DEADLINE after it last did: nobody need wait for the very end,
# and the next one leads within its duration.
EARLY = 2.0


@dataclass
class Election:
    """`name` of the Lease, `identity` of this copy; the clock (seconds since 1970) is for what is written."""

    client: Client
    name: str
    identity: str
    clock: Callable[[], float]
    namespace: str = NAMESPACE

    _seen: Object | None = None  # the spec as it was last seen, and since when, by the loop's clock
    _since: float = 0.0

    async def lead(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait until this copy leads, then do the work while it does; raises Failed when it does no more."""
        # ruff's ASYNC110 wants an event here, but what is waited for happens in another process
        while not await self._try(DEADLINE):  # noqa: ASYNC110
            await asyncio.sleep(LOOK)
        log.info("%s leads as %s", self.identity, self.name)
        task = asyncio.ensure_future(work())
        try:
            await self._keep(task)
        finally:
            task.cancel()
            await asyncio.wait([task])
            await asyncio.shield(self._release())
        await task

    async def _keep(self, task: "asyncio.Future[None]") -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + DEADLINE
        while not (await asyncio.wait([task], timeout=max(min(RETRY, until - loop.time()), 0)))[0]:
            if await self._try(until - loop.time()):
                until = loop.time() + DEADLINE
            elif self._taken() or loop.time() >= until:
                raise Failed(f"{self.identity} leads as {self.name} no more")

    def _taken(self) -> bool:
        return self._seen is not None and self._seen.get("holderIdentity") != self.identity

    async def _try(self, seconds: float) -> bool:
        """Take or renew it; False if it is somebody else's, or the server does not say so in time."""
        try:
            async with asyncio.timeout(seconds):
                return await self._take()
        except (StatusError, SampanError, TimeoutError) as error:
            log.info("lease %s: %s", self.name, error or "no answer")
            return False

    async def _take(self) -> bool:
        try:
            lease = await self.client.get(LEASES, self.namespace, self.name)
        except StatusError as error:
            if not is_not_found(error):
                raise
            lease = {"metadata": {"name": self.name, "namespace": self.namespace}}
            self._look((await self.client.create(LEASES, self.namespace, self._held(lease)))["spec"])
            return True
        self._look(lease.get("spec") or {})
        if not self._free():
            return False
        self._look((await self.client.update(LEASES, self.namespace, self._held(lease)))["spec"])
        return True

    def _look(self, spec: Object) -> None:
        if spec != self._seen:
            self._seen, self._since = spec, asyncio.get_running_loop().time()

    def _free(self) -> bool:
        spec = self._seen or {}
        holder = spec.get("holderIdentity")
        ended = self._since + (spec.get("leaseDurationSeconds") or 0) - EARLY
        return holder in (None, "", self.identity) or asyncio.get_running_loop().time() >= ended

    def _held(self, lease: Object) -> Object:
        """The lease as it is written when this copy holds it."""
        now = self.clock()
        stamp = times.micro_text(int(now), int(now % 1 * 1e9))
        spec = lease.get("spec") or {}
        mine = spec.get("holderIdentity") == self.identity
        held = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": DURATION,
            "acquireTime": spec.get("acquireTime") if mine else stamp,
            "renewTime": stamp,
            "leaseTransitions": (spec.get("leaseTransitions") or 0) + (0 if mine or not spec else 1),
        }
        return {**lease, "spec": {**spec, **held}}

    async def _release(self) -> None:
        """Nobody need wait for the end of a lease whose holder stops in peace."""
        if self._seen is None or self._taken():
            return
        try:
            lease = await self.client.get(LEASES, self.namespace, self.name)
            if (lease.get("spec") or {}).get("holderIdentity") == self.identity:
                spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                await self.client.update(LEASES, self.namespace, {**lease, "spec": spec})
        except (StatusError, SampanError) as error:
            log.info("lease %s: %s", self.name, error)
