"""GET /containers/<id>/stats: when to read a container's counters."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from sampan.engine.containers import usage as stats
from sampan.engine.containers.container import Container
from sampan.engine.containers.services import Services

PERIOD = 1.0  # seconds, as Docker's collector


async def samples(
    services: Services, container: Container, *, stream: bool, once: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """One document, or one a second until the container is removed.

    A single one that is not `once` takes two readings, so that it holds a rate; of a container that does
    not run it is empty.
    """
    previous: stats.Sample | None = None
    if not stream and not once:
        previous = reading(services, container)
        if previous is not None:
            await asyncio.sleep(PERIOD)
    while services.index.by_id(container.id) is container:
        sample = reading(services, container)
        yield document(services, container, sample, previous)
        if not stream:
            return
        previous = sample
        await asyncio.sleep(PERIOD)


def reading(services: Services, container: Container) -> stats.Sample | None:
    state = container.record.state
    if not state.running or state.restarting:
        return None
    try:
        return stats.take(services.cgroup(container).stat())
    except OSError:
        return None  # it ended this moment, and its cgroup with it


def document(
    services: Services, container: Container, sample: stats.Sample | None, previous: stats.Sample | None
) -> dict[str, Any]:
    record = container.record
    networks = None
    if sample is not None and record.host_config["NetworkMode"] not in ("host", "none"):
        networks = stats.network_counters(record.state.pid)
    return stats.document(record.id, record.name, sample, previous, networks, services.host.memory)
