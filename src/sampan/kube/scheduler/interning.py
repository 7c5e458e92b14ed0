"""Columns of texts: a small number per row instead, so that a question is asked once for each value."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler.verdict import Mask, Rows

T = TypeVar("T", bound=Hashable)
V = TypeVar("V")
MISSING = -1  # the number of a row without a value; as an index it means the last place
SPARE = 64  # values that may be kept without need


class Column(Generic[T]):
    """`ids` by row; `values` by id."""

    def __init__(self, size: int) -> None:
        self.ids: NDArray[np.int32] = np.full(size, MISSING, np.int32)
        self.values: list[T] = []
        self._index: dict[T, int] = {}

    def grow(self, size: int) -> None:
        more = np.full(size - len(self.ids), MISSING, np.int32)
        self.ids = np.concatenate([self.ids, more])

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
        used, ids = np.unique(self.ids, return_inverse=True)
        kept = [int(one) for one in used if one != MISSING]
        self.ids = (ids - (len(used) - len(kept))).astype(np.int32)
        self.values = [self.values[one] for one in kept]
        self._index = {value: at for at, value in enumerate(self.values)}

    def where(self, holds: Callable[[T | None], bool], rows: Rows) -> Mask:
        """The rows whose value is one of those; asked once per value, and for none."""
        table = np.fromiter((*map(holds, self.values), holds(None)), np.bool_, len(self.values) + 1)
        return table[self.ids[rows]]

    def table(self, number: Callable[[T | None], int], rows: Rows) -> NDArray[np.int64]:
        """The same with numbers."""
        table = np.fromiter((*map(number, self.values), number(None)), np.int64, len(self.values) + 1)
        return table[self.ids[rows]]

    def among(self, wanted: Iterable[T], rows: Rows) -> Mask:
        """The rows that have one of these values."""
        table = np.zeros(len(self.values) + 1, np.bool_)
        for value in wanted:
            found = self._index.get(value)
            if found is not None:
                table[found] = True
        return table[self.ids[rows]]


class Recent(Generic[V]):
    """A table of what was used last, so many at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = make()
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return found

    def values(self) -> Iterable[V]:
        return self._known.values()

    def items(self) -> Iterable[tuple[Hashable, V]]:
        return self._known.items()

    def clear(self) -> None:
        self._known.clear()
