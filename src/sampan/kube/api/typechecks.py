"""Looks at the types in policies' expressions and writes what it finds into their status.

Upstream's controller manager does so (validatingadmissionpolicystatus); the types are known here.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from sampan.kube.access.admission.policies import POLICIES
from sampan.kube.access.admission.typechecking import status_of
from sampan.kube.access.user import LOOPBACK
from sampan.kube.api.calls import Call
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.options import WriteOptions
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.resource import Object, Reader, Resource
from sampan.kube.schema.node import Node
from sampan.kube.store.cache import Cache
from sampan.kube.store.rings import Lagging
from sampan.specs.kubernetes import status

log = logging.getLogger("sampan.kube")

AGENT = "validatingadmissionpolicy-status"


class TypeChecks:
    def __init__(
        self,
        catalog: Catalog,
        cache: Cache,
        writer: Writer,
        reader: Reader,
        clock: Callable[[], float] = time.time,
    ) -> None:
        found = catalog.by_name(POLICIES)
        assert found is not None
        self._served = found
        self._catalog = catalog
        self._cache = cache
        self._writer = writer
        self._reader = reader
        self._clock = clock

    async def run(self) -> None:
        """Follows the policies until cancelled."""
        while True:
            with suppress(Lagging):  # then all of them are looked at again
                await self._run()
                return

    async def _run(self) -> None:
        subscription = self._cache.subscribe(self._served.prefix, self._cache.revision)
        try:
            for item in self._cache.items(self._served.prefix):
                await self._check(self._served.object(item))
            async for batch in subscription:
                for name in {event.item.name for event in batch}:
                    item_now = self._cache.get(self._served.key("", name))
                    if item_now is not None:
                        await self._check(self._served.object(item_now))
        finally:
            subscription.close()

    async def _check(self, policy: Object) -> None:
        metadata = policy["metadata"]
        if (policy.get("status") or {}).get("observedGeneration") == metadata.get("generation"):
            return
        call = Call(
            self._served,
            LOOPBACK,
            self._reader,
            name=metadata["name"],
            subresource="status",
            agent=AGENT,
            now=self._clock(),
        )

        def make(old: Object | None) -> Object:
            assert old is not None
            checked = {**(old.get("status") or {}), **status_of(old, self._find)}
            return {**old, "metadata": dict(old["metadata"]), "status": checked}

        try:
            await self._writer.update(call, make, WriteOptions(manager=AGENT))
        except status.StatusError as error:  # whoever was faster has made another event
            log.info("policy %s: %s", metadata["name"], error.message)

    def _find(self, group: str, version: str, plural: str) -> tuple[Resource, Node] | None:
        served = self._catalog.find(group, version, plural)
        return (served.resource, served.node) if served is not None else None
