"""kube-scheduler: what caches tell it, the pods it tries one after the other, and the binding beside that.

All state is rebuilt from the API at the start. The API binds a pod once; whoever comes second is refused.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial

from sampan.errors import Failed
from sampan.kube.client.decisions import Decisions
from sampan.kube.client.informer import Handler, key_of
from sampan.kube.client.leases import Election
from sampan.kube.client.recorder import Recorder
from sampan.kube.client.requests import Client, Object
from sampan.kube.scheduler import happenings, surroundings
from sampan.kube.scheduler.binding import Binder, Gate, Rejected
from sampan.kube.scheduler.caches import Caches, Informers
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.configuration import Configuration, Configured
from sampan.kube.scheduler.cycle import BY, Cycle, Placement
from sampan.kube.scheduler.evictions import Evictions
from sampan.kube.scheduler.happenings import Happening
from sampan.kube.scheduler.hints import Rules
from sampan.kube.scheduler.nominations import Nominations, nominated_node
from sampan.kube.scheduler.podinfo import PodInfo
from sampan.kube.scheduler.preemption import priority
from sampan.kube.scheduler.queue import FLYING, Entry, Queue
from sampan.kube.scheduler.statuses import Statuses
from sampan.kube.scheduler.trials import refusals
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.pods import is_finished
from sampan.tasks import Tasks

log = logging.getLogger("sampan.kube")

FLUSH = 30.0  # seconds between looks at those that have waited too long
BINDINGS = 128  # at once

KINDS = {
    surroundings.CLAIMS: "PersistentVolumeClaim",
    surroundings.VOLUMES: "PersistentVolume",
    surroundings.CLASSES: "StorageClass",
    surroundings.CSI_NODES: "CSINode",
    surroundings.CSI_DRIVERS: "CSIDriver",
    surroundings.CAPACITIES: "CSIStorageCapacity",
    surroundings.ATTACHMENTS: "VolumeAttachment",
    surroundings.RESOURCE_CLAIMS: "ResourceClaim",
    surroundings.DEVICE_CLASSES: "DeviceClass",
    surroundings.SLICES: "ResourceSlice",
}


class Scheduler:
    """`client` acts as system:kube-scheduler; `host` is told in events, `identity` in the lease."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        decisions: Decisions,
        configuration: Configuration,
        host: str,
        identity: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._configuration = configuration
        self._decisions = decisions
        self._clock = clock
        self._identity = identity
        self._tasks = Tasks()
        self._profiles = {profile.name: profile for profile in configuration.profiles}
        self._recorders = {name: Recorder(client, name, clock, host) for name in self._profiles}
        self._caches = Caches(informers)
        self._cluster = Cluster(self._caches)
        self._nominations = Nominations()
        self._statuses = Statuses(client, self._caches.pods.get, clock, self._tasks)
        self._evictions = Evictions(
            client, self._statuses, self._tasks, self._evicted, configuration.parallelism
        )
        self._queue = Queue(
            time.monotonic,
            Rules(self._fits),
            self._gate,
            configuration.initial_backoff,
            configuration.longest_backoff,
        )
        self._cycle = Cycle(
            self._cluster,
            self._queue,
            self._profiles,
            self._recorders,
            self._nominations,
            self._statuses,
            self._evictions,
            self._caches.budgets,
            decisions,
            clock,
        )
        self._binder = Binder(client)
        self._bindings = Gate(BINDINGS)
        self._assumed: dict[str, Placement] = {}
        self._follow()

    # --- running

    async def run(self) -> None:
        """Until cancelled."""
        await self._caches.synced()
        if not self._configuration.elects:
            await self._work()
        while True:
            election = Election(self._client, self._configuration.lease, self._identity, self._clock)
            try:
                await election.lead(self._work)
            except Failed as error:
                log.warning("%s", error)

    async def _work(self) -> None:
        self._restart()
        try:
            async with asyncio.TaskGroup() as group:
                for recorder in self._recorders.values():
                    group.create_task(recorder.run())
                group.create_task(self._flush())
                group.create_task(self._schedule())
        finally:
            await self._tasks.stop()

    def _restart(self) -> None:
        """What was under way when this copy led last has ended, one way or the other."""
        for uid in list(self._assumed):
            self._unassume(uid)
        self._queue.restart()

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH)
            self._queue.flush()

    async def _schedule(self) -> None:
        while True:
            await self._bindings.wait()
            entry = self._queue.pop()
            if entry is None:
                await self._queue.wait()
                continue
            placement = self._cycle.attempt(entry)
            if placement is not None:
                self._begin(placement)
            await asyncio.sleep(0)

    # --- binding

    def _begin(self, placement: Placement) -> None:
        self._assumed[placement.entry.uid] = placement
        self._bindings.enter()
        self._tasks.spawn(self._bind(placement))

    async def _bind(self, placement: Placement) -> None:
        uid = placement.entry.uid
        try:
            recorder = self._recorders[placement.profile.name]
            await self._binder.bind(placement.pod, placement.node, recorder)
        except Rejected as error:
            self._unassume(uid)
            pod = self._caches.pods.get(placement.entry.key)
            if pod is not None and pod["metadata"]["uid"] == uid and not _node_of(pod):
                self._cycle.fail(placement.entry, placement.profile, error.message)
            else:
                self._queue.remove(uid)
        else:
            self._queue.remove(uid)
            self._statuses.forget(uid)
            self._decisions.settle(uid, BY)
        finally:
            self._bindings.leave()

    def _unassume(self, uid: str) -> None:
        """The room that a pod was to take is free again."""
        placement = self._assumed.pop(uid, None)
        if placement is not None:
            self._cluster.remove_pod(uid)
            self._queue.happened(Happening(happenings.POD_DELETE, placement.pod))

    # --- what the queue and the evictions ask

    def _gate(self, entry: Entry) -> str:
        """The first plugin that does not let a pod be tried yet."""
        profile = self._profile_of(entry.pod)
        spec = entry.pod.get("spec") or {}
        if profile is None:
            return ""
        for plugin in profile.points["preEnqueue"]:
            if plugin == "SchedulingGates" and spec.get("schedulingGates"):
                return plugin
            if plugin == "DynamicResources" and not self._has_claims(entry.pod):
                return plugin
            if plugin == "DefaultPreemption" and self._evictions.running(entry.uid):
                return plugin
        return ""

    def _has_claims(self, pod: Object) -> bool:
        """Are its ResourceClaims there?"""
        made = {
            one.get("name"): one.get("resourceClaimName")
            for one in (pod.get("status") or {}).get("resourceClaimStatuses") or ()
        }
        for one in (pod.get("spec") or {}).get("resourceClaims") or ():
            if one.get("resourceClaimTemplateName"):
                if one.get("name") not in made:
                    return False  # it has not been made yet
                name = made[one.get("name")]
            else:
                name = one.get("resourceClaimName")
            key = f"{pod['metadata']['namespace']}/{name}"
            if name and self._caches.get(surroundings.RESOURCE_CLAIMS, key) is None:
                return False
        return True

    def _fits(self, info: PodInfo, plugin: str, node: str) -> bool:
        profile, row = self._profile_of(info.object), self._cluster.row_of(node)
        if profile is None or row is None:
            return False
        return not refusals(self._cluster, info, profile, plugin, row)

    def _evicted(self, uid: str) -> None:
        """All victims of a pod have been told."""
        entry = self._queue.get(uid)
        if entry is not None and entry.gate:
            self._queue.activate(uid)

    def _profile_of(self, pod: Object) -> Configured | None:
        return self._profiles.get((pod.get("spec") or {}).get("schedulerName", ""))

    # --- what happens

    def _follow(self) -> None:
        self._caches.nodes.on_change(_guarded(self._node_changed))
        self._caches.pods.on_change(_guarded(self._pod_changed))
        for plural, kind in KINDS.items():
            self._caches.others[plural].on_change(_guarded(partial(self._other_changed, kind)))

    def _other_changed(self, kind: str, what: str, value: Object, old: Object | None) -> None:
        self._happened(happenings.of(kind, what, value, old))

    def _happened(self, several: Iterable[Happening]) -> None:
        for one in several:
            self._queue.happened(one)

    def _node_changed(self, what: str, node: Object, old: Object | None) -> None:
        if what == "delete":
            self._cluster.remove_node(node["metadata"]["name"])
        else:
            self._cluster.put_node(node)
        self._happened(happenings.of_node(what, node, old))

    def _pod_changed(self, what: str, pod: Object, old: Object | None) -> None:
        if old is not None and old["metadata"]["uid"] != pod["metadata"]["uid"]:
            self._pod_gone(old)
            old = None
        if what == "delete":
            self._pod_gone(pod)
        elif is_finished(pod):
            if old is not None and not is_finished(old):
                self._pod_gone(pod)
        elif _node_of(pod):
            self._pod_placed(pod, old)
        elif self._profile_of(pod) is not None:
            self._pod_waits(pod, old)

    def _pod_gone(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        self._queue.remove(uid)
        self._statuses.forget(uid)
        self._decisions.settle(uid, BY)
        promised = self._nominations.remove(uid)
        if uid in self._assumed:
            self._unassume(uid)
        elif _node_of(pod):
            self._cluster.remove_pod(uid)
            self._happened(happenings.of_assigned_pod("delete", pod, None))
        elif promised:
            self._freed(pod)

    def _pod_placed(self, pod: Object, old: Object | None) -> None:
        uid = pod["metadata"]["uid"]
        self._cluster.put_pod(pod)
        if old is None or not _node_of(old):
            self._assumed.pop(uid, None)
            self._nominations.remove(uid)
            self._queue.remove(uid)
            old = None
        self._happened(happenings.of_assigned_pod("update", pod, old))

    def _pod_waits(self, pod: Object, old: Object | None) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._assumed:
            if is_going(pod):
                self._unassume(uid)
            return
        entry = self._queue.get(uid)
        self._nominations.update(old, pod)
        if old is None or entry is None:
            self._queue.add(pod)
        else:
            self._queue.update(pod, happenings.of_waiting_pod(pod, old))
            if entry.place != FLYING and nominated_node(old) not in ("", nominated_node(pod)):
                self._freed(old)

    def _freed(self, pod: Object) -> None:
        """A node was promised to a pod and is no more: those of no higher priority may have it."""
        least = priority(pod)
        self._queue.happened(Happening(happenings.POD_DELETE, pod), lambda entry: entry.priority <= least)


def _node_of(pod: Object) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def _guarded(handler: Handler) -> Handler:
    """An object that nobody thought of must not stop the informer of all."""

    def changed(what: str, value: Object, old: Object | None) -> None:
        try:
            handler(what, value, old)
        except Exception:
            log.exception("kube-scheduler: %s of %s", what, key_of(value))

    return changed
