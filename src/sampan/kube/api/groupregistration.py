"""APIServices of the groups of custom resources: they come and go with the definitions.

pkg/controlplane/controller/crdregistration, k8s.io/kube-aggregator/pkg/controllers/autoregister
"""

import asyncio
from collections.abc import Iterable

from sampan.errors import Failed
from sampan.kube.access.defaults.objects import ALWAYS, API_PRIORITIES, MANAGED, api_service
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.extensions import API_SERVICES
from sampan.kube.api.ownwrites import OwnWrites
from sampan.kube.kinds.resource import Object, Reader

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
GROUP_PRIORITY, VERSION_PRIORITY = 1000, 100


class GroupRegistration:
    """What somebody else has made of that name is left alone; so is what is not labelled as always kept."""

    def __init__(self, catalog: Catalog, reader: Reader, own: OwnWrites) -> None:
        found = catalog.by_name(API_SERVICES)
        assert found is not None
        self._served = found
        self._reader = reader
        self._own = own
        self._wake = asyncio.Event()
        self._settled = False

    def changed(self, _resource: str, _namespace: str, _name: str) -> None:
        """Told of definitions and of APIServices."""
        self.wake()

    def wake(self) -> None:
        """Look at all of them."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            await self.settle()
            await self._wake.wait()

    async def settle(self) -> None:
        """All of them, once."""
        wanted = registrations(self._reader.list(DEFINITIONS), self._own.stamp)
        have = {one["metadata"]["name"]: one for one in self._reader.list(API_SERVICES)}
        for name, new in wanted.items():
            if name not in have:
                await self._own.create(self._served, new)
            elif is_kept(have[name]) and is_other(have[name], new):
                await self._own.update(self._served, name, lambda old, new=new: respecified(old, new))  # type: ignore[misc]
        for name, old in have.items():
            if name not in wanted and is_kept(old):
                await self._own.delete(self._served, "", name)
        self._settled = True

    async def check(self) -> None:
        """Raises Failed until all that was defined is registered."""
        if not self._settled:
            raise Failed("missing APIServices of custom resources")


def registrations(definitions: Iterable[Object], now: str) -> dict[str, Object]:
    """By name, those that there have to be. Pure."""
    versions = {
        (spec["group"], one["name"])
        for spec in (each["spec"] for each in definitions)
        for one in spec["versions"]
        if one.get("served") and one["name"] not in API_PRIORITIES.get(spec["group"], (0, {}))[1]
    }
    return {
        f"{version}.{group}": api_service(group, version, GROUP_PRIORITY, VERSION_PRIORITY, now, ALWAYS)
        for group, version in sorted(versions)
    }


def is_kept(value: Object) -> bool:
    return (value["metadata"].get("labels") or {}).get(MANAGED) == ALWAYS


def is_other(old: Object, new: Object) -> bool:
    return any(old["spec"].get(key) != new["spec"].get(key) for key in {*old["spec"], *new["spec"]})


def respecified(old: Object, new: Object) -> Object:
    """Whoever takes the label away meanwhile comes first."""
    return {**old, "spec": dict(new["spec"])} if is_kept(old) else old
