"""The surroundings of the nodes as the process's one cache has them, and what is assumed of them."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Protocol

from sampan.kube.client.informer import Handler, Informer, key_of
from sampan.kube.client.requests import Object, ResourcePath
from sampan.kube.scheduler import surroundings

NAMESPACE = "namespace"  # an index that all informers of the process have

PODS = ResourcePath("v1", "pods")
NODES = ResourcePath("v1", "nodes", namespaced=False)
BUDGETS = ResourcePath("policy/v1", "poddisruptionbudgets")


def _storage(plural: str, namespaced: bool = False) -> ResourcePath:
    return ResourcePath("storage.k8s.io/v1", plural, namespaced)


def _devices(plural: str, namespaced: bool = False) -> ResourcePath:
    return ResourcePath("resource.k8s.io/v1", plural, namespaced)


RESOURCES: Mapping[str, ResourcePath] = {
    surroundings.CLAIMS: ResourcePath("v1", surroundings.CLAIMS),
    surroundings.VOLUMES: ResourcePath("v1", surroundings.VOLUMES, namespaced=False),
    surroundings.CLASSES: _storage(surroundings.CLASSES),
    surroundings.CSI_NODES: _storage(surroundings.CSI_NODES),
    surroundings.CSI_DRIVERS: _storage(surroundings.CSI_DRIVERS),
    surroundings.CAPACITIES: _storage(surroundings.CAPACITIES, namespaced=True),
    surroundings.ATTACHMENTS: _storage(surroundings.ATTACHMENTS),
    surroundings.NAMESPACES: ResourcePath("v1", surroundings.NAMESPACES, namespaced=False),
    surroundings.SERVICES: ResourcePath("v1", surroundings.SERVICES),
    surroundings.REPLICATION_CONTROLLERS: ResourcePath("v1", surroundings.REPLICATION_CONTROLLERS),
    surroundings.REPLICA_SETS: ResourcePath("apps/v1", surroundings.REPLICA_SETS),
    surroundings.STATEFUL_SETS: ResourcePath("apps/v1", surroundings.STATEFUL_SETS),
    surroundings.RESOURCE_CLAIMS: _devices(surroundings.RESOURCE_CLAIMS, namespaced=True),
    surroundings.DEVICE_CLASSES: _devices(surroundings.DEVICE_CLASSES),
    surroundings.SLICES: _devices(surroundings.SLICES),
}


class Informers(Protocol):
    """The one cache of the process."""

    def of(self, resource: ResourcePath) -> Informer: ...


class Caches:
    """Surroundings. What is assumed of an object counts until the cache has a later one."""

    def __init__(self, informers: Informers) -> None:
        self.pods = informers.of(PODS)
        self.nodes = informers.of(NODES)
        self.budgets = informers.of(BUDGETS)
        self.others = {plural: informers.of(path) for plural, path in RESOURCES.items()}
        self._assumed: dict[tuple[str, str], Object] = {}
        self._versions = dict.fromkeys(RESOURCES, 0)
        for plural, informer in self.others.items():
            informer.on_change(self._noter(plural))

    async def synced(self) -> None:
        """Until everything has been seen once."""
        for informer in (self.pods, self.nodes, self.budgets, *self.others.values()):
            await informer.synced.wait()

    def get(self, resource: str, key: str) -> Object | None:
        assumed = self._assumed.get((resource, key)) if self._assumed else None
        return assumed if assumed is not None else self.others[resource].get(key)

    def all(self, resource: str, namespace: str = "") -> Iterable[Object]:
        informer = self.others[resource]
        found = informer.by(NAMESPACE, namespace) if namespace else informer.objects.values()
        return found if not self._assumed else self._with_assumed(resource, found)

    def _with_assumed(self, resource: str, found: Iterable[Object]) -> Iterator[Object]:
        for value in found:
            yield self._assumed.get((resource, key_of(value)), value)

    def version(self, resource: str) -> Hashable:
        return self._versions[resource]

    def assume(self, resource: str, value: Object) -> None:
        """It will be so: what is decided next is to reckon with it."""
        self._assumed[resource, key_of(value)] = value
        self._versions[resource] += 1

    def forget(self, resource: str, key: str) -> None:
        """It will not."""
        if self._assumed.pop((resource, key), None) is not None:
            self._versions[resource] += 1

    def _noter(self, plural: str) -> Handler:
        def changed(_what: str, value: Object, _old: Object | None) -> None:
            self._versions[plural] += 1
            self._assumed.pop((plural, key_of(value)), None)

        return changed
