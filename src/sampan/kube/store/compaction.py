"""Forgetting the past every five minutes: what is older than five minutes, also when nothing is written.

A mark in the store itself says which revision it was when. So a server that never runs for five minutes
compacts as well, and of several servers on one etcd whoever comes first does it for all.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import orjson

from sampan.errors import SampanError
from sampan.kube.store.store import Ahead, Compacted, Mismatch, Store

logger = logging.getLogger(__name__)

MARK = "/sampan/compaction"  # outside of what the API serves
INTERVAL = 300.0  # seconds, as upstream's


class Compactor:
    """`clock`: seconds since 1970; `sleep` as asyncio's."""

    def __init__(
        self,
        store: Store,
        *,
        interval: float = INTERVAL,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._interval = interval
        self._clock = clock
        self._sleep = sleep

    async def run(self) -> None:
        """Until it is cancelled. What fails is tried again at the next time."""
        while True:
            left = self._interval
            try:
                left = await self.step()
            except SampanError as error:
                logger.warning("compaction: %s", error)
            await self._sleep(left)

    async def step(self) -> float:
        """Compact if it is time; returns in how many seconds it is again."""
        now = self._clock()
        found = await self._store.get(MARK)
        mark = orjson.loads(found.value) if found else None
        # A mark of the future: the clock has been set back, and nobody knows how old the mark is.
        if mark is not None and 0 <= now - mark["time"] < self._interval:
            return self._interval - (now - float(mark["time"]))
        value = orjson.dumps({"time": now, "revision": await self._store.revision()})
        try:
            await self._store.write(MARK, value, expected=found.revision if found else 0)
        except Mismatch:  # another server was faster
            return self._interval
        if mark is not None:
            await self._compact(mark["revision"])
        return self._interval

    async def _compact(self, revision: int) -> None:
        try:
            await self._store.compact(revision)
        except (Compacted, Ahead) as error:
            logger.info("compaction: %s", error)
