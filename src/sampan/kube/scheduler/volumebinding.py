"""Giving a pod its volumes before it gets its node: what is chosen is assumed, then told, then awaited.

A volume that is there is kept for its claim (`claimRef`); for one that is to be made, the claim is told the
node (`volume.kubernetes.io/selected-node`). Then the controllers bind them, for which the pod waits.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sampan.errors import Unavailable
from sampan.kube.client.informer import key_of
from sampan.kube.client.requests import Client, Object
from sampan.kube.scheduler.binding import Rejected
from sampan.kube.scheduler.caches import RESOURCES, Caches
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import CLAIMS, VOLUMES
from sampan.kube.scheduler.volumes import Plan, claims_of, reachable
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import volumes
from sampan.specs.kubernetes.objects import annotations_of
from sampan.specs.kubernetes.status import StatusError

PLUGIN = 'running PreBind plugin "VolumeBinding"'
POLL = 0.1  # seconds between looks at the claims, in the cache


@dataclass(frozen=True)
class Writes:
    """The volumes and the claims as they are to be."""

    volumes: tuple[Object, ...] = ()
    claims: tuple[Object, ...] = ()


def writes(plan: Plan, node: str) -> Writes:
    """Pure. What is so already need not be written."""
    kept = ((volumes.bound_volume(volume, claim), volume) for claim, volume in plan.bindings)
    told = (volumes.annotated(claim, **{volumes.SELECTED_NODE: node}) for claim in plan.provisions)
    return Writes(tuple(one for one, before in kept if one is not before), tuple(told))


class VolumeBinder:
    def __init__(self, client: Client, caches: Caches) -> None:
        self._client = client
        self._caches = caches

    def assume(self, wanted: Writes) -> None:
        """Other pods are to reckon with it from now on."""
        for resource, value in _each(wanted):
            self._caches.assume(resource, value)

    def forget(self, wanted: Writes) -> None:
        for resource, value in _each(wanted):
            self._caches.forget(resource, key_of(value))

    async def bind(self, query: Query, node: str, wanted: Writes, seconds: float) -> None:
        """Returns once all claims of the pod are bound; raises Rejected."""
        try:
            for resource, value in _each(wanted):
                path = RESOURCES[resource]
                await self._client.update(path, value["metadata"].get("namespace", ""), value)
        except (StatusError, Unavailable) as error:
            raise Rejected(f"{PLUGIN}: {error}") from error
        try:
            async with asyncio.timeout(seconds):
                while True:
                    why = self._problem(query, node, wanted)
                    if why:
                        raise Rejected(f"{PLUGIN}: binding volumes: {why}")
                    if self._all_bound(query):
                        return
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise Rejected(f"{PLUGIN}: binding volumes: context deadline exceeded") from None

    def _all_bound(self, query: Query) -> bool:
        found = claims_of(query)
        return not found.delayed and not found.immediate and len(found.bound) == len(query.shape.claims)

    def _problem(self, query: Query, node: str, wanted: Writes) -> str:
        """Why it makes no sense to wait any longer."""
        row = query.cluster.row_of(node)
        if row is None:
            return f"failed to get node {quote(node)}"
        for use in query.shape.claims:
            key = f"{query.shape.namespace}/{use.name}"
            claim = self._caches.get(CLAIMS, key)
            if claim is None:
                return f"could not find pvc {quote(key)}"
            if not volumes.is_bound(claim) and self._was_told(claim, wanted):
                said = annotations_of(claim).get(volumes.SELECTED_NODE, "")
                if not said:
                    return f"provisioning failed for PVC {quote(use.name)}"
                if said != node:
                    return (
                        f"selectedNode annotation value {quote(said)} not set to scheduled node {quote(node)}"
                    )
            volume = self._caches.get(VOLUMES, (claim.get("spec") or {}).get("volumeName") or "")
            if volume is not None and not reachable(query, volume, np.array([row]))[0]:
                name = volume["metadata"]["name"]
                return f"pv {quote(name)} node affinity doesn't match node {quote(node)}"
        return ""

    def _was_told(self, claim: Object, wanted: Writes) -> bool:
        """The node: seen by the cache as it was written, which takes a moment."""
        return any(
            key_of(one) == key_of(claim)
            and one["metadata"].get("resourceVersion") != claim["metadata"].get("resourceVersion")
            for one in wanted.claims
        )


def _each(wanted: Writes) -> Iterable[tuple[str, Object]]:
    for value in wanted.volumes:
        yield VOLUMES, value
    for value in wanted.claims:
        yield CLAIMS, value
