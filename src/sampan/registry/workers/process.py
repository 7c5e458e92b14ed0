"""The life of one process, from its fork to its exit."""

import asyncio
import gc
import logging
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import uvloop

from sampan.registry.accesslog import AccessLog
from sampan.registry.config import Config
from sampan.registry.metrics.measure import Metrics
from sampan.registry.metrics.shared import Arena
from sampan.registry.registry import Registry
from sampan.registry.serve import build
from sampan.registry.workers.jobs import run_jobs
from sampan.registry.workers.lock import only_one
from sampan.registry.workers.serving import Front
from sampan.registry.workers.supervisor import Place

log = logging.getLogger("sampan.registry")


@dataclass(frozen=True)
class Setting:
    """What the supervisor hands over; `alive` ends when the supervisor is gone."""

    config: Config
    context: ssl.SSLContext | None
    listener: socket.socket
    arena: Arena
    place: Place
    slot: int
    alive: int


def run(setting: Setting) -> int:
    if setting.place.jobs:
        setting.listener.close()  # or connections would wait here for somebody to take them
    uvloop.run(_until_told(setting, _jobs if setting.place.jobs else _serve))
    return 0


async def _until_told(setting: Setting, work: Callable[[Setting, asyncio.Event], Awaitable[None]]) -> None:
    """SIGTERM ends the work, and so does the end of the supervisor, even by SIGKILL."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    loop.add_reader(setting.alive, _orphaned, setting.alive, told)
    await work(setting, told)


def _orphaned(alive: int, told: asyncio.Event) -> None:
    asyncio.get_running_loop().remove_reader(alive)
    told.set()


async def _serve(setting: Setting, told: asyncio.Event) -> None:
    config = setting.config
    metrics = Metrics(setting.arena, setting.slot)
    api = build(config, metrics)
    access_log = AccessLog(config.log.access) if config.log.access else None
    front = Front(api, metrics, access_log)
    metrics.workers.set(1)
    await api.start()
    try:
        front.listen(setting.listener, setting.context)
        gc.collect()
        gc.freeze()
        await told.wait()
    finally:
        await front.stop(config.drain_timeout)
        await api.stop()
        metrics.workers.set(0)
        if access_log is not None:
            access_log.close()


async def _jobs(setting: Setting, told: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        work = group.create_task(_all_jobs(setting))
        await told.wait()  # nothing to do is no reason to end, and be started again
        work.cancel()


async def _all_jobs(setting: Setting) -> None:
    metrics = Metrics(setting.arena, setting.slot)
    registry = Registry(setting.config)
    try:
        async with only_one(registry.layout.jobs_lock):
            await run_jobs(registry, metrics)
    finally:
        registry.database.close()
