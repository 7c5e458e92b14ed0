"""The nodes as columns, kept up to date by events: what each has, what runs on it, and who may run there.

A node has a row, and gives it back when it goes. Filters and scores read the columns and change nothing. Each
change of a row is noted, so that what was found out about the others stays good.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.amounts import Amounts
from sampan.kube.scheduler.claims import ClaimUses, Disks
from sampan.kube.scheduler.counting import Counting
from sampan.kube.scheduler.images import Images
from sampan.kube.scheduler.interning import Column, Recent, Stamped
from sampan.kube.scheduler.podinfo import PodInfo, pod_info
from sampan.kube.scheduler.ports import Ports
from sampan.kube.scheduler.requests import integers
from sampan.kube.scheduler.surroundings import NAMESPACES, Nowhere, Surroundings
from sampan.kube.scheduler.verdict import Mask
from sampan.specs.kubernetes.podamounts import amounts

FIRST = 64  # rows to begin with
SHAPES = 4096  # of which something is remembered
LATELY = 256  # of which something is remembered of each row
SEARCHES = 64  # for devices, that may be gone on with
LABELS = 512  # label keys that are kept as columns
FINISHED = frozenset(("Succeeded", "Failed"))


class Taint(NamedTuple):
    key: str
    value: str
    effect: str


Taints = tuple[Taint, ...]


class Cluster:
    """`epochs` by row: the number of the last change; `epoch`: of the last one anywhere."""

    def __init__(self, surroundings: Surroundings | None = None) -> None:
        self.surroundings = surroundings or Nowhere()
        self.size = FIRST
        self.epoch = 0
        self.arrivals = 0  # times that a node got a row
        self.epochs: NDArray[np.int64] = np.zeros(FIRST, np.int64)
        self.amounts = Amounts(FIRST)
        self.taints: Column[Taints] = Column(FIRST)
        self.unschedulable: Mask = np.zeros(FIRST, np.bool_)
        self.ports = Ports()
        self.claims = ClaimUses(FIRST)
        self.disks = Disks()
        self.images = Images()
        self.counting = Counting(FIRST, self._namespace_labels, self._namespaces_version)
        self.defaults = Stamped(SHAPES)  # spread constraints, by what they were found for
        self.attachments = Stamped(SHAPES)  # what is known of volumes, by what it is
        self.devices = Stamped(SEARCHES)  # the same of devices
        self.memories: Recent[Any] = Recent(LATELY)  # what was found out about rows, by what for
        self._present: Mask = np.zeros(FIRST, np.bool_)
        self.names: Column[str] = Column(FIRST)
        self._labels: Recent[Column[str]] = Recent(LABELS)
        self._rows: dict[str, int] = {}
        self._free = list(range(FIRST - 1, -1, -1))
        self._nodes: list[Object | None] = [None] * FIRST
        self._pods: dict[str, PodInfo] = {}
        self._placed: dict[str, dict[str, PodInfo]] = {}  # by the node's name, whether it is known or not

    # Nodes

    def put_node(self, node: Object) -> None:
        """Also of one that is known; nothing happens if it says the same."""
        name = node["metadata"]["name"]
        row = self._rows.get(name)
        if row is None:
            row = self._take_row(name)
            self._describe(row, node, None)
            for info in self._placed.get(name, {}).values():
                self._charge(info, row, 1)
        else:
            self._describe(row, node, self._nodes[row])

    def remove_node(self, name: str) -> None:
        """Its pods are kept: it may come back."""
        row = self._rows.pop(name, None)
        if row is None:
            return
        for info in self._placed.get(name, {}).values():
            self._charge(info, row, -1)
        self._touch(row)
        self._present[row] = False
        self._nodes[row] = None
        self.amounts.clear(row)
        self.images.describe(row, ())
        self.taints.set(row, None)
        self.unschedulable[row] = False
        self.names.set(row, None)
        for column in self._labels.values():
            column.set(row, None)
        self._free.append(row)

    def node_name(self, row: int) -> str:
        node = self._nodes[row]
        return str(node["metadata"]["name"]) if node else ""

    def node(self, row: int) -> Object | None:
        return self._nodes[row]

    def row_of(self, name: str) -> int | None:
        return self._rows.get(name)

    @property
    def nodes(self) -> int:
        return len(self._rows)

    def rows(self) -> Mask:
        """Those that hold a node."""
        return self._present

    def label(self, key: str) -> Column[str]:
        """The values of a label, by row."""
        return self._labels.get(key, lambda: self._label_column(key))

    def _label_column(self, key: str) -> Column[str]:
        column: Column[str] = Column(self.size)
        for row in self._rows.values():
            column.set(row, _labels(self._nodes[row]).get(key))
        return column

    def _take_row(self, name: str) -> int:
        if not self._free:
            self._grow()
        self.arrivals += 1
        row = self._rows[name] = self._free.pop()
        self.names.set(row, name)
        self._present[row] = True
        return row

    def _grow(self) -> None:
        before, self.size = self.size, 2 * self.size
        self._free = list(range(self.size - 1, before - 1, -1))
        self._nodes += [None] * before
        self.epochs = np.pad(self.epochs, (0, before))
        self._present = np.pad(self._present, (0, before))
        self.unschedulable = np.pad(self.unschedulable, (0, before))
        self.amounts.grow(self.size)
        for column in (self.names, *self._labels.values()):
            column.grow(self.size)
        self.taints.grow(self.size)
        self.counting.grow(self.size)
        self.claims.grow(self.size)

    def _describe(self, row: int, node: Object, before: Object | None) -> None:
        """Write down what is different in `node`; a heartbeat is not."""
        self._nodes[row] = node
        spec, status = node.get("spec") or {}, node.get("status") or {}
        if before is not None and _described(before) == _described(node):
            return
        self._touch(row)
        self.amounts.provide(row, integers(amounts(status.get("allocatable"))))
        self.taints.set(row, _taints(spec))
        self.unschedulable[row] = bool(spec.get("unschedulable"))
        self.images.describe(row, status.get("images") or ())
        labels = _labels(node)
        if before is None or _labels(before) != labels:
            for key, column in self._labels.items():
                column.set(row, labels.get(str(key)))

    def _namespace_labels(self, name: str) -> Mapping[str, str]:
        return _labels(self.surroundings.get(NAMESPACES, name))

    def _namespaces_version(self) -> Hashable:
        return self.surroundings.version(NAMESPACES)

    def _touch(self, row: int) -> None:
        self.epoch += 1
        self.epochs[row] = self.epoch

    # Pods

    def put_pod(self, pod: Object) -> None:
        """One that runs on a node or was told to; one that has finished uses nothing any more."""
        if (pod.get("status") or {}).get("phase") in FINISHED:
            self.remove_pod(pod["metadata"]["uid"])
        else:
            self.place(pod_info(pod))

    def place(self, info: PodInfo) -> None:
        before = self._pods.get(info.uid)
        if before is not None and before.node_name == info.node_name and _alike(before, info):
            self._pods[info.uid] = self._placed[info.node_name][info.uid] = info
            return
        if before is not None:
            self.remove_pod(info.uid)
        self._pods[info.uid] = info
        self._placed.setdefault(info.node_name, {})[info.uid] = info
        row = self._rows.get(info.node_name)
        if row is not None:
            self._charge(info, row, 1)

    def remove_pod(self, uid: str) -> None:
        info = self._pods.pop(uid, None)
        if info is None:
            return
        there = self._placed[info.node_name]
        del there[uid]
        if not there:
            del self._placed[info.node_name]
        row = self._rows.get(info.node_name)
        if row is not None:
            self._charge(info, row, -1)

    def pods_on(self, row: int) -> Sequence[PodInfo]:
        return list(self._placed.get(self.node_name(row), {}).values())

    def pod(self, uid: str) -> PodInfo | None:
        return self._pods.get(uid)

    def _charge(self, info: PodInfo, row: int, sign: int) -> None:
        """A pod has come to a row (1) or has left it (-1)."""
        self._touch(row)
        self.amounts.charge(row, info.shape.requests, sign)
        self.ports.charge(info.shape.ports, row, sign)
        self.claims.charge(info.shape, row, sign)
        self.disks.charge(info.shape, row, sign)
        self.counting.charge(info, row, sign)

    @contextmanager
    def supposing(self, row: int, more: Sequence[PodInfo] = (), gone: Sequence[str] = ()) -> Iterator[None]:
        """As if these pods were on the row, and those with these uids were not."""
        victims = [info for info in self.pods_on(row) if info.uid in set(gone)]
        for info in victims:
            self._charge(info, row, -1)
        for info in more:
            self._charge(info, row, 1)
        try:
            yield
        finally:
            for info in more:
                self._charge(info, row, -1)
            for info in victims:
                self._charge(info, row, 1)


def _labels(node: Mapping[str, Any] | None) -> Mapping[str, str]:
    return ((node or {}).get("metadata") or {}).get("labels") or {}


def _taints(spec: Mapping[str, Any]) -> Taints:
    values = spec.get("taints") or ()
    return tuple(Taint(*(one.get(name) or "" for name in Taint._fields)) for one in values)


def _described(node: Object) -> tuple[Any, ...]:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    return (
        _labels(node),
        spec.get("taints"),
        spec.get("unschedulable"),
        status.get("allocatable"),
        status.get("images"),
    )


def _alike(one: PodInfo, other: PodInfo) -> bool:
    return one.shape is other.shape and one.terminating == other.terminating
