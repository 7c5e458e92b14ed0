"""Telling others of changes to what they keep indexes of: roles, bindings, pods, APIServices, ..."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from sampan.kube.api.catalog import Catalog
from sampan.kube.api.served import Served
from sampan.kube.store.cache import Cache
from sampan.kube.store.rings import Lagging, Subscription

Changed = Callable[[str, str, str], None]


def follow(
    cache: Cache, catalog: Catalog, changed: Mapping[str, Changed], lost: Callable[[], None]
) -> Coroutine[Any, Any, None]:
    """Calls (resource, namespace, name) for each change from now on of a resource of `changed`, until
    cancelled.

    `lost` is called when changes were missed, as the cache was loaded anew: all has to be looked at again.
    """
    followed = []
    for resource, tell in changed.items():
        served = catalog.by_name(resource)
        if served is not None:
            subscription = cache.subscribe(served.prefix, cache.revision)
            followed.append(_follow_one(cache, served, tell, lost, subscription))
    return _all(followed)


async def _all(followed: list[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for one in followed:
            group.create_task(one)


async def _follow_one(
    cache: Cache, served: Served, tell: Changed, lost: Callable[[], None], subscription: Subscription
) -> None:
    while True:
        try:
            async for batch in subscription:
                for event in batch:
                    tell(served.resource.name, event.item.namespace, event.item.name)
        except Lagging:
            subscription = cache.subscribe(served.prefix, cache.revision)
            lost()
        else:
            return
