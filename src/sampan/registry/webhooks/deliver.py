"""Delivers queued notifications: in order per endpoint, at least once, and no endpoint waits for another.

A batch that was not answered with 2xx is sent again; after `threshold` failures in a row there is a pause of
`backoff` before each try. Killed between an answer and the note of it, a batch goes twice: events have ids.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

import aiohttp

from sampan.registry.blobs import Clock
from sampan.registry.database import Database
from sampan.registry.metrics import families
from sampan.registry.metrics.measure import Metrics
from sampan.registry.webhooks.config import Webhook
from sampan.registry.webhooks.envelope import MEDIA_TYPE
from sampan.registry.webhooks.queue import drop, oldest

log = logging.getLogger("sampan.registry")

BATCH = 50
POLL = 0.1  # seconds between looks at the database's version: 10 us each
PACE = 0.1  # seconds between tries before the threshold


class Deliverer:
    def __init__(
        self, database: Database, endpoints: Sequence[Webhook], metrics: Metrics, clock: Clock = time.time
    ) -> None:
        self._database = database
        self._endpoints = tuple(endpoints)
        self._metrics = metrics
        self._clock = clock
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Until cancelled."""
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch())
                for endpoint in self._endpoints:
                    group.create_task(self._serve(session, endpoint))

    async def _watch(self) -> None:
        """Wake the others when any process has committed something."""
        seen = None
        while True:
            found = self._database.read.execute("PRAGMA data_version").fetchone()[0]
            if found != seen:
                seen = found
                async with self._changed:
                    self._changed.notify_all()
            await asyncio.sleep(POLL)

    async def _serve(self, session: aiohttp.ClientSession, endpoint: Webhook) -> None:
        failures = 0
        while True:
            rows = oldest(self._database.read, endpoint.name, BATCH)
            waiting = self._metrics.cell(families.PENDING, endpoint.name)
            waiting.set(self._count(endpoint))
            if not rows:
                async with self._changed:
                    await self._changed.wait()
                continue
            rows = await self._without_old(endpoint, rows)
            if not rows:
                continue
            problem = await self._post(session, endpoint, [event for _, _, event in rows])
            self._metrics.cell(families.WEBHOOKS, endpoint.name, "failed" if problem else "delivered").add()
            if not problem:
                failures = 0
                last = rows[-1][0]
                await self._database.write(lambda db, last=last: drop(db, endpoint.name, last), frees=True)  # type: ignore[misc]
                continue
            failures += 1
            if failures in (1, endpoint.threshold):
                log.warning("webhook %s: %s (failure %d in a row)", endpoint.name, problem, failures)
            await asyncio.sleep(PACE if failures < endpoint.threshold else endpoint.backoff)

    def _count(self, endpoint: Webhook) -> int:
        statement = "SELECT count(*) FROM notifications WHERE endpoint=?"
        return int(self._database.read.execute(statement, (endpoint.name,)).fetchone()[0])

    async def _without_old(
        self, endpoint: Webhook, rows: list[tuple[int, float, bytes]]
    ) -> list[tuple[int, float, bytes]]:
        since = self._clock() - endpoint.keep
        old = [row for row in rows if row[1] < since]
        if not old:
            return rows
        log.error("webhook %s: gave up on %d events older than %g s", endpoint.name, len(old), endpoint.keep)
        last = old[-1][0]
        await self._database.write(lambda db: drop(db, endpoint.name, last), frees=True)
        return [row for row in rows if row[0] > last]

    async def _post(self, session: aiohttp.ClientSession, endpoint: Webhook, events: Sequence[bytes]) -> str:
        """What went wrong, or "". A redirect does not count as delivery: headers may hold secrets."""
        body = b'{"events":[' + b",".join(events) + b"]}"
        headers = {**dict(endpoint.headers), "Content-Type": MEDIA_TYPE}
        try:
            async with asyncio.timeout(endpoint.timeout):
                async with session.post(
                    endpoint.url, data=body, headers=headers, allow_redirects=False
                ) as response:
                    await response.content.read(64 << 10)
                    return "" if 200 <= response.status < 300 else f"answered {response.status}"
        except TimeoutError:
            return f"no answer within {endpoint.timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"cannot be reached: {type(error).__name__}"
