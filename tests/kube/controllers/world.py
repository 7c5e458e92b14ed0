"""An API server in memory, a clock that stands still while anything happens, and controllers that run on them.

For tables of cases and property tests: events arrive late and in any order of resources, writes meet conflicts,
and the controllers' process dies before or after any write. A kubelet moves pods on, if one is wanted.
"""

import asyncio
import copy
import random
import selectors
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from sampan.kube.client.decisions import Decisions
from sampan.kube.client.informer import Informer, key_of
from sampan.kube.client.informers import NAMESPACE, Informers, namespace_of
from sampan.kube.client.requests import JSON_PATCH, Client, Object, ResourcePath
from sampan.kube.client.resources import PODS
from sampan.kube.controllers.context import Context, Options
from sampan.kube.controllers.roster import Runnable
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.status import StatusError, already_exists, conflict, not_found

EPOCH = 1_800_000_000.0  # 2027-01-15T08:00:00Z
QUIET = 30.0  # seconds without a write after which everything is taken to be done
T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time moves only when everything waits, and then at once to the next timer."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everything waits, and nothing will ever happen")
        if timeout > 0:
            self._loop.now += timeout
        return super().select(0)


def run(work: Coroutine[Any, Any, T]) -> T:
    """In a loop of its own, with a clock of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def clock() -> float:
    return EPOCH + asyncio.get_running_loop().time()


class Recorded:
    """Takes the place of a Recorder: what has been told, in its order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str, str]] = []  # name, type, reason, message

    def event(self, regarding: Object, kind: str, reason: str, message: str) -> None:
        self.events.append((regarding["metadata"]["name"], kind, reason, message))

    def scheduling(self, regarding: Object, kind: str, reason: str, _action: str, note: str) -> None:
        self.event(regarding, kind, reason, note)


@dataclass
class World:
    """`dice` decides delays and orders. `crashes`: the numbers of the writes at which the process dies."""

    dice: random.Random = field(default_factory=lambda: random.Random(0))
    crashes: frozenset[int] = frozenset()
    objects: dict[ResourcePath, dict[str, Object]] = field(default_factory=dict)
    writes: int = 0  # of controllers
    created: list[Object] = field(default_factory=list)  # whatever has been created, by whomever
    recorded: Recorded = field(default_factory=Recorded)
    decisions: Decisions = field(default_factory=Decisions)
    refuse: Callable[[str, ResourcePath, Object], StatusError | None] = lambda verb, resource, value: None
    _revision: int = 0
    _changed_at: float = 0.0
    _process: "_Process | None" = None
    _makers: list[tuple[str, Callable[[Context], Runnable]]] = field(default_factory=list)

    # --- the cluster, as a test's hand changes it

    def all(self, resource: ResourcePath) -> list[Object]:
        return list(self.objects.get(resource, {}).values())

    def get(self, resource: ResourcePath, key: str) -> Object:
        found = self.objects.get(resource, {}).get(key)
        if found is None:
            raise not_found(_group(resource), resource.plural, key.rpartition("/")[2])
        return found

    def add(self, resource: ResourcePath, value: Object) -> Object:
        """Create it, as a user would."""
        value = copy.deepcopy(value)
        metadata = value.setdefault("metadata", {})
        if resource.namespaced:
            metadata.setdefault("namespace", "default")
        if "name" not in metadata:
            metadata["name"] = metadata["generateName"] + f"{self._revision + 1:05d}"
        key = key_of(value)
        if key in self.objects.get(resource, {}):
            raise already_exists(_group(resource), resource.plural, metadata["name"])
        metadata["uid"] = f"uid-{self._revision + 1}"
        metadata["creationTimestamp"] = times.text(clock())
        metadata["generation"] = 1
        value.setdefault("apiVersion", resource.api_version)
        self._put(resource, value)
        self.created.append(value)
        return value

    def set(self, resource: ResourcePath, key: str, change: Callable[[Object], None]) -> None:
        """Change it, as a user or another component would; a change of the spec is a new generation."""
        value = copy.deepcopy(self.get(resource, key))
        before = copy.deepcopy(value)
        change(value)
        self._replace(resource, value, before)

    def remove(self, resource: ResourcePath, key: str) -> None:
        """Delete it; while it has finalizers, or a node runs it, it stays and is on its way out."""
        value = copy.deepcopy(self.get(resource, key))
        metadata = value["metadata"]
        if _runs(resource, value) or metadata.get("finalizers"):
            if "deletionTimestamp" not in metadata:
                metadata["deletionTimestamp"] = times.text(clock())
                self._put(resource, value)
            return
        self._drop(resource, key)

    def _drop(self, resource: ResourcePath, key: str) -> None:
        value = self.objects[resource].pop(key)
        self._revision += 1
        self._tell(resource, "delete", value)

    def _replace(self, resource: ResourcePath, value: Object, before: Object) -> None:
        metadata = value["metadata"]
        same = {**value, "metadata": {**metadata, "resourceVersion": ""}}
        if same == {**before, "metadata": {**before["metadata"], "resourceVersion": ""}}:
            return
        if value.get("spec") != before.get("spec"):
            metadata["generation"] = before["metadata"]["generation"] + 1
        if "deletionTimestamp" in metadata and not metadata.get("finalizers") and not _runs(resource, value):
            self._drop(resource, key_of(value))
            return
        self._put(resource, value)

    def _put(self, resource: ResourcePath, value: Object) -> None:
        self._revision += 1
        value["metadata"]["resourceVersion"] = str(self._revision)
        self.objects.setdefault(resource, {})[key_of(value)] = value
        self._tell(resource, "put", value)

    def _tell(self, resource: ResourcePath, what: str, value: Object) -> None:
        self._changed_at = asyncio.get_running_loop().time()
        if self._process is not None:
            self._process.informers.happened(resource, what, value)

    # --- the controllers' process

    def start(self, *makers: Callable[[Context], Runnable], names: Iterable[str] = ()) -> None:
        """Run these controllers from now on; they are started again when they die of a crash."""
        self._makers = list(zip(names or [make.__module__ for make in makers], makers, strict=True))
        self._begin()

    def _begin(self) -> None:
        self._process = process = _Process(self)
        for name, make in self._makers:
            context = Context(
                name,
                process.client,
                process.informers,
                self.recorded,  # type: ignore[arg-type]
                self.decisions,
                clock,
                Options(),
            )
            process.tasks.append(asyncio.ensure_future(make(context).run()))

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop()
            self._process = None

    async def settle(self, quiet: float = QUIET, limit: float = 100_000.0) -> None:
        """Until nothing has been written for so long."""
        loop = asyncio.get_running_loop()
        start = self._changed_at = loop.time()
        while loop.time() < self._changed_at + quiet:
            assert loop.time() < start + limit, "it never comes to rest"
            await asyncio.sleep(0.25)
            await self._look_after()

    async def _look_after(self) -> None:
        process = self._process
        if process is None:
            return
        for task in process.tasks:
            if task.done() and not task.cancelled():
                task.result()
        if process.dead:
            await process.stop()
            self._begin()
            self._changed_at = asyncio.get_running_loop().time()

    async def kubelet(self, change: Callable[[Object], None] | None = None) -> None:
        """Until cancelled: pods get a node, run and are ready after a while, and go when they are to."""
        while True:
            await asyncio.sleep(self.dice.uniform(0.1, 2.0))
            for key, pod in list(self.objects.get(PODS, {}).items()):
                if self.dice.random() < 0.3:
                    continue
                if "deletionTimestamp" in pod["metadata"]:
                    self._end(key, pod)
                elif (pod.get("status") or {}).get("phase") in (None, "Pending"):
                    self.set(PODS, key, change or ready)

    def _end(self, key: str, pod: Object) -> None:
        if pod["metadata"].get("finalizers"):
            return
        self._drop(PODS, key)


def _runs(resource: ResourcePath, value: Object) -> bool:
    """A pod that a node has is the node's to end."""
    bound = resource == PODS and bool((value.get("spec") or {}).get("nodeName"))
    return bound and value["metadata"].get("deletionGracePeriodSeconds") != 0


def ready(pod: Object) -> None:
    """Make a pod one that runs and is ready."""
    pod["spec"].setdefault("nodeName", "node-0")
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": times.text(clock())}
    pod["status"] = {**(pod.get("status") or {}), "phase": "Running", "conditions": [condition]}


def operated(value: Object, operations: list[Object]) -> Object:
    """A JSON patch of whole fields: what a test does not find as it is given is refused."""
    value = copy.deepcopy(value)
    for one in operations:
        *path, name = one["path"].split("/")[1:]
        holder = value
        for part in path:
            holder = holder.setdefault(part, {})
        if one["op"] == "test" and holder.get(name) != one["value"]:
            raise StatusError("Invalid", f"testing {one['path']} failed", None, 422)
        if one["op"] == "remove":
            del holder[name]
        elif one["op"] != "test":
            holder[name] = one["value"]
    return value


def _at_once(pod: Object) -> Object:
    return {**pod, "metadata": {**pod["metadata"], "deletionGracePeriodSeconds": 0}}


class _Process:
    """What dies in a crash: its tasks, its cache, its client."""

    def __init__(self, world: World) -> None:
        self.dead = False
        self.tasks: list[asyncio.Future[None]] = []
        self.client: Any = _Client(world, self)
        self.informers: Any = _Informers(world, self)

    async def stop(self) -> None:
        everything = [*self.tasks, *self.informers.tasks]
        for task in everything:
            task.cancel()
        await asyncio.gather(*everything, return_exceptions=True)


class _Informers(Informers):
    """Fed from the world, each resource in its order and with delays of its own."""

    def __init__(self, world: World, process: _Process) -> None:
        super().__init__(process.client)
        self.tasks: list[asyncio.Task[None]] = []
        self._world = world
        self._waiting: dict[ResourcePath, deque[tuple[str, Object]]] = {}
        self._wake: dict[ResourcePath, asyncio.Event] = {}

    def of(self, resource: ResourcePath, fields: str = "") -> Informer:
        """Here nothing is selected: who asks for a part must not mind the rest."""
        found = self._known.get((resource, ""))
        if found is None:
            found = Informer(self.client, resource, indexes={NAMESPACE: namespace_of})
            self._known[resource, ""] = found
            self._waiting[resource] = deque(("put", value) for value in self._world.all(resource))
            self._wake[resource] = asyncio.Event()
            self.tasks.append(asyncio.ensure_future(self._feed(resource, found)))
        return found

    def happened(self, resource: ResourcePath, what: str, value: Object) -> None:
        if resource in self._waiting:
            self._waiting[resource].append((what, value))
            self._wake[resource].set()

    async def _feed(self, resource: ResourcePath, informer: Informer) -> None:
        waiting = self._waiting[resource]
        first = len(waiting)
        while True:
            if first == 0:
                informer.synced.set()
            first -= 1
            while not waiting:
                self._wake[resource].clear()
                await self._wake[resource].wait()
            if informer.synced.is_set():
                await asyncio.sleep(self._world.dice.choice((0.0, 0.001, 0.05, 0.5)))
            what, value = waiting.popleft()
            event = {"type": "DELETED" if what == "delete" else "MODIFIED", "object": copy.deepcopy(value)}
            informer._handle(event)


class _Client(Client):
    """Its requests take a while, and it dies with its process."""

    def __init__(self, world: World, process: _Process) -> None:
        self._world = world
        self._process = process

    async def close(self) -> None:
        pass

    async def request(self, method: str, path: str, body: Any = None, **_options: Any) -> NoReturn:
        raise AssertionError(f"the world has no paths: {method} {path}")

    async def get(self, resource: ResourcePath, namespace: str, name: str) -> Object:
        await self._pause()
        return copy.deepcopy(self._world.get(resource, _key(resource, namespace, name)))

    async def create(self, resource: ResourcePath, namespace: str, value: Object) -> Object:
        value = copy.deepcopy(value)
        if resource.namespaced:
            value.setdefault("metadata", {})["namespace"] = namespace
        return await self._write("create", resource, value, lambda: self._world.add(resource, value))

    async def update(
        self, resource: ResourcePath, namespace: str, value: Object, subresource: str = ""
    ) -> Object:
        key = _key(resource, namespace, value["metadata"]["name"])
        return await self._write(
            "update", resource, value, lambda: self._update(resource, key, copy.deepcopy(value), subresource)
        )

    def _update(self, resource: ResourcePath, key: str, value: Object, subresource: str) -> Object:
        known = self._world.get(resource, key)
        metadata = value["metadata"]
        if metadata.get("resourceVersion") not in (None, known["metadata"]["resourceVersion"]):
            raise conflict(
                _group(resource), resource.plural, metadata["name"], "the object has been modified"
            )
        if subresource == "status":  # and annotations, as the server takes them
            value = {**known, "status": value.get("status")}
            metadata = {"annotations": metadata["annotations"]} if metadata.get("annotations") else {}
        elif "status" in known:
            value = {**value, "status": known["status"]}
        value["metadata"] = {**known["metadata"], **metadata}
        self._world._replace(resource, value, known)
        return self._world.objects[resource].get(key, value)

    async def patch(
        self,
        resource: ResourcePath,
        namespace: str,
        name: str,
        patch: Any,
        *,
        subresource: str = "",
        content_type: str = "",
    ) -> Object:
        def change() -> Object:
            key = _key(resource, namespace, name)
            known = self._world.get(resource, key)
            if content_type == JSON_PATCH:
                return self._update(resource, key, operated(known, patch), subresource)
            merge = _strategic if "strategic" in content_type else merged
            value = merge(known, patch)
            value["metadata"]["resourceVersion"] = known["metadata"]["resourceVersion"]
            if value["metadata"]["uid"] != known["metadata"]["uid"]:
                raise StatusError("Conflict", f"Precondition failed: UID of {name}", None, 409)
            return self._update(resource, key, value, subresource)

        return await self._write("patch", resource, {"metadata": {"name": name}}, change)

    async def delete(
        self, resource: ResourcePath, namespace: str, name: str, options: Object | None = None
    ) -> Object:
        def change() -> Object:
            key = _key(resource, namespace, name)
            known = self._world.get(resource, key)
            uid = ((options or {}).get("preconditions") or {}).get("uid")
            if uid not in (None, known["metadata"]["uid"]):
                raise conflict(_group(resource), resource.plural, name, "Precondition failed: UID")
            if (options or {}).get("gracePeriodSeconds") == 0:
                self._world.objects[resource][key] = _at_once(known)
            self._world.remove(resource, key)
            return known

        return await self._write("delete", resource, {"metadata": {"name": name}}, change)

    async def _write(
        self, verb: str, resource: ResourcePath, value: Object, change: Callable[[], Object]
    ) -> Object:
        await self._pause()
        refused = self._world.refuse(verb, resource, value)
        if refused is not None:
            raise refused
        self._world.writes += 1
        if 2 * self._world.writes in self._world.crashes:
            await self._die()
        result = copy.deepcopy(change())
        if 2 * self._world.writes + 1 in self._world.crashes:
            await self._die()
        await self._pause()
        return result

    async def _pause(self) -> None:
        if self._process.dead:
            await self._die()
        await asyncio.sleep(self._world.dice.choice((0.0, 0.002, 0.1)))
        if self._process.dead:
            await self._die()

    async def _die(self) -> NoReturn:
        """What is dead hears of nothing any more."""
        self._process.dead = True
        await asyncio.get_running_loop().create_future()
        raise AssertionError


def _group(resource: ResourcePath) -> str:
    return resource.api_version.rpartition("/")[0]


def _key(resource: ResourcePath, namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if resource.namespaced else name


def merged(value: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = copy.deepcopy(dict(value)) if isinstance(value, Mapping) else {}
    for name, part in patch.items():
        if part is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), part)
    return result


def _strategic(value: Object, patch: Object) -> Object:
    """As far as controllers use it: owners and users by their uid, finalizers, and conditions by their type."""
    metadata = dict(patch.get("metadata") or {})
    owners, finalizers = metadata.pop("ownerReferences", []), metadata.pop("finalizers", [])
    fewer = metadata.pop("$deleteFromPrimitiveList/finalizers", [])
    status = dict(patch.get("status") or {})
    conditions, users = status.pop("conditions", []), status.pop("reservedFor", [])
    rest = {**patch, "metadata": metadata}
    if status or "status" in patch:
        rest["status"] = status
    result: Object = merged(value, rest)
    kept = result["metadata"]
    by_uid = {one["uid"]: one for one in kept.get("ownerReferences") or ()}
    for one in owners:
        by_uid.pop(one["uid"], None)
        if one.get("$patch") != "delete":
            by_uid[one["uid"]] = one
    kept["ownerReferences"] = list(by_uid.values())
    kept["finalizers"] = [
        one for one in dict.fromkeys([*(kept.get("finalizers") or ()), *finalizers]) if one not in fewer
    ]
    gone = [one["uid"] for one in users if one.get("$patch") == "delete"]
    if gone:
        known = result["status"].get("reservedFor") or ()
        result["status"]["reservedFor"] = [one for one in known if one["uid"] not in gone]
    if conditions:
        by_type = {one["type"]: one for one in result["status"].get("conditions") or ()}
        for one in conditions:
            by_type[one["type"]] = {**by_type.get(one["type"], {}), **one}
        result["status"]["conditions"] = list(by_type.values())
    return result


async def beside(*work: Coroutine[Any, Any, None], main: Awaitable[None]) -> None:
    """Run `work` while `main` runs."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await main
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
