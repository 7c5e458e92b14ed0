"""Giving a pod its devices before it gets its node: what is chosen is assumed, then written into claims.

A claim is kept from being deleted, then gets its devices and its user in one write. If the pod does not get
the node after all, it is taken out again; the claim keeps its devices until they are in a pod's way.
"""

import asyncio
import logging
from dataclasses import dataclass

import numpy as np

from sampan.errors import SampanError, Unavailable
from sampan.kube.client.informer import key_of
from sampan.kube.client.requests import STRATEGIC_PATCH, Client, Object
from sampan.kube.client.resources import RESOURCE_CLAIMS as PATH
from sampan.kube.scheduler.binding import Rejected
from sampan.kube.scheduler.caches import Caches
from sampan.kube.scheduler.devices.asking import name_of
from sampan.kube.scheduler.devices.podclaims import claims_of
from sampan.kube.scheduler.devices.results import allocated, allocation_of, deallocated, protected, used_by
from sampan.kube.scheduler.devices.search import available, search_of
from sampan.kube.scheduler.filters.dynamic_resources import ELSEWHERE, NAME
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import RESOURCE_CLAIMS
from sampan.kube.scheduler.verdict import Verdict
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.resourceclaims import allocation, is_used_by, users_of
from sampan.specs.kubernetes.status import StatusError
from sampan.tasks import Tasks

log = logging.getLogger("sampan.kube")

PLUGIN = 'running PreBind plugin "DynamicResources"'
ATTEMPTS, PAUSE = 5, 0.01  # at a claim that others write at the same time; seconds
AWAY = 0.5  # seconds between questions to a server that is away


@dataclass
class Reservation:
    """A pod's claims as they are known, and the devices (by uid) that are to be written into them."""

    claims: list[Object]
    allocations: dict[str, Object]


def reservation(query: Query, row: int) -> Reservation:
    """For the row that was chosen, where all claims can be met. Raises Unworkable and Rejected."""
    claims, search = claims_of(query), search_of(query)
    if search is None:
        return Reservation(claims, {})
    (outcome,) = search.outcomes(query.cluster, np.array([row], np.intp))
    if isinstance(outcome, str):
        raise Rejected(outcome)
    pairs = zip(search.claims, outcome, strict=True)
    return Reservation(claims, {uid_of(one.claim): allocation_of(one, given) for one, given in pairs})


def hindering(query: Query, verdict: Verdict) -> list[Object]:
    """The pod's claims that keep it from nodes, and that no other pod uses."""
    texts = (one for failure in verdict.failures if failure.plugin == NAME for one in failure.texts)
    rows = [np.flatnonzero(mask) for text, mask in texts if text == ELSEWHERE]
    if not rows:
        return []
    uid = query.pod.uid
    return [
        one
        for one in claims_of(query)
        if all(user.get("uid") == uid for user in users_of(one))
        and not available(query, one, np.concatenate(rows)).all()
    ]


def uid_of(value: Object) -> str:
    return str(value["metadata"].get("uid") or "")


class DeviceBinder:
    def __init__(self, client: Client, caches: Caches, tasks: Tasks) -> None:
        self._client = client
        self._caches = caches
        self._tasks = tasks

    def assume(self, wanted: Reservation) -> None:
        """Nobody else is to get these devices, from now on."""
        for claim in wanted.claims:
            found = wanted.allocations.get(uid_of(claim))
            if found is not None:
                self._assume(allocated(claim, found))

    def _assume(self, claim: Object) -> None:
        uid = uid_of(claim)

        def told(value: Object) -> bool:
            """Another change may come first."""
            return uid_of(value) != uid or allocation(value) is not None

        self._caches.assume(RESOURCE_CLAIMS, claim, told)

    def forget(self, wanted: Reservation) -> None:
        """What was written stays, and the cache will tell of it."""
        for claim in wanted.claims:
            if uid_of(claim) in wanted.allocations and allocation(claim) is None:
                self._caches.forget(RESOURCE_CLAIMS, key_of(claim))

    # --- before the pod gets its node

    async def bind(self, pod: Object, wanted: Reservation) -> None:
        """Returns once all claims are kept for the pod; raises Rejected."""
        for at, claim in enumerate(wanted.claims):
            found = wanted.allocations.get(uid_of(claim))
            if found is None and is_used_by(claim, uid_of(pod)):
                continue
            try:
                wanted.claims[at] = await self._written(pod, claim, found)
            except (StatusError, Unavailable) as error:
                what = "reservation" if found is None else "allocation and reservation"
                raise Rejected(f"{PLUGIN}: add {what} to claim {name_of(claim)}: {error}") from error

    async def _written(self, pod: Object, claim: Object, found: Object | None) -> Object:
        """Tries again with the claim as it is meanwhile, as long as that fits."""
        own, uid, fresh = claim["metadata"], uid_of(claim), claim
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(PAUSE)
                fresh = await self._client.get(PATH, own["namespace"], own["name"])
            if is_going(fresh) or uid_of(fresh) != uid:
                raise Rejected(f"{PLUGIN}: claim {name_of(claim)} got deleted in the meantime")
            if found is not None and allocation(fresh) is not None:
                raise Rejected(f"{PLUGIN}: claim {name_of(claim)} got allocated elsewhere in the meantime")
            if found is None and allocation(fresh) is None:
                raise Rejected(f"{PLUGIN}: claim {name_of(claim)} got deallocated in the meantime")
            try:
                return await self._write(pod, fresh, found)
            except StatusError as error:
                if error.code != 409 or attempt == ATTEMPTS - 1:
                    raise
            except Unavailable:
                # It may have been heard: until that is known nobody else is to get the devices.
                heard = await self._asked(claim)
                if heard is None or uid_of(heard) != uid or not is_used_by(heard, uid_of(pod)):
                    raise
                return heard
        raise AssertionError("the last attempt returns or raises")

    async def _asked(self, claim: Object) -> Object | None:
        """As the server has it, whenever it answers; None if it has gone."""
        own = claim["metadata"]
        while True:
            try:
                return await self._client.get(PATH, own["namespace"], own["name"])
            except StatusError as error:
                if error.code == 404:
                    return None
                log.info("claim %s: %s", name_of(claim), error)
            except Unavailable as error:
                log.info("claim %s: %s", name_of(claim), error)
            await asyncio.sleep(AWAY)

    async def _write(self, pod: Object, claim: Object, found: Object | None) -> Object:
        namespace = claim["metadata"]["namespace"]
        if found is not None:
            kept = protected(claim)
            if kept is not claim:
                claim = await self._client.update(PATH, namespace, kept)
            claim = allocated(claim, found)
        return await self._client.update(PATH, namespace, used_by(claim, pod), "status")

    # --- when it does not

    async def unreserve(self, pod: Object, wanted: Reservation) -> None:
        """Take the pod out of its claims again. What fails is done when the pod gets a node, or goes."""
        uid = uid_of(pod)
        for claim in wanted.claims:
            if allocation(claim) is None or not is_used_by(claim, uid):
                continue
            own = claim["metadata"]
            gone = [{"$patch": "delete", "uid": uid}]
            patch = {"metadata": {"uid": uid_of(claim)}, "status": {"reservedFor": gone}}
            try:
                await self._client.patch(
                    PATH,
                    own["namespace"],
                    own["name"],
                    patch,
                    subresource="status",
                    content_type=STRATEGIC_PATCH,
                )
            except (StatusError, SampanError) as error:
                log.info("unreserving %s: %s", name_of(claim), error)

    def deallocate(self, claim: Object) -> None:
        """Nobody uses its devices, and from where they are it cannot be used. Never waits."""
        self._tasks.spawn(self._deallocate(claim))

    async def _deallocate(self, claim: Object) -> None:
        try:
            await self._client.update(PATH, claim["metadata"]["namespace"], deallocated(claim), "status")
        except (StatusError, SampanError) as error:
            log.info("deallocating %s: %s", name_of(claim), error)
