"""What the scheduler writes into pods' status: conditions and nominations, the latest of each pod."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from sampan.errors import SampanError
from sampan.kube.client.informer import key_of
from sampan.kube.client.requests import STRATEGIC_PATCH, Client, Object
from sampan.kube.client.resources import PODS
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.objects import condition
from sampan.specs.kubernetes.status import StatusError
from sampan.tasks import Tasks

log = logging.getLogger("sampan.kube")

ATTEMPTS, PAUSE = 5, 1.0  # while the server is away; the pod is tried again anyhow


@dataclass(frozen=True)
class Wish:
    """`nominated`: "" to have none, None to leave it."""

    kind: str = ""  # of the condition, "" for none
    status: str = ""
    reason: str = ""
    message: str = ""
    nominated: str | None = None

    def after(self, before: "Wish") -> "Wish":
        """What is left of an earlier one: what this one says nothing of."""
        nominated = before.nominated if self.nominated is None else self.nominated
        return replace(self if self.kind else before, nominated=nominated)


def patch_of(pod: Object, wish: Wish, now: float) -> Object | None:
    """What changes a pod's status; None if it is as it should be."""
    status: Object = {}
    nominated = (pod.get("status") or {}).get("nominatedNodeName") or ""
    if wish.nominated is not None and wish.nominated != nominated:
        status["nominatedNodeName"] = wish.nominated or None
    if wish.kind and (found := _condition(pod, wish, now)) is not None:
        known = [one.get("type") for one in (pod.get("status") or {}).get("conditions") or ()]
        status["conditions"] = [found]
        order = known if wish.kind in known else [*known, wish.kind]
        status["$setElementOrder/conditions"] = [{"type": kind} for kind in order]
    if not status:
        return None
    return {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}


def _condition(pod: Object, wish: Wish, now: float) -> Object | None:
    """UpdatePodCondition: its time is that of the last change of its status."""
    known = condition(pod, wish.kind) or {}
    same = known.get("status") == wish.status
    found = {
        "type": wish.kind,
        "observedGeneration": pod["metadata"].get("generation") or 0,
        "status": wish.status,
        "lastProbeTime": None,
        "lastTransitionTime": known.get("lastTransitionTime") if same else times.text(now),
        "reason": wish.reason,
        "message": wish.message,
    }
    if not found["observedGeneration"]:
        del found["observedGeneration"]
    return None if all(known.get(name) == value for name, value in found.items()) else found


class Statuses:
    """Writes beside whoever decides; of several wishes for a pod the last is written."""

    def __init__(
        self,
        client: Client,
        find: Callable[[str], Object | None],  # a pod as it is known, by its key
        clock: Callable[[], float],
        tasks: Tasks,
        most: int = 16,  # writes at once
    ) -> None:
        self._client = client
        self._find = find
        self._clock = clock
        self._tasks = tasks
        self._wishes: dict[str, Wish] = {}
        self._busy: set[str] = set()
        self._slots = asyncio.Semaphore(most)

    def wish(self, pod: Object, wish: Wish) -> None:
        """Never waits."""
        uid = pod["metadata"]["uid"]
        before = self._wishes.get(uid)
        self._wishes[uid] = wish if before is None else wish.after(before)
        if uid not in self._busy:
            self._busy.add(uid)
            self._tasks.spawn(self._fulfil(uid, key_of(pod)))

    def forget(self, uid: str) -> None:
        """The pod has gone, or has a node."""
        self._wishes.pop(uid, None)

    async def _fulfil(self, uid: str, key: str) -> None:
        try:
            async with self._slots:
                while (wish := self._wishes.pop(uid, None)) is not None:
                    await self._write(uid, key, wish)
        finally:
            self._busy.discard(uid)

    async def _write(self, uid: str, key: str, wish: Wish) -> None:
        for _ in range(ATTEMPTS):
            pod = self._find(key)
            if pod is None or pod["metadata"].get("uid") != uid or uid in self._wishes:
                return
            try:
                await self.patch(pod, wish)
                return
            except StatusError as error:
                log.info("status of %s: %s", key, error)
                if error.code < 500 and error.code != 429:
                    return
            except SampanError as error:
                log.info("status of %s: %s", key, error)
            await asyncio.sleep(PAUSE)

    async def patch(self, pod: Object, wish: Wish) -> None:
        """Now; raises StatusError and Unavailable."""
        patch = patch_of(pod, wish, self._clock())
        if patch is not None:
            own = pod["metadata"]
            await self._client.patch(
                PODS,
                own["namespace"],
                own["name"],
                patch,
                subresource="status",
                content_type=STRATEGIC_PATCH,
            )
