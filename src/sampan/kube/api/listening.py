"""Telling access of changes to what it keeps indexes of: roles, bindings, pods, ..."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from sampan.kube.api.catalog import Catalog
from sampan.kube.store.cache import Cache
from sampan.kube.store.rings import Subscription

Changed = Callable[[str, str, str], None]


def follow(cache: Cache, catalog: Catalog, changed: Mapping[str, Changed]) -> Coroutine[Any, Any, None]:
    """Calls (resource, namespace, name) for each change from now on of a resource of `changed`, until
    cancelled.
    """
    followed = []
    for resource, tell in changed.items():
        served = catalog.by_name(resource)
        if served is not None:
            followed.append((resource, tell, cache.subscribe(served.prefix, cache.revision)))
    return _follow(followed)


async def _follow(followed: list[tuple[str, Changed, Subscription]]) -> None:
    async with asyncio.TaskGroup() as group:
        for one in followed:
            group.create_task(_follow_one(*one))


async def _follow_one(resource: str, tell: Changed, subscription: Subscription) -> None:
    async for batch in subscription:
        for event in batch:
            tell(resource, event.item.namespace, event.item.name)
