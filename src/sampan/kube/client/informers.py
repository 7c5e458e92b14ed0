"""The one cache of a process, and the indexes that several parts of it ask for."""

import asyncio
from dataclasses import dataclass, field

from sampan.kube.client.informer import Informer
from sampan.kube.client.requests import Client, Object, ResourcePath
from sampan.specs.kubernetes.objects import owner
from sampan.specs.kubernetes.pods import node_name

# Names of indexes. All informers of the cache have the first one, the others are there once somebody asks.
NAMESPACE = "namespace"
OWNER = "owner"  # the uid of the owner that controls an object
ON_NODE = "node"  # of pods: the name of the node they are on


def namespace_of(value: Object) -> list[str]:
    return [value["metadata"].get("namespace", "")]


def owner_uid(value: Object) -> list[str]:
    """For the index OWNER: `informer.index(OWNER, owner_uid)`."""
    found = owner(value)
    return [found["uid"]] if found is not None else []


def node_of(pod: Object) -> list[str]:
    """For the index ON_NODE."""
    name = node_name(pod)
    return [name] if name else []


@dataclass
class Informers:
    """The one cache of a process: an informer for each resource that anybody asks for."""

    client: Client
    _known: dict[tuple[ResourcePath, str], Informer] = field(default_factory=dict)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _running: asyncio.TaskGroup | None = None

    def of(self, resource: ResourcePath, fields: str = "") -> Informer:
        """`fields` selects a part of what there is, so that the rest is not held: "type=example.com/x"."""
        found = self._known.get((resource, fields))
        if found is None:
            query = {"fieldSelector": fields} if fields else {}
            found = Informer(self.client, resource, query=query, indexes={NAMESPACE: namespace_of})
            self._known[resource, fields] = found
            self._start(found)
        return found

    def _start(self, informer: Informer) -> None:
        if self._running is not None:
            self._tasks.append(self._running.create_task(informer.run()))

    def start(self, group: asyncio.TaskGroup) -> None:
        """Those asked for so far, and later ones when they are."""
        self._running = group
        for informer in self._known.values():
            self._start(informer)
