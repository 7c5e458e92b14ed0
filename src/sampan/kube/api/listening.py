"""Telling access of changes to what it keeps indexes of: roles, bindings, pods, ..."""

import asyncio
from collections.abc import Callable, Mapping

from sampan.kube.api.catalog import Catalog
from sampan.kube.store.cache import Cache

Changed = Callable[[str, str, str], None]


async def follow(cache: Cache, catalog: Catalog, changed: Mapping[str, Changed]) -> None:
    """Call (resource, namespace, name) for each change of a resource of `changed`, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for resource, tell in changed.items():
            group.create_task(_follow_one(cache, catalog, resource, tell))


async def _follow_one(cache: Cache, catalog: Catalog, resource: str, tell: Changed) -> None:
    served = catalog.by_name(resource)
    if served is None:
        return
    async for batch in cache.subscribe(served.prefix, cache.revision):
        for event in batch:
            tell(resource, event.item.namespace, event.item.name)
