"""Custom resources come and go with their definitions: names, states, serving, and the cleaning up.

k8s.io/apiextensions-apiserver pkg/controller: status, establish and finalizer.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sampan.kube.api import converting
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.ownwrites import OwnWrites
from sampan.kube.api.scales import Scales
from sampan.kube.api.served import Served
from sampan.kube.api.verbs import Special
from sampan.kube.kinds.apiextensions import naming
from sampan.kube.kinds.apiextensions.custom import Custom, resources
from sampan.kube.kinds.resource import Object
from sampan.kube.store.cache import Cache
from sampan.kube.store.items import Item
from sampan.kube.store.rings import Lagging

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
PAUSE = 5.0  # seconds between looks at resources that do not go


class Definitions:
    def __init__(
        self,
        catalog: Catalog,
        cache: Cache,
        own: OwnWrites,
        scales: Scales,
        special: dict[tuple[str, str], Special],
        call: converting.Call,
    ) -> None:
        found = catalog.by_name(DEFINITIONS)
        assert found is not None
        self._served = found
        self._catalog = catalog
        self._cache = cache
        self._own = own
        self._scales = scales
        self._special = special
        self._ask = call
        self._crds: dict[str, Object] = {}
        self._custom: dict[str, list[Served]] = {}
        self._endings: dict[str, asyncio.Task[None]] = {}

    def load(self) -> None:
        """Serves what is defined now, and nothing else."""
        self._crds, self._custom = {}, {}
        for item in self._cache.items(self._served.prefix):
            self._take(item)
        self._publish()

    async def run(self) -> None:
        """Follows the definitions until cancelled."""
        try:
            while True:
                with suppress(Lagging):  # then all of them are looked at again
                    await self._run()
                    return
        finally:
            for task in self._endings.values():
                task.cancel()

    async def _run(self) -> None:
        subscription = self._cache.subscribe(self._served.prefix, self._cache.revision)
        self.load()
        try:
            for crd in list(self._crds.values()):
                await self._settle(crd)
            async for batch in subscription:
                await self._follow(batch)
        finally:
            subscription.close()

    async def _follow(self, batch: list[Any]) -> None:
        touched = {}
        for event in batch:
            name = event.item.name
            if event.type == "DELETED":
                touched[name] = self._crds.pop(name, None)
                self._custom.pop(name, None)
            else:
                self._take(event.item)
                touched[name] = self._crds[name]
        self._publish()
        groups = {crd["spec"]["group"] for crd in touched.values() if crd is not None}
        for crd in list(self._crds.values()):
            waits = crd["spec"]["group"] in groups and not naming.is_true(crd, "NamesAccepted")
            if crd["metadata"]["name"] in touched or waits:
                await self._settle(crd)

    def _take(self, item: Item) -> None:
        crd = self._served.object(item)
        self._crds[item.name] = crd
        self._custom[item.name] = [self._serve(one) for one in resources(crd)]

    def _serve(self, custom: Custom) -> Served:
        return Served(
            custom.resource,
            lambda: custom.structure.node,
            storage_version=custom.storage_version,
            custom=custom,
            converter=converting.Converter(custom, self._ask) if custom.converts else None,
        )

    def _publish(self) -> None:
        everything = [served for found in self._custom.values() for served in found]
        self._catalog.replace_custom(everything)
        for served in everything:
            if served.resource.scale is not None:
                self._special[served.resource.name, "scale"] = self._scales.perform

    # --- states

    async def _settle(self, crd: Object) -> None:
        name = crd["metadata"]["name"]
        if "deletionTimestamp" in crd["metadata"]:
            if name not in self._endings and naming.FINALIZER in (crd["metadata"].get("finalizers") or ()):
                task = self._endings[name] = asyncio.ensure_future(self._end(name))
                task.add_done_callback(lambda _: self._endings.pop(name, None))
            return
        others = [one for key, one in self._crds.items() if key != name]
        if naming.settled_status(crd, others, self._own.stamp) is None:
            return

        def settled(old: Object) -> Object:
            wanted = naming.settled_status(old, others, self._own.stamp)
            return {**old, "status": wanted} if wanted is not None else old

        await self._write(name, settled)
        item = self._cache.get(self._served.key("", name))
        if item is not None:  # the names of the next one are compared with it
            self._take(item)

    async def _write(self, name: str, change: Callable[[Object], Object]) -> None:
        """Whoever deletes a definition meanwhile comes first."""
        await self._own.update(self._served, name, change, "status")

    # --- the end

    async def _end(self, name: str) -> None:
        """Deletes all resources of a definition, and then the definition."""
        await self._write(name, lambda old: naming.terminating(old, naming.IN_PROGRESS, self._own.stamp))
        versions = self._custom.get(name, [])
        # The one that is stored needs no conversion, which may not work any more.
        stored = [one for one in versions if one.resource.version == one.storage_version]
        served = next(iter(stored or versions), None)
        while served is not None:
            for item in self._cache.items(served.prefix):
                namespace = item.namespace if served.resource.namespaced else ""
                await self._own.delete(served, namespace, item.name)
            if not self._cache.items(served.prefix):
                break
            await asyncio.sleep(PAUSE)
        await self._write(name, lambda old: naming.finalized(old, self._own.stamp))
