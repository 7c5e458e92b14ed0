"""Columns of texts: a small number per row instead, so that a question is asked once for each value."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler.verdict import Mask, Rows

T = TypeVar("T", bound=Hashable)
V = TypeVar("V")
MISSING = 0  # the number of a row without a value
SPARE = 64  # values that may be kept without need


class Column(Generic[T]):
    """`ids` by row; `values` by id, the first of which is none."""

    def __init__(self, size: int) -> None:
        self.ids: NDArray[np.intp] = np.full(size, MISSING, np.intp)
        self.values: list[T | None] = [None]
        self._index: dict[T, int] = {}

    def grow(self, size: int) -> None:
        self.ids = np.pad(self.ids, (0, size - len(self.ids)))

    def set(self, row: int, value: T | None) -> None:
        if value is None:
            self.ids[row] = MISSING
            return
        found = self._index.get(value)
        if found is None:
            if len(self.values) > 2 * len(self.ids) + SPARE:
                self._forget_unused()
            found = self._index[value] = len(self.values)
            self.values.append(value)
        self.ids[row] = found

    def id_of(self, value: T) -> int | None:
        return self._index.get(value)

    def _forget_unused(self) -> None:
        """Values come and go while the cluster runs: number those anew that rows still have."""
        used, ids = np.unique(np.append(self.ids, MISSING), return_inverse=True)
        self.ids = ids[:-1].astype(np.intp)
        self.values = [self.values[one] for one in used]
        self._index = {value: at for at, value in enumerate(self.values) if value is not None}

    def where(self, holds: Callable[[T | None], bool], rows: Rows) -> Mask:
        """The rows whose value is one of those; asked once per value, and for none."""
        table = np.fromiter(map(holds, self.values), np.bool_, len(self.values))
        return table[self.ids[rows]]

    def numbers(self, number: Callable[[T | None], int], rows: Rows) -> NDArray[np.int64]:
        """The same with numbers."""
        table = np.fromiter(map(number, self.values), np.int64, len(self.values))
        return table[self.ids[rows]]

    def among(self, wanted: Iterable[T], rows: Rows) -> Mask:
        """The rows that have one of these values."""
        table = np.zeros(len(self.values), np.bool_)
        for value in wanted:
            found = self._index.get(value)
            if found is not None:
                table[found] = True
        return table[self.ids[rows]]

    def has(self, rows: Rows) -> Mask:
        """The rows that have a value."""
        found: Mask = self.ids[rows] != MISSING
        return found


class Recent(Generic[V]):
    """A table of what was used last, so many at most; `lost` hears of what was dropped."""

    def __init__(self, most: int, lost: Callable[[V], None] | None = None) -> None:
        self._most = most
        self._lost = lost
        self._known: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = make()
            if len(self._known) > self._most:
                _, lost = self._known.popitem(last=False)
                if self._lost:
                    self._lost(lost)
        else:
            self._known.move_to_end(key)
        return found

    def peek(self, key: Hashable) -> V | None:
        return self._known.get(key)

    def values(self) -> Iterable[V]:
        return self._known.values()

    def items(self) -> Iterable[tuple[Hashable, V]]:
        return self._known.items()

    def drop(self, key: Hashable) -> None:
        self._known.pop(key, None)


class Stamped:
    """The same of what is true as long as nothing changes: each goes with a stamp of what it was found in."""

    def __init__(self, most: int) -> None:
        self._recent: Recent[tuple[Hashable, Any]] = Recent(most)

    def get(self, key: Hashable, stamp: Hashable, make: Callable[[], V]) -> V:
        before, found = self._recent.get(key, lambda: (stamp, make()))
        if before != stamp:
            self._recent.drop(key)
            _, found = self._recent.get(key, lambda: (stamp, make()))
        value: V = found
        return value

    def last(self, key: Hashable) -> Any:
        """What was found the last time, true or not any more; None if nothing was."""
        known = self._recent.peek(key)
        return None if known is None else known[1]
