"""Each node gets ranges of its own for its pods' addresses; kube-controller-manager's node-ipam-controller.

Off unless asked for by --allocate-node-cidrs, as upstream. What is free is known from the nodes alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sampan.errors import Invalid
from sampan.kube.client.recorder import NORMAL
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import NODES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes import ip
from sampan.specs.kubernetes.status import StatusError, is_gone

WIDEST = 16  # bits: a range is not cut into more than 65,536 parts
AGAIN = 60.0  # seconds until a node that got nothing tries again, unless another one goes before


@dataclass
class Pool:
    """A range that is cut into equal parts; which of them are taken, and how often."""

    base: bytes
    length: int
    part: int  # the length of a part
    taken: dict[int, int] = field(default_factory=dict)
    following: int = 0  # parts are given out in turn: what has just been given back rests for a while

    @property
    def count(self) -> int:
        return 1 << (self.part - self.length)

    @property
    def _step(self) -> int:
        return 1 << (8 * len(self.base) - self.part)

    def allocate(self) -> str | None:
        for offset in range(self.count):
            at = (self.following + offset) % self.count
            if at not in self.taken:
                self.taken[at] = 1
                self.following = (at + 1) % self.count
                first = int.from_bytes(self.base, "big") + at * self._step
                return ip.show_range(first.to_bytes(len(self.base), "big"), self.part)
        return None

    def occupy(self, text: str) -> None:
        for at in self._parts(text):
            self.taken[at] = self.taken.get(at, 0) + 1

    def release(self, text: str) -> None:
        for at in self._parts(text):
            self.taken[at] -= 1
            if not self.taken[at]:
                del self.taken[at]

    def _parts(self, text: str) -> range:
        """The parts that a range touches, whatever its size."""
        parsed = ip.parse_range(text)
        if parsed is None or len(parsed[0]) != len(self.base):
            return range(0)
        base = int.from_bytes(self.base, "big")
        first = int.from_bytes(ip.masked(*parsed), "big") - base
        last = first + (1 << (8 * len(self.base) - parsed[1])) - 1
        return range(max(first // self._step, 0), min(last // self._step, self.count - 1) + 1)


def pools(ranges: Sequence[str], parts: Sequence[int], excluded: Sequence[str] = ()) -> list[Pool]:
    """`parts`: the lengths of IPv4 and IPv6 parts. Raises Invalid for what cannot be cut so."""
    found = []
    for text in ranges:
        parsed = ip.parse_range(text)
        if parsed is None:
            raise Invalid(f"the cluster's range {text!r} is none")
        part = parts[0] if len(parsed[0]) == 4 else parts[1]
        if not parsed[1] <= part <= 8 * len(parsed[0]) or part - parsed[1] > WIDEST:
            raise Invalid(
                f"{text} cannot be cut into ranges of /{part}",
                hint=f"a node's range is as long as the cluster's, or up to {WIDEST} bits longer",
            )
        pool = Pool(ip.masked(*parsed), parsed[1], part)
        for other in excluded:
            pool.occupy(other)
        found.append(pool)
    return found


def ranges_of(node: Object) -> list[str]:
    spec = node.get("spec") or {}
    return spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])


class Allocator:
    """Its `controller` handles one node at a time."""

    def __init__(self, context: Context) -> None:
        options = context.options
        self._context = context
        self._pools = pools(options.cluster_cidrs, options.node_masks, options.service_cidrs)
        self._nodes = context.informers.of(NODES)
        self._held: dict[str, list[str]] = {}  # by node: what it has, or is being given
        self._poor: set[str] = set()  # nodes that got nothing
        self.controller = Controller("node-addresses", self._reconcile, [self._nodes], workers=30)
        self._nodes.on_change(self._changed)

    async def run(self) -> None:
        """Until cancelled."""
        await self.controller.run()

    def _changed(self, what: str, node: Object, old: Object | None) -> None:
        name, ranges = node["metadata"]["name"], ranges_of(node)
        replaced = old is not None and old["metadata"]["uid"] != node["metadata"]["uid"]
        if what == "delete" or replaced:
            self._hold(name, [])
        if what != "delete" and ranges:
            self._hold(name, ranges)
        elif what != "delete":
            self.controller.queue.add(name)

    def _hold(self, name: str, ranges: list[str]) -> None:
        before = self._held.pop(name, [])
        for pool in self._pools:
            for text in before:
                pool.release(text)
            for text in ranges:
                pool.occupy(text)
        if ranges:
            self._held[name] = ranges
        elif before:
            for poor in self._poor:
                self.controller.queue.add(poor)
            self._poor.clear()

    async def _reconcile(self, name: str) -> float | None:
        node = self._nodes.get(name)
        if node is None or ranges_of(node):
            return None
        ranges = self._held.get(name) or self._allocate(name)
        if not ranges:
            self._complain(node)
            return AGAIN
        self._context.settle(node)
        spec = {"podCIDR": ranges[0], "podCIDRs": ranges}
        patch = {"metadata": {"uid": node["metadata"]["uid"]}, "spec": spec}
        try:
            await self._context.client.patch(NODES, "", name, patch)
        except StatusError as error:
            if not is_gone(error):
                raise
        return None

    def _allocate(self, name: str) -> list[str]:
        """Of all pools or of none."""
        found: list[str] = []
        for at, pool in enumerate(self._pools):
            text = pool.allocate()
            if text is None:
                for given, before in zip(found, self._pools[:at], strict=True):
                    before.release(given)
                return []
            found.append(text)
        self._held[name] = found
        return found

    def _complain(self, node: Object) -> None:
        name = node["metadata"]["name"]
        self._poor.add(name)
        message = f"Node {name} status is now: CIDRNotAvailable"
        self._context.recorder.event(node, NORMAL, "CIDRNotAvailable", message)
        self._context.explain(
            node,
            "CIDRNotAvailable",
            "no range is left for its pods' addresses",
            "delete nodes that are gone, or give the cluster a wider range (--cluster-cidr)",
        )
