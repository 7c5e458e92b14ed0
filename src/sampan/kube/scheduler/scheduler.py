"""kube-scheduler: what caches tell it, the pods it tries one after the other, and the binding beside that.

All state is rebuilt from the API at the start. The API binds a pod once; whoever comes second is refused.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from sampan.errors import Failed, SampanError
from sampan.kube.client.decisions import Decisions
from sampan.kube.client.informers import Informers
from sampan.kube.client.leases import Election
from sampan.kube.client.recorder import Recorder
from sampan.kube.client.requests import Client, Object
from sampan.kube.scheduler.assumptions import Assumptions
from sampan.kube.scheduler.binding import Binder, Gate, Rejected
from sampan.kube.scheduler.caches import Caches
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.configuration import Configuration, Configured
from sampan.kube.scheduler.cycle import BY, Cycle, Placement
from sampan.kube.scheduler.devicebinding import DeviceBinder, Reservation
from sampan.kube.scheduler.devices.podclaims import missing
from sampan.kube.scheduler.entries import Entry
from sampan.kube.scheduler.evictions import Evictions
from sampan.kube.scheduler.following import Follower
from sampan.kube.scheduler.hints import Rules
from sampan.kube.scheduler.nominations import Nominations
from sampan.kube.scheduler.podinfo import PodInfo, pod_info
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.queue import Queue
from sampan.kube.scheduler.statuses import Statuses, Wish
from sampan.kube.scheduler.trials import refusals
from sampan.kube.scheduler.volumebinding import VolumeBinder, Writes
from sampan.specs.kubernetes.pods import node_name
from sampan.tasks import Tasks

log = logging.getLogger("sampan.kube")

FLUSH = 30.0  # seconds between looks at those that have waited too long
EVENTS = 5000  # that may wait for each of their writers
BREATH = 0.005  # seconds after which others have their turn
BINDINGS = 48  # at once: enough for a server to be always busy, and few enough connections


class Scheduler:
    """`client` acts as system:kube-scheduler; `host` is told in events, `identity` in the lease.

    `clock` tells the time, `ticks` how it passes.
    """

    def __init__(
        self,
        client: Client,
        informers: Informers,
        decisions: Decisions,
        configuration: Configuration,
        host: str,
        identity: str,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._configuration = configuration
        self._decisions = decisions
        self._clock = clock
        self._identity = identity
        self._tasks = Tasks()
        self._profiles = {profile.name: profile for profile in configuration.profiles}
        self._bindings = Gate(BINDINGS)
        # Who waits for a node is told of it after all have theirs: an event costs as much as a binding.
        self._recorders = {
            name: Recorder(client, name, clock, host, waiting=EVENTS, turn=self._bindings.calm)
            for name in self._profiles
        }
        self._caches = Caches(informers)
        self._cluster = Cluster(self._caches)
        self._nominations = Nominations()
        self._statuses = Statuses(client, self._caches.pods.get, clock, self._tasks)
        self._evictions = Evictions(
            client, self._statuses, self._tasks, self._evicted, configuration.parallelism
        )
        self._queue = Queue(
            ticks,
            Rules(self._fits),
            self._gate,
            configuration.initial_backoff,
            configuration.longest_backoff,
        )
        self._volumes = VolumeBinder(client, self._caches)
        self._devices = DeviceBinder(client, self._caches, self._tasks)
        self._cycle = Cycle(
            self._cluster,
            self._queue,
            self._profiles,
            self._recorders,
            self._nominations,
            self._statuses,
            self._evictions,
            self._caches.budgets,
            self._volumes,
            self._devices,
            decisions,
            clock,
        )
        self._binder = Binder(client)
        self._assumptions = Assumptions(self._cluster, self._queue, self._volumes, self._devices)
        Follower(
            self._cluster,
            self._queue,
            self._profiles,
            self._assumptions,
            self._nominations,
            self._statuses,
            decisions,
        ).follow(self._caches)

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
        self._assumptions.drop_all()
        self._bindings.reset()
        self._queue.restart()

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH)
            self._queue.flush()

    async def _schedule(self) -> None:
        since = time.monotonic()
        while True:
            await self._bindings.wait()
            entry = self._queue.pop()
            if entry is None:
                await self._queue.wait()
                continue
            placement = self._cycle.attempt(entry)
            if placement is not None:
                self._begin(placement)
            if time.monotonic() - since > BREATH:
                await asyncio.sleep(0)
                since = time.monotonic()

    # --- binding

    def _begin(self, placement: Placement) -> None:
        self._assumptions.add(placement)
        if placement.volumes is None:
            self._bindings.enter()
        self._tasks.spawn(self._bind(placement))

    async def _bind(self, placement: Placement) -> None:
        uid = placement.entry.uid
        try:
            if placement.volumes is not None:
                await self._bind_volumes(placement, placement.volumes)
            if placement.devices is not None and placement.devices.claims:
                await self._bind_devices(placement, placement.devices)
            recorder = self._recorders[placement.profile.name]
            await self._binder.bind(placement.pod, placement.node, recorder)
        except Rejected as error:
            await self._rejected(placement, error.message)
        except asyncio.CancelledError:
            self._assumptions.end(placement)
            raise
        except Exception as error:
            log.exception("binding %s", placement.entry.key)
            await self._rejected(placement, str(error) or type(error).__name__)
        else:
            self._queue.remove(uid)
            self._statuses.forget(uid)
            self._decisions.settle(uid, BY)
        finally:
            self._bindings.leave()

    async def _rejected(self, placement: Placement, message: str) -> None:
        """The pod is tried again, if it is there and has no node."""
        uid = placement.entry.uid
        if placement.devices is not None:
            await self._devices.unreserve(placement.pod, placement.devices)
        self._assumptions.end(placement)
        pod = self._caches.pods.get(placement.entry.key)
        if pod is not None and pod["metadata"]["uid"] == uid and not node_name(pod):
            self._cycle.fail(placement.entry, placement.profile, message)
        else:
            self._queue.remove(uid)

    async def _bind_volumes(self, placement: Placement, wanted: Writes) -> None:
        """Who waits for volumes, for minutes perhaps, does not count among those that are being bound."""
        args = placement.profile.args_of("VolumeBinding")
        query = Query(self._cluster, pod_info(placement.pod), placement.profile)
        if wanted.volumes or wanted.claims:
            self._statuses.wish(placement.entry.pod, Wish(nominated=placement.node))
        try:
            await self._volumes.bind(query, placement.node, wanted, float(args["bindTimeoutSeconds"]))
        finally:
            self._bindings.enter()

    async def _bind_devices(self, placement: Placement, wanted: Reservation) -> None:
        """The node is told first: the pod may be long in coming there."""
        try:
            await self._statuses.patch(placement.entry.pod, Wish(nominated=placement.node))
        except SampanError as error:
            log.info("nominating a node for %s: %s", placement.entry.key, error)
        await self._devices.bind(placement.pod, wanted)

    # --- what the queue and the evictions ask

    def _gate(self, entry: Entry) -> str:
        """The first plugin that does not let a pod be tried yet."""
        profile = self._profile_of(entry.pod)
        try:
            return self._refusing(entry, profile) if profile is not None else ""
        except Exception:  # an object that nobody thought of: the attempt will tell
            log.exception("gates of %s", entry.key)
            return ""

    def _refusing(self, entry: Entry, profile: Configured) -> str:
        spec = entry.pod.get("spec") or {}
        for plugin in profile.points["preEnqueue"]:
            if plugin == "SchedulingGates" and spec.get("schedulingGates"):
                return plugin
            if plugin == "DynamicResources" and missing(Query(self._cluster, entry.info, profile)):
                return plugin
            if plugin == "DefaultPreemption" and self._evictions.running(entry.uid):
                return plugin
        return ""

    def _fits(self, info: PodInfo, plugin: str, node: str) -> bool:
        profile, row = self._profile_of(info.object), self._cluster.row_of(node)
        if profile is None or row is None:
            return False
        return not refusals(self._cluster, info, profile, plugin, row)

    def _evicted(self, uid: str, failed: bool) -> None:
        """All victims of a pod have been told, or not: it has been kept waiting for that."""
        entry = self._queue.get(uid)
        if entry is not None and (failed or entry.gate):
            self._queue.activate(uid)

    def _profile_of(self, pod: Object) -> Configured | None:
        return self._profiles.get((pod.get("spec") or {}).get("schedulerName", ""))
