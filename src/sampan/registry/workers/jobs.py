"""Background jobs, all in one process: garbage collection, retention, notifications."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any

from sampan.registry.cache.fetch import sweep
from sampan.registry.metrics import families
from sampan.registry.metrics.measure import Metrics
from sampan.registry.registry import Registry
from sampan.registry.webhooks.deliver import Deliverer

log = logging.getLogger("sampan.registry")
RESERVE_EVERY = 5.0  # seconds


async def run_jobs(registry: Registry, metrics: Metrics) -> None:
    """Until cancelled."""
    jobs: list[Coroutine[Any, Any, None]] = [keep_reserve(registry)]
    if registry.config.collect.enabled:
        jobs.append(collect_forever(registry, metrics))
    if registry.config.webhook:
        deliverer = Deliverer(registry.database, registry.config.webhook, metrics, registry.clock)
        jobs.append(deliverer.run())
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(job)


async def keep_reserve(registry: Registry) -> None:
    """Hold the reserve again after it was needed."""
    while True:
        try:
            await asyncio.to_thread(registry.database.reserve.fill)
        except OSError as error:
            log.error("cannot reserve space in %s: %s", registry.layout.reserve, error.strerror)
        await asyncio.sleep(RESERVE_EVERY)


async def collect_forever(registry: Registry, metrics: Metrics) -> None:
    while True:
        await asyncio.sleep(registry.config.collect.interval)
        await collect_once(registry, metrics)


async def collect_once(registry: Registry, metrics: Metrics) -> None:
    try:
        done = await registry.collector.run()
        before = registry.clock() - registry.config.upload_expiry
        swept = await sweep(registry.layout, registry.database, before)
    except Exception:
        log.exception("garbage collection failed; the next pass tries again")
        metrics.cell(families.COLLECTIONS, "failed").add()
        return
    if done is None:
        return
    done.files += swept
    log.info("garbage collection removed %s", done)
    metrics.cell(families.COLLECTIONS, "done").add()
    metrics.cell(families.COLLECT_TIME).set(registry.clock())
    for what, count in asdict(done).items():
        metrics.cell(families.COLLECTED, what).add(count)
