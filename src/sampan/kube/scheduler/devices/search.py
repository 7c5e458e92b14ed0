"""One pod's search for devices, on all nodes: those are asked together that see the same devices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.devices.allocator import Allocations, allocate
from sampan.kube.scheduler.devices.asking import Asked, asked
from sampan.kube.scheduler.devices.effort import Effort, Exhausted
from sampan.kube.scheduler.devices.podclaims import claims_of
from sampan.kube.scheduler.devices.pools import DeviceId, Inventory
from sampan.kube.scheduler.nodematching import everywhere, meets_any
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import DEVICE_CLASSES, RESOURCE_CLAIMS, SLICES
from sampan.kube.scheduler.verdict import Mask, Rows
from sampan.specs.kubernetes.nodeselectors import terms_of
from sampan.specs.kubernetes.resourceclaims import allocation

TOO_LONG = "timed out trying to allocate devices"

Outcome = Allocations | str  # or why there are no devices
_View = tuple[str, tuple[int, ...]]  # the node's name, if that matters, and the selectors that mean it


@dataclass
class Search:
    """For the claims of one pod that have no devices yet. What was found out is not asked again."""

    claims: tuple[Asked, ...]
    inventory: Inventory
    taken: frozenset[DeviceId]
    effort: Effort = field(default_factory=Effort)
    _known: dict[_View, Outcome] = field(default_factory=dict)

    def outcomes(self, cluster: Cluster, rows: Rows) -> list[Outcome]:
        """Of each of the rows. Raises Unworkable."""
        return [self._outcome(view) for view in self._views(cluster, rows)]

    def go_on(self) -> None:
        """With what could not be found out so far."""
        if self.effort.exhausted:
            self.effort = Effort()
            self._known = {view: one for view, one in self._known.items() if one != TOO_LONG}

    def _views(self, cluster: Cluster, rows: Rows) -> Iterator[_View]:
        there = np.arange(cluster.size)[rows]
        selectors = self.inventory.selectors
        masks = np.array([meets_any(cluster, terms, rows) for terms in selectors], np.bool_)
        masks = masks.reshape(len(selectors), len(there))
        for place, row in enumerate(there):
            selected = tuple(np.flatnonzero(masks[:, place]).tolist()) if selectors else ()
            yield self.inventory.local(cluster.node_name(int(row))), selected

    def _outcome(self, view: _View) -> Outcome:
        found = self._known.get(view)
        if found is None:
            found = self._known[view] = self._tried(view)
        return found

    def _tried(self, view: _View) -> Outcome:
        try:
            return allocate(self.claims, self.inventory.pools(*view), self.taken, self.effort)
        except Exhausted:
            return TOO_LONG


def search_of(query: Query) -> Search | None:
    """None if all claims have devices. Raises Unworkable."""
    wanted = [one for one in claims_of(query) if allocation(one) is None]
    if not wanted:
        return None
    surroundings, known = query.cluster.surroundings, query.cluster.devices
    versions = tuple(surroundings.version(one) for one in (RESOURCE_CLAIMS, DEVICE_CLASSES, SLICES))
    key = ("search", *(one["metadata"].get("uid") for one in wanted))
    found: Search = known.get(key, versions, lambda: _begun(query, wanted))
    return found


def _begun(query: Query, wanted: Sequence[Object]) -> Search:
    surroundings, known = query.cluster.surroundings, query.cluster.devices
    claims = tuple(asked(one, lambda name: surroundings.get(DEVICE_CLASSES, name)) for one in wanted)
    taken = known.get("taken", surroundings.version(RESOURCE_CLAIMS), lambda: _taken(query))
    return Search(claims, inventory_of(query), taken)


def inventory_of(query: Query) -> Inventory:
    surroundings, known = query.cluster.surroundings, query.cluster.devices
    version = surroundings.version(SLICES)
    before: Inventory | None = known.last("inventory")
    return known.get("inventory", version, lambda: Inventory(surroundings.all(SLICES), before))


def _taken(query: Query) -> frozenset[DeviceId]:
    """Devices that claims have, other than for looking after them."""
    return frozenset(
        DeviceId(str(one.get("driver")), str(one.get("pool")), str(one.get("device")))
        for claim in query.cluster.surroundings.all(RESOURCE_CLAIMS)
        for one in ((allocation(claim) or {}).get("devices") or {}).get("results") or ()
        if not one.get("adminAccess")
    )


def available(query: Query, claim: Object, rows: Rows) -> Mask:
    """From where the devices can be used that a claim has."""
    selector = (allocation(claim) or {}).get("nodeSelector")
    if not selector:
        return everywhere(query.cluster, rows)
    return meets_any(query.cluster, terms_of(selector), rows)
