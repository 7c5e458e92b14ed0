"""The last step of a write: what has passed everything goes to the store, with what belongs to it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from sampan.kube.api import deletion, systemfields
from sampan.kube.api.calls import Call
from sampan.kube.api.options import WriteOptions
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Companions, Object
from sampan.kube.store.cache import Cache
from sampan.kube.store.items import Item
from sampan.kube.store.store import Mismatch
from sampan.specs.kubernetes import status

LARGEST = 1536 << 10  # bytes of an object, etcd's limit of a request

Seal = Callable[[str, str, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Written:
    """`item` is None where nothing is kept: a dry run, or an object that is `gone` now."""

    object: Object
    item: Item | None
    created: bool = False
    gone: bool = False


class Keeper:
    """All raise Mismatch when somebody else was faster, and StatusError."""

    def __init__(self, cache: Cache, served: Callable[[str], Served | None], seal: Seal) -> None:
        """`served` finds a resource by its name; `seal` (resource, key, value) makes what is kept."""
        self.cache = cache
        self._find = served
        self._seal = seal
        # What there is only once in the cluster is given out by one write at a time.
        self.allocation = asyncio.Lock()

    async def put(self, served: Served, key: str, new: Object, expected: int) -> Item:
        """Write an object over revision `expected` of it; 0: it is not there yet."""
        item = await self._keep(served, key, await served.bytes_of(new), expected)
        if served.converter is not None:
            served.converter.remember(item, new)
        return item

    async def commit(self, call: Call, item: Item, new: Object, options: WriteOptions) -> Written:
        """Write what an object has become; a write that changes nothing is none."""
        served = call.served
        new["metadata"]["resourceVersion"] = str(item.revision)
        value = await served.bytes_of(new)
        if deletion.gone_after_update(served, new):
            if not options.dry_run:
                await self.cache.write(item.key, None, expected=item.revision)
            return Written(new, None)
        if served.same_value(item, value):
            return Written(new, item)
        _check_size(value)
        if options.dry_run:
            return Written(new, None)
        written = await self._keep(served, item.key, value, item.revision)
        if served.converter is not None:
            served.converter.remember(written, new)
        return Written(new, written)

    async def accompany(self, call: Call, companions: Companions) -> None:
        """Write what belongs to an object. Companions without their object are found and removed later."""
        for resource, value in companions.create:
            served = self._served(resource)
            systemfields.begin(value, call.stamp)
            value.setdefault("kind", served.kind)
            value.setdefault("apiVersion", served.api_version)
            if served.resource.generation:
                value["metadata"]["generation"] = 1
            with suppress(Mismatch):
                await self.put(served, served.key("", value["metadata"]["name"]), value, 0)
        for resource, name in companions.delete:
            await self.cache.write(self._served(resource).key("", name), None, expected=None)

    def _served(self, resource: str) -> Served:
        found = self._find(resource)
        assert found is not None, resource
        return found

    async def _keep(self, served: Served, key: str, value: bytes, expected: int) -> Item:
        _check_size(value)
        sealed = self._seal(served.resource.name, key, value)
        item = await self.cache.write(key, sealed, expected=expected, ttl=served.resource.ttl)
        assert item is not None
        return item


def _check_size(value: bytes) -> None:
    if len(value) > LARGEST:
        raise status.StatusError(
            "RequestEntityTooLarge", f"Request is too large: {len(value)} bytes, the limit is {LARGEST}"
        )
