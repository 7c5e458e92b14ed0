"""What the objects of a namespace use of its quotas, counted into the quotas' status.

kube-controller-manager's resourcequota controller. Admission adds what is created; here is found what has
gone, and what a quota counts that is new or has changed.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from sampan.errors import SampanError
from sampan.kube.client.discovery import Discovered, discover
from sampan.kube.client.informer import Informer, key_of
from sampan.kube.client.informers import NAMESPACE, Informers, namespace_of
from sampan.kube.client.requests import Client, Object, ResourcePath
from sampan.kube.client.resources import CLAIMS, PODS, RESOURCE_CLAIMS, RESOURCE_QUOTAS, SERVICES
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes.podamounts import amounts
from sampan.specs.kubernetes.quantity import Quantity
from sampan.specs.kubernetes.quotas import DEVICE_CLAIMS, IGNORED, charged, count, counts, hard_of
from sampan.specs.kubernetes.status import StatusError, is_not_found

log = logging.getLogger("sampan.kube")

RESYNC = 300.0  # seconds after which everything is counted anew
REDISCOVER = 30.0
PAUSE = 1.0  # seconds between two discoveries, at least
PATIENCE = 10.0  # seconds to wait for the first list of a resource
WORKERS = 5
VERBS = frozenset(("create", "list", "watch", "delete"))
# Of these it matters what they say; of all others, that they exist.
FOLLOWED = {**{one.plural: one for one in (PODS, SERVICES, CLAIMS)}, DEVICE_CLAIMS: RESOURCE_CLAIMS}


class Quotas:
    """Its `controller` handles one quota at a time. Only what some quota counts is followed."""

    def __init__(self, client: Client, informers: Informers, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._quotas = informers.of(RESOURCE_QUOTAS)
        self._detailed = {name: informers.of(path) for name, path in FOLLOWED.items()}
        self._resources: dict[str, ResourcePath] = {}
        self._followed: dict[str, tuple[Informer, asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._unknown = asyncio.Event()  # a quota counts what has not been discovered
        self.controller = Controller(
            "quotas", self._reconcile, [self._quotas, *self._detailed.values()], WORKERS
        )
        self._quotas.on_change(self._quota_changed)
        for name, informer in self._detailed.items():
            informer.on_change(partial(self._changed, name))

    async def run(self) -> None:
        """Until cancelled."""
        await self._discover()
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._keep_discovering())
            group.create_task(self.controller.run())

    # --- what there is to be counted

    async def _keep_discovering(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await asyncio.wait_for(self._unknown.wait(), REDISCOVER - PAUSE)
            except TimeoutError:
                pass
            self._unknown.clear()
            await self._discover()

    async def _discover(self) -> None:
        try:
            found = quotable(await discover(self._client))
        except (SampanError, StatusError) as error:
            log.info("quotas: %s", error)
            self._unknown.set()
            return
        changed, self._resources = found != self._resources, found
        self._let_go()
        if changed:
            for key in self._quotas.objects:
                self.controller.queue.add(key)

    def _let_go(self) -> None:
        """Of what is not served any more, or not counted."""
        counted = {resource for quota in self._quotas.objects.values() for resource in counts(quota)}
        for name, (informer, task) in list(self._followed.items()):
            if name not in counted or self._resources.get(name) != informer.resource:
                task.cancel()
                del self._followed[name]

    def _informer(self, resource: str) -> Informer | None:
        """None for what is not served."""
        if resource in self._detailed:
            return self._detailed[resource]
        if resource in self._followed:
            return self._followed[resource][0]
        path = self._resources.get(resource)
        if path is None or self._group is None:
            return None
        found = Informer(self._client, path, metadata=True, indexes={NAMESPACE: namespace_of})
        found.on_change(partial(self._changed, resource))
        self._followed[resource] = (found, self._group.create_task(found.run()))
        return found

    # --- what happens

    def _quota_changed(self, what: str, value: Object, old: Object | None) -> None:
        """Changes of a status are this controller's, or admission's."""
        if what == "add" or (old is not None and hard_of(old) != hard_of(value)):
            self.controller.queue.add(key_of(value))

    def _changed(self, resource: str, what: str, value: Object, old: Object | None) -> None:
        if what == "add":
            return
        now = self._clock()
        for quota in self._quotas.by(NAMESPACE, value["metadata"]["namespace"]):
            if resource in counts(quota):
                before = charged(quota, resource, old, now) if old is not None else None
                if before is None or before != charged(quota, resource, value, now):
                    self.controller.queue.add(key_of(quota))

    # --- one quota

    async def _reconcile(self, key: str) -> float | None:
        quota = self._quotas.get(key)
        if quota is None:
            return None
        used = await self._count(quota)
        status = wanted(quota, used)
        if differs(quota.get("status") or {}, status):
            try:
                await self._client.update(
                    RESOURCE_QUOTAS, quota["metadata"]["namespace"], {**quota, "status": status}, "status"
                )
            except StatusError as error:
                if not is_not_found(error):
                    raise
        return RESYNC

    async def _count(self, quota: Object) -> dict[str, Quantity]:
        """What is used by name, without the names that cannot be counted now."""
        informers = {resource: self._informer(resource) for resource in counts(quota)}
        if None in informers.values():
            self._unknown.set()
        found = {}
        for resource, informer in informers.items():
            if informer is not None and await _is_synced(informer):
                objects = informer.by(NAMESPACE, quota["metadata"]["namespace"])
                found.update(count(quota, resource, objects, self._clock()))
        return found


async def _is_synced(informer: Informer) -> bool:
    try:
        await asyncio.wait_for(informer.synced.wait(), PATIENCE)
    except TimeoutError:
        return False
    return True


# --- pure


def quotable(found: Iterable[Discovered]) -> dict[str, ResourcePath]:
    """The resources whose objects can be counted, by name: "pods", "jobs.batch"."""
    named = {}
    for one in found:
        name = f"{one.path.plural}.{one.group}" if one.group else one.path.plural
        if one.path.namespaced and one.preferred and one.verbs >= VERBS and name not in IGNORED:
            named[name] = one.path
    return named


def wanted(quota: Object, used: Mapping[str, Quantity]) -> Object:
    """A quota's status: as its spec says, and what is not known to be used otherwise is as it was."""
    hard = hard_of(quota)
    known = (quota.get("status") or {}).get("used") or {}
    new = {**known, **{name: str(amount) for name, amount in used.items()}}
    return {"hard": hard, "used": {name: new[name] for name in sorted(new) if name in hard}}


def differs(old: Object, new: Object) -> bool:
    """Amounts that are written otherwise do not differ."""
    return any(amounts(old.get(side)) != amounts(new[side]) for side in ("hard", "used"))
