"""The surroundings of the nodes as the process's one cache has them, and what is assumed of them."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

from sampan.kube.client import resources
from sampan.kube.client.informer import Handler, key_of
from sampan.kube.client.informers import NAMESPACE, Informers
from sampan.kube.client.requests import Object, ResourcePath

RESOURCES: Mapping[str, ResourcePath] = {
    path.plural: path
    for path in (
        *(resources.CLAIMS, resources.VOLUMES, resources.STORAGE_CLASSES, resources.CSI_NODES),
        *(resources.CSI_DRIVERS, resources.STORAGE_CAPACITIES, resources.ATTACHMENTS),
        *(resources.NAMESPACES, resources.SERVICES, resources.REPLICATION_CONTROLLERS),
        *(resources.REPLICA_SETS, resources.STATEFUL_SETS, resources.RESOURCE_CLAIMS),
        *(resources.DEVICE_CLASSES, resources.RESOURCE_SLICES),
    )
}


Told = Callable[[Object], bool]  # does this one say what was assumed?


def _any(_value: Object) -> bool:
    return True


class Caches:
    """Surroundings. What is assumed of an object counts until the cache has one that tells it, or it goes."""

    def __init__(self, informers: Informers) -> None:
        self.pods = informers.of(resources.PODS)
        self.nodes = informers.of(resources.NODES)
        self.budgets = informers.of(resources.DISRUPTION_BUDGETS)
        self.others = {plural: informers.of(path) for plural, path in RESOURCES.items()}
        self._assumed: dict[tuple[str, str], tuple[Object, Told]] = {}
        self._versions = dict.fromkeys(RESOURCES, 0)
        for plural, informer in self.others.items():
            informer.on_change(self._noter(plural))

    async def synced(self) -> None:
        """Until everything has been seen once."""
        for informer in (self.pods, self.nodes, self.budgets, *self.others.values()):
            await informer.synced.wait()

    def get(self, resource: str, key: str) -> Object | None:
        assumed = self._assumed.get((resource, key)) if self._assumed else None
        return assumed[0] if assumed is not None else self.others[resource].get(key)

    def all(self, resource: str, namespace: str = "") -> Iterable[Object]:
        informer = self.others[resource]
        found = informer.by(NAMESPACE, namespace) if namespace else informer.objects.values()
        return found if not self._assumed else self._with_assumed(resource, found)

    def _with_assumed(self, resource: str, found: Iterable[Object]) -> Iterator[Object]:
        for value in found:
            assumed = self._assumed.get((resource, key_of(value)))
            yield value if assumed is None else assumed[0]

    def is_assumed(self, resource: str, key: str) -> bool:
        return (resource, key) in self._assumed

    def version(self, resource: str) -> Hashable:
        return self._versions[resource]

    def assume(self, resource: str, value: Object, told: Told = _any) -> None:
        """It will be so: what is decided next is to reckon with it."""
        self._assumed[resource, key_of(value)] = (value, told)
        self._versions[resource] += 1

    def forget(self, resource: str, key: str) -> None:
        """It will not."""
        if self._assumed.pop((resource, key), None) is not None:
            self._versions[resource] += 1

    def _noter(self, plural: str) -> Handler:
        def changed(what: str, value: Object, _old: Object | None) -> None:
            self._versions[plural] += 1
            assumed = self._assumed.get((plural, key_of(value))) if self._assumed else None
            if assumed is not None and (what == "delete" or assumed[1](value)):
                del self._assumed[plural, key_of(value)]

        return changed
