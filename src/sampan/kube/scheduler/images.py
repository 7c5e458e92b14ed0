"""Images that nodes say they have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler.interning import Stamped

REMEMBERED = 256  # sets of images that pods of one shape need


@dataclass
class Image:
    """`size` in bytes, as the first node told it that has it."""

    size: int
    rows: set[int] = field(default_factory=set)


class Images:
    def __init__(self) -> None:
        self._images: dict[str, Image] = {}
        self._names: dict[int, frozenset[str]] = {}  # by row
        self._changes = 0
        self._sums = Stamped(REMEMBERED)

    def describe(self, row: int, values: Iterable[Mapping[str, Any]]) -> None:
        """What a node has now."""
        sizes = {name: one.get("sizeBytes") or 0 for one in values for name in one.get("names") or ()}
        before, now = self._names.get(row, frozenset()), frozenset(sizes)
        if before == now:
            return
        self._changes += 1
        for name in before - now:
            self._images[name].rows.discard(row)
            if not self._images[name].rows:
                del self._images[name]
        for name in now - before:
            self._images.setdefault(name, Image(sizes[name])).rows.add(row)
        self._names[row] = now
        if not now:
            del self._names[row]

    def sums(self, names: tuple[str, ...], size: int, nodes: int) -> NDArray[np.int64] | None:
        """By row, the bytes of these images that are there, each less the fewer nodes have it; or None."""
        if not any(name in self._images for name in names):
            return None
        stamp = (self._changes, size, nodes)
        return self._sums.get(names, stamp, lambda: self._sum(names, size, nodes))

    def _sum(self, names: tuple[str, ...], size: int, nodes: int) -> NDArray[np.int64]:
        total = np.zeros(size, np.int64)
        for name in names:
            image = self._images.get(name)
            if image:
                total[list(image.rows)] += int(float(image.size) * (len(image.rows) / nodes))
        return total
