"""Everything that is served at present: the built-in resources and the custom ones."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import overload

from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Object, Reader, Resource
from sampan.kube.schema import builtin
from sampan.kube.store.cache import Cache
from sampan.kube.store.items import Item

FEW = 32  # objects of a list that may stay parsed


class Catalog:
    """`groups` maps each group to its versions, each to its resources by their plural, in discovery's
    order. What is `off` is not in it, but this server itself still knows it by its name.
    """

    def __init__(self, resources: Iterable[Resource], off: Collection[tuple[str, str, str]] = ()) -> None:
        self._off = off
        self.groups: dict[str, dict[str, dict[str, Served]]] = {}
        self._by_name: dict[str, Served] = {}
        self._kinds: set[tuple[str, str]] = set()
        self.generation = 0  # grows with each change, so that documents made of it know their age
        self._own = [built_in(resource) for resource in resources]
        for served in self._own:
            self._add(served)
        self._relate()

    def _is_off(self, one: Resource) -> bool:
        return (one.group, one.version, one.plural) in self._off

    def _relate(self) -> None:
        stored: dict[str, list[Resource]] = {}
        for served in self.all():
            if served.resource.stored:
                stored.setdefault(served.prefix, []).append(served.resource)
        self._equivalents = {
            (one.api_version, one.plural): [other for other in same if other is not one]
            for same in stored.values()
            if len(same) > 1
            for one in same
        }

    def _add(self, served: Served) -> None:
        resource = served.resource
        if served.custom is not None or not self._is_off(resource):
            versions = self.groups.setdefault(resource.group, {})
            versions.setdefault(resource.version, {})[resource.plural] = served
        self._by_name.setdefault(resource.name, served)
        self._kinds.add((resource.api_version, resource.kind))

    def find(self, group: str, version: str, plural: str) -> Served | None:
        versions = self.groups.get(group)
        resources = versions.get(version) if versions else None
        return resources.get(plural) if resources else None

    def by_name(self, name: str) -> Served | None:
        """ "deployments.apps", in any version: the one that storage goes by."""
        return self._by_name.get(name)

    def knows(self, api_version: str, kind: str) -> bool:
        return (api_version, kind) in self._kinds or builtin.is_kind(api_version, kind)

    def built_in(self, group: str) -> bool:
        """Are there resources in it that nobody had to define?"""
        versions = self.groups.get(group, {}).values()
        return any(served.custom is None for found in versions for served in found.values())

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """What objects of this kind are kept as."""
        group, _, version = api_version.rpartition("/")
        for served in self.groups.get(group, {}).get(version, {}).values():
            if served.kind == kind and served.resource.stored:
                return served.resource
        return None

    def equivalents(self, resource: Resource) -> list[Resource]:
        """The same objects in other versions or groups."""
        return self._equivalents.get((resource.api_version, resource.plural), [])

    def all(self) -> list[Served]:
        return [
            served
            for versions in self.groups.values()
            for resources in versions.values()
            for served in resources.values()
        ]

    def known(self) -> list[Served]:
        """All, and what is off: its objects are kept."""
        return [*self._own, *(served for served in self.all() if served.custom is not None)]

    def replace_custom(self, added: Sequence[Served]) -> None:
        """These are the custom resources from now on."""
        kept = self._own
        self.groups, self._by_name, self._kinds = {}, {}, set()
        for served in [*kept, *added]:
            self._add(served)
        self._relate()
        self.generation += 1


def built_in(resource: Resource) -> Served:
    """A resource whose schema is among the packaged ones."""
    definition = resource.definition or builtin.definition_of(resource.group, resource.version, resource.kind)
    return Served(resource, lambda: builtin.node(definition), definition=definition)


class CacheReader(Reader):
    """What kinds, admission and access see of the cluster."""

    def __init__(self, cache: Cache, catalog: Catalog) -> None:
        self._cache = cache
        self._catalog = catalog

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        served = self._catalog.by_name(resource)
        if served is None:
            return None
        item = self._cache.get(served.key(namespace, name))
        return served.object(item) if item is not None else None

    def list(self, resource: str, namespace: str = "") -> Sequence[Object]:
        served = self._catalog.by_name(resource)
        if served is None:
            return ()
        return Listed(served, self._cache.items(served.prefix_in(namespace)))


class Listed(Sequence[Object]):
    """The objects as they are at this moment; each is read when it is its turn."""

    def __init__(self, served: Served, items: list[Item]) -> None:
        self._served = served
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, at: int) -> Object: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Object]: ...

    def __getitem__(self, at: int | slice) -> Object | Sequence[Object]:
        found = self._items[at]
        return Listed(self._served, found) if isinstance(found, list) else self._served.object(found)

    def __iter__(self) -> Iterator[Object]:
        # Short lists are asked for again and again.
        read = self._served.object if len(self._items) <= FEW else self._served.peek
        return map(read, self._items)
