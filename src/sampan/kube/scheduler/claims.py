"""Which pods on which rows use which PersistentVolumeClaims, and disks that cannot be shared."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler.podinfo import Shape

Rows = dict[int, int]  # how many pods there are, by row
Disk = tuple[str, Mapping[str, Any]]


class ClaimUses:
    """`number` by row: how many uses there are, of whatever claims."""

    def __init__(self, size: int) -> None:
        self.number: NDArray[np.int64] = np.zeros(size, np.int64)
        self._claims: dict[str, Rows] = {}
        self._by_row: dict[int, dict[str, int]] = {}

    def grow(self, size: int) -> None:
        self.number = np.pad(self.number, (0, size - len(self.number)))

    def charge(self, shape: Shape, row: int, sign: int) -> None:
        for claim in shape.claims:
            key = f"{shape.namespace}/{claim.name}"
            _add(self._claims, key, row, sign)
            _add(self._by_row, row, key, sign)
            self.number[row] += sign

    def used(self, key: str) -> bool:
        """Does any pod on a node use it?"""
        return key in self._claims

    def on(self, row: int) -> Iterable[str]:
        return self._by_row.get(row, ())


class Disks:
    """By row, the disks that pods have, as many times as they do."""

    def __init__(self) -> None:
        self._rows: dict[int, list[Disk]] = {}

    def charge(self, shape: Shape, row: int, sign: int) -> None:
        for disk in shape.disks:
            there = self._rows.setdefault(row, [])
            if sign > 0:
                there.append(disk)
            else:
                there.remove(disk)
                if not there:
                    del self._rows[row]

    def rows_against(self, disks: Iterable[Disk]) -> list[int]:
        """Where there is one that one of these cannot be beside."""
        wanted = list(disks)
        return [
            row
            for row, there in self._rows.items()
            if any(_conflict(one, other) for one in wanted for other in there)
        ]


def _add(table: dict[Any, dict[Any, int]], key: Any, inner: Any, sign: int) -> None:
    counts = table.setdefault(key, {})
    counts[inner] = counts.get(inner, 0) + sign
    if not counts[inner]:
        del counts[inner]
        if not counts:
            del table[key]


def _conflict(one: Disk, other: Disk) -> bool:
    """Are they the same, and not both only read? VolumeRestrictions' isVolumeConflict"""
    kind, a = one
    other_kind, b = other
    if kind != other_kind:
        return False
    if kind == "awsElasticBlockStore":
        return bool(a.get("volumeID") == b.get("volumeID"))
    if a.get("readOnly") and b.get("readOnly"):
        return False
    if kind == "gcePersistentDisk":
        return bool(a.get("pdName") == b.get("pdName"))
    if kind == "iscsi":
        return bool(a.get("iqn") == b.get("iqn"))
    shared = set(a.get("monitors") or ()) & set(b.get("monitors") or ())
    pools = (a.get("pool") or "rbd", b.get("pool") or "rbd")
    return bool(shared) and pools[0] == pools[1] and a.get("image") == b.get("image")
