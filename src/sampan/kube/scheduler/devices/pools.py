"""The devices that there are: ResourceSlices, and the pools that those make which a node can use.

https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.interning import Recent
from sampan.specs.kubernetes.nodeselectors import Terms, terms_of

EXPRESSIONS = 64  # whose answers are remembered of each slice
POOLS = 4096  # as they look from nodes


class PoolId(NamedTuple):
    driver: str
    name: str

    def __str__(self) -> str:
        return f"{self.driver}/{self.name}"


class DeviceId(NamedTuple):
    driver: str
    pool: str
    name: str

    def __str__(self) -> str:
        return "/".join(self)


class Device:
    """`place`: of those of its slice."""

    __slots__ = ("id", "place", "slice", "value")

    def __init__(self, slice: "DeviceSlice", place: int, value: Object) -> None:
        self.id = DeviceId(slice.pool.driver, slice.pool.name, str(value.get("name") or ""))
        self.slice = slice
        self.place = place
        self.value = value

    def attribute(self, name: str) -> tuple[str, Any] | None:
        """Its type and value, by a fully qualified name; the driver's own may go without its domain."""
        known = self.value.get("attributes") or {}
        domain, _, own = name.partition("/")
        found = known.get(name) or (known.get(own) if domain == self.id.driver else None) or {}
        return next(((kind, found[kind]) for kind in _KINDS if found.get(kind) is not None), None)


_KINDS = ("string", "int", "bool", "version")


class DeviceSlice:
    """What a ResourceSlice says. `answers`: what expressions say of its devices, as far as that is known."""

    def __init__(self, value: Object) -> None:
        spec = value.get("spec") or {}
        pool = spec.get("pool") or {}
        self.value = value
        self.name = str(value["metadata"]["name"])
        self.pool = PoolId(str(spec.get("driver") or ""), str(pool.get("name") or ""))
        self.generation = int(pool.get("generation") or 0)
        self.count = int(pool.get("resourceSliceCount") or 0)
        self.node = str(spec.get("nodeName") or "")
        self.everywhere = bool(spec.get("allNodes"))
        self.node_selector: Mapping[str, Any] | None = spec.get("nodeSelector")
        self.terms: Terms = terms_of(self.node_selector)
        found = spec.get("devices") or ()
        self.devices = tuple(Device(self, at, one) for at, one in enumerate(found))
        self.answers: Recent[Any] = Recent(EXPRESSIONS)


class Pool:
    """What can be used of a pool from some nodes. From one that is not whole nothing is given."""

    def __init__(self, id: PoolId, slices: Sequence[DeviceSlice], incomplete: bool = False) -> None:
        self.id = id
        self.slices = () if incomplete else tuple(slices)
        self.incomplete = incomplete
        names = [one.id.name for slice in self.slices for one in slice.devices]
        self.invalid = len(set(names)) != len(names)


class Inventory:
    """All slices; `before`: an earlier one, of whose slices those are kept that are still the same."""

    def __init__(self, values: Iterable[Object], before: "Inventory | None" = None) -> None:
        known = before._slices if before is not None else {}
        self._slices: dict[str, DeviceSlice] = {}
        for value in values:
            name = value["metadata"]["name"]
            same = known.get(name)
            kept = same if same is not None and same.value is value else DeviceSlice(value)
            self._slices[name] = kept
        self._by_pool: dict[PoolId, list[DeviceSlice]] = {}
        self._on_node: dict[str, list[DeviceSlice]] = {}
        self._everywhere: list[DeviceSlice] = []
        selected: dict[Terms, list[DeviceSlice]] = {}
        for one in sorted(self._slices.values(), key=lambda slice: (slice.pool, slice.name)):
            self._by_pool.setdefault(one.pool, []).append(one)
            if one.node:
                self._on_node.setdefault(one.node, []).append(one)
            elif one.everywhere:
                self._everywhere.append(one)
            elif one.node_selector:
                selected.setdefault(one.terms, []).append(one)
        self._selected = tuple(selected.values())
        self.selectors = tuple(selected)
        self._pools: Recent[Pool | None] = Recent(POOLS)

    def local(self, node: str) -> str:
        """The node's name if it has slices of its own, else nothing: such nodes are all alike."""
        return node if node in self._on_node else ""

    def pools(self, node: str, selected: Iterable[int]) -> list[Pool]:
        """Of a node that these of the selectors mean, by their ids: which node it is matters to none else."""
        seen = [*self._everywhere, *self._on_node.get(node, ())]
        for at in selected:
            seen += self._selected[at]
        by_pool: dict[PoolId, list[DeviceSlice]] = {}
        for one in seen:
            by_pool.setdefault(one.pool, []).append(one)
        found = (self._pool(id, by_pool[id]) for id in sorted(by_pool))
        return [one for one in found if one is not None]

    def _pool(self, id: PoolId, seen: list[DeviceSlice]) -> Pool | None:
        latest = max(one.generation for one in seen)
        current = sorted((one for one in seen if one.generation == latest), key=lambda one: one.name)
        key: Hashable = tuple(one.name for one in current)
        return self._pools.get((id, key), lambda: self._gathered(id, current))

    def _gathered(self, id: PoolId, current: list[DeviceSlice]) -> Pool | None:
        """Upstream's GatherPools; None of a pool that is being replaced by one of other nodes."""
        wanted, generation = current[0].count, current[0].generation
        if len(current) == wanted:
            return Pool(id, current)
        if any(one.generation > generation for one in self._by_pool[id]):
            return None
        count = sum(one.generation == generation for one in self._by_pool[id])
        return Pool(id, current, incomplete=count != wanted)
