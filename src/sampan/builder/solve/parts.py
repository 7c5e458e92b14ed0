"""All that takes part in building on one engine, put together at its first build."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sampan.builder.execute.executor import Executor
from sampan.builder.export.export import Exporter
from sampan.builder.solve.cache.records import GIT, MOUNT, Usage
from sampan.builder.solve.cache.store import Cache
from sampan.builder.solve.context import Lanes
from sampan.builder.solve.results import Results
from sampan.builder.sources.sources import Sources
from sampan.engine.images import Images
from sampan.engine.images.registries import proxies_of

if TYPE_CHECKING:
    from sampan.engine.engine import Engine

# Programs that wait for each other must all get their turn: BuildKit has no bound at all.
STEPS_AT_ONCE = 32 + 4 * (os.cpu_count() or 1)


@dataclass(frozen=True)
class Parts:
    """Of one engine."""

    images: Images
    cache: Cache
    sources: Sources
    executor: Executor
    exporter: Exporter
    results: Results
    lanes: Lanes

    async def usage(self) -> list[Usage]:
        """What is kept beside records: cache mounts, and what was fetched from git and http."""
        mounts = [
            Usage(
                id=mount.name,
                type=MOUNT,
                description=f"cached mount {mount.id}",
                size=mount.size,
                created=mount.created,
                last_used=mount.last_used,
                uses=mount.uses,
                in_use=mount.in_use,
                mutable=True,
            )
            for mount in self.executor.cache_mounts()
        ]
        fetched = [
            Usage(
                id=id,
                type=GIT,
                description=id,
                size=size,
                created=int(used * 1e9),
                last_used=int(used * 1e9),
                mutable=True,
            )
            for id, size, used in await self.sources.disk_usage()
        ]
        return [*mounts, *fetched]

    async def remove(self, gone: Sequence[Usage]) -> None:
        """Those of `usage`."""
        self.executor.remove_cache_mounts([usage.id for usage in gone if usage.type == MOUNT])
        await self.sources.prune([usage.id for usage in gone if usage.type == GIT])


async def make_parts(engine: "Engine", cache: Cache) -> Parts:
    """And remove what builds of an earlier daemon have left."""
    engine.paths.builds.mkdir(parents=True, exist_ok=True, mode=0o710)
    parts = Parts(
        images=engine.images,
        cache=cache,
        sources=Sources(engine.paths, proxies_of(engine.config)),
        executor=Executor(
            paths=engine.paths,
            store=engine.store,
            images=engine.images.store,
            containers=engine.containers,
            networks=engine.networks,
        ),
        exporter=Exporter(engine.images),
        results=Results(engine.images.store),
        lanes=Lanes(STEPS_AT_ONCE),
    )
    await parts.executor.start()
    await parts.sources.start()
    return parts
