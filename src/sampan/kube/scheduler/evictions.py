"""Driving away the pods that another one was preferred to, beside whoever decided it."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from sampan.errors import SampanError
from sampan.kube.client.recorder import NORMAL, Recorder
from sampan.kube.client.requests import Client, Object
from sampan.kube.client.resources import PODS
from sampan.kube.scheduler.preemption import REASON
from sampan.kube.scheduler.statuses import Statuses, Wish
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.status import StatusError, is_gone
from sampan.tasks import Tasks

log = logging.getLogger("sampan.kube")


class Evictions:
    """`after(uid, failed)`: all victims of a pod were told to go, or not; until then the pod is not tried."""

    def __init__(
        self,
        client: Client,
        statuses: Statuses,
        tasks: Tasks,
        after: Callable[[str, bool], None],
        most: int,  # writes at once for one pod
    ) -> None:
        self._client = client
        self._statuses = statuses
        self._tasks = tasks
        self._after = after
        self._most = most
        self._running: set[str] = set()

    def running(self, uid: str) -> bool:
        """Are victims of this pod being told?"""
        return uid in self._running

    def begin(self, pod: Object, victims: Sequence[Object], node: str, recorder: Recorder) -> None:
        """Never waits. Victims that are on their way out already need not be told."""
        staying = [victim for victim in victims if not is_going(victim)]
        if staying:
            self._running.add(pod["metadata"]["uid"])
            self._tasks.spawn(self._evict(pod, staying, node, recorder))

    async def _evict(self, pod: Object, victims: Sequence[Object], node: str, recorder: Recorder) -> None:
        uid = pod["metadata"]["uid"]
        slots = asyncio.Semaphore(self._most)

        async def one(victim: Object) -> None:
            async with slots:
                await self._tell(pod, victim, node, recorder)

        failed = False
        try:
            async with asyncio.TaskGroup() as group:
                for victim in victims:
                    group.create_task(one(victim))
        except* (StatusError, SampanError) as errors:
            failed = True
            log.info("preemption for %s on %s: %s", pod["metadata"]["name"], node, errors.exceptions[0])
        finally:
            self._running.discard(uid)
            self._after(uid, failed)

    async def _tell(self, pod: Object, victim: Object, node: str, recorder: Recorder) -> None:
        scheduler = (pod.get("spec") or {}).get("schedulerName", "")
        why = f"{scheduler}: preempting to accommodate a higher priority pod"
        own = victim["metadata"]
        try:
            await self._statuses.patch(victim, Wish("DisruptionTarget", "True", REASON, why))
            # The uid: another pod of that name has done nothing.
            options = {"preconditions": {"uid": own["uid"]}}
            await self._client.delete(PODS, own["namespace"], own["name"], options)
        except StatusError as error:
            if not is_gone(error):
                raise
            return  # it has gone
        note = f"Preempted by pod {pod['metadata']['uid']} on node {node}"
        recorder.scheduling(victim, NORMAL, "Preempted", "Preempting", note, related=pod)
