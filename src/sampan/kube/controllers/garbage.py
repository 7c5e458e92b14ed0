"""Objects go when the last of their owners has gone;
kubernetes.io/docs/concepts/architecture/garbage-collection

The collector sees the metadata of everything that can be listed, watched and deleted, custom resources too.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable
from functools import partial

from sampan.errors import SampanError
from sampan.kube.client.discovery import Discovered, survey
from sampan.kube.client.informer import FIRST_PAUSE, Informer
from sampan.kube.client.recorder import WARNING, Recorder
from sampan.kube.client.requests import METADATA, Client, Object, ResourcePath
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.graph import FOREGROUND, ORPHAN, Graph, Vertex
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.status import StatusError, is_not_found

log = logging.getLogger("sampan.kube")

REDISCOVER = 30.0  # seconds
PATIENCE = 60.0  # seconds for the first look at everything
ABSENT = 500  # owners that are remembered as gone
WORKERS = 20
IGNORED = frozenset(("events", "events.events.k8s.io"))


class Collector:
    """Its `controller` handles one object (a uid) at a time."""

    def __init__(self, client: Client, recorder: Recorder) -> None:
        self._client = client
        self._recorder = recorder
        self._graph = Graph()
        self._resources: dict[tuple[str, str], ResourcePath] = {}  # by apiVersion and kind
        self._informers: dict[ResourcePath, tuple[Informer, asyncio.Task[None]]] = {}
        self._absent: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._discovered = asyncio.Event()
        self.controller = Controller("garbage", self._reconcile, (), WORKERS)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_discovering(group))
            await self._discovered.wait()
            await self._wait()
            group.create_task(self.controller.run())

    async def _wait(self) -> None:
        """Until everything has been seen once, but not for ever: the server of an aggregated API may be away.

        An owner that is not known is asked for before anything is deleted.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                for informer, _ in list(self._informers.values()):
                    await informer.synced.wait()
        except TimeoutError:
            missing = [path.plural for path, (one, _) in self._informers.items() if not one.synced.is_set()]
            log.warning("garbage: goes on without having seen %s", ", ".join(missing))

    async def _keep_discovering(self, group: asyncio.TaskGroup) -> None:
        while True:
            try:
                await self._discover(group)
                self._discovered.set()
            except (SampanError, StatusError) as error:
                log.info("garbage: %s", error)
            await asyncio.sleep(REDISCOVER if self._discovered.is_set() else FIRST_PAUSE)

    async def _discover(self, group: asyncio.TaskGroup) -> None:
        """Follow what can be collected, and nothing else; what a server that is away had has not gone."""
        found = await survey(self._client)
        self._resources = {(one.path.api_version, one.kind): one.path for one in found.resources}
        wanted = {one.path for one in found.resources if _collectable(one)}
        wanted |= {path for path in self._informers if path.api_version in found.stale}
        for path in wanted - self._informers.keys():
            informer = Informer(self._client, path, metadata=True)
            informer.on_change(partial(self._changed, path))
            self._informers[path] = (informer, group.create_task(informer.run()))
        for path in self._informers.keys() - wanted:
            informer, task = self._informers.pop(path)
            task.cancel()
            self._forget(informer.objects.values())

    def _forget(self, values: Iterable[Object]) -> None:
        """They are not followed any more, which does not mean that they have gone: their kind may be served
        in another version, or its server be away. Whoever belongs to them asks.
        """
        for value in values:
            self._graph.remove(value["metadata"]["uid"])

    def _changed(self, path: ResourcePath, what: str, value: Object, _old: Object | None) -> None:
        metadata = value["metadata"]
        uid = metadata["uid"]
        if what == "delete":
            dependents = list(self._graph.dependents.get(uid, ()))
            known = self._graph.vertices.get(uid)
            self._graph.remove(uid)
            self._look_at(dependents)
            # An owner that waits for its dependents may have waited for this one.
            self._look_at(one["uid"] for one in (known.owners if known is not None else ()))
            return
        vertex = Vertex(path, metadata)
        for dependent, owner in self._graph.put(vertex):
            self._tell_of_stray(dependent, owner)
            self.controller.queue.add(dependent.uid)
        if vertex.owners or vertex.waits_for_dependents or vertex.lets_dependents_go:
            self.controller.queue.add(uid)
        if vertex.waits_for_dependents:
            self._look_at(self._graph.dependents.get(uid, ()))

    def _tell_of_stray(self, vertex: Vertex, owner: Object) -> None:
        kinds = (kind for (_, kind), path in self._resources.items() if path == vertex.resource)
        namespace = vertex.metadata.get("namespace", "")
        about = {
            "apiVersion": vertex.resource.api_version,
            "kind": next(kinds, ""),
            "metadata": {"namespace": namespace, "name": vertex.metadata["name"], "uid": vertex.uid},
        }
        place = f"namespace: {namespace}, name: {owner['name']}, uid: {owner['uid']}"
        text = f"ownerRef [{owner['apiVersion']}/{owner['kind']}, {place}] does not exist in namespace"
        self._recorder.event(about, WARNING, "OwnerRefInvalidNamespace", f"{text} {quote(namespace)}")

    def _look_at(self, uids: Iterable[str]) -> None:
        for uid in uids:
            if uid in self._graph.vertices:
                self.controller.queue.add(uid)

    def _remember_absent(self, owner: tuple[str, ...]) -> None:
        self._absent[owner] = None
        if len(self._absent) > ABSENT:
            self._absent.popitem(last=False)

    # --- one object

    async def _reconcile(self, uid: str) -> None:
        vertex = self._graph.vertices.get(uid)
        if vertex is None:
            return
        if vertex.lets_dependents_go:
            await self._orphan(vertex)
            return
        if vertex.waits_for_dependents:
            await self._release(vertex)
            return
        if vertex.going or not vertex.owners:
            return
        solid, dangling, waiting = await self._sort(vertex)
        if solid:
            if dangling or waiting:
                await self._drop_owners(vertex, {one["uid"] for one in [*dangling, *waiting]})
            return
        dependents = self._graph.dependents_of(uid) if waiting else []
        if any(one.waits_for_dependents for one in dependents):
            # Owners and dependents wait for each other, perhaps in a circle: this one is not waited for.
            vertex = await self._unblocked(vertex)
        await self._delete(vertex, "Foreground" if dependents else _policy(vertex))

    async def _sort(self, vertex: Vertex) -> tuple[list[Object], list[Object], list[Object]]:
        """The owners that are there, those that are not, and those that only wait for their dependents to
        go.
        """
        solid: list[Object] = []
        dangling: list[Object] = []
        waiting: list[Object] = []
        for one in vertex.owners:
            owner = self._graph.vertices.get(one["uid"])
            if owner is not None and owner.may_own(vertex) and self._is_meant(one, owner):
                (waiting if owner.waits_for_dependents else solid).append(one)
            elif await self._is_absent(one, vertex):
                dangling.append(one)
            else:
                solid.append(one)
        return solid, dangling, waiting

    def _is_meant(self, reference: Object, owner: Vertex) -> bool:
        """Does it say of the owner what is so? Whether anything else has that uid, the server says."""
        path = self._resources.get((reference["apiVersion"], reference["kind"]))
        return path == owner.resource and reference["name"] == owner.metadata["name"]

    async def _is_absent(self, owner: Object, vertex: Vertex) -> bool:
        """Asked of the server: what the informers have not seen may be there all the same."""
        namespace = vertex.metadata.get("namespace", "")
        # The whole reference: what is not where one object says it is, may be where another one does.
        place = (namespace, owner["apiVersion"], owner["kind"], owner["name"], owner["uid"])
        if place in self._absent:
            return True
        path = self._resources.get((owner["apiVersion"], owner["kind"]))
        if path is None:
            # A kind that is not served now: it may come back, and what belongs to it stays.
            return False
        if path.namespaced and not namespace:
            return False
        try:
            found = await self._client.request("GET", path.path(namespace, owner["name"]), accept=METADATA)
        except StatusError as error:
            if not is_not_found(error):
                raise
            found = None
        if found is not None and found["metadata"]["uid"] == owner["uid"]:
            return False
        self._remember_absent(place)
        return True

    async def _orphan(self, vertex: Vertex) -> None:
        for dependent in self._graph.dependents_of(vertex.uid):
            await self._drop_owners(dependent, {vertex.uid})
        await self._drop_finalizer(vertex, ORPHAN)

    async def _release(self, vertex: Vertex) -> None:
        """Let an owner go once nothing is left that it must wait for."""
        dependents = [one for one in self._graph.dependents_of(vertex.uid) if vertex.may_own(one)]
        if any(one.blocks(vertex.uid) for one in dependents):
            self._look_at(one.uid for one in dependents if not one.going)
            return
        self._look_at(one.uid for one in dependents)
        await self._drop_finalizer(vertex, FOREGROUND)

    async def _delete(self, vertex: Vertex, policy: str) -> None:
        metadata = vertex.metadata
        preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        options = {"preconditions": preconditions, "propagationPolicy": policy}
        try:
            await self._client.delete(
                vertex.resource, metadata.get("namespace", ""), metadata["name"], options
            )
        except StatusError as error:
            if not is_not_found(error):
                raise

    async def _drop_owners(self, vertex: Vertex, uids: set[str]) -> None:
        rest = [one for one in vertex.owners if one["uid"] not in uids]
        if len(rest) != len(vertex.owners):
            await self._patch(vertex, {"ownerReferences": rest or None})

    async def _unblocked(self, vertex: Vertex) -> Vertex:
        """It as it is once no owner has to wait for it."""
        references = [{**one, "blockOwnerDeletion": False} for one in vertex.owners]
        if references == vertex.owners:
            return vertex
        return await self._patch(vertex, {"ownerReferences": references}) or vertex

    async def _drop_finalizer(self, vertex: Vertex, finalizer: str) -> None:
        have = vertex.metadata.get("finalizers") or []
        rest = [one for one in have if one != finalizer]
        if len(rest) != len(have):
            await self._patch(vertex, {"finalizers": rest or None})

    async def _patch(self, vertex: Vertex, change: Object) -> Vertex | None:
        """Of the object as it was seen; one that has changed since is looked at again. None: it has gone."""
        metadata = vertex.metadata
        patch = {
            "metadata": {
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
                **change,
            }
        }
        try:
            found = await self._client.patch(
                vertex.resource, metadata.get("namespace", ""), metadata["name"], patch
            )
        except StatusError as error:
            if not is_not_found(error):
                raise
            return None
        return Vertex(vertex.resource, found["metadata"])


def _collectable(one: Discovered) -> bool:
    name = f"{one.path.plural}.{one.group}" if one.group else one.path.plural
    return one.preferred and name not in IGNORED and {"list", "watch", "delete"} <= one.verbs


def _policy(vertex: Vertex) -> str:
    finalizers = vertex.metadata.get("finalizers") or ()
    if ORPHAN in finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in finalizers else "Background"
