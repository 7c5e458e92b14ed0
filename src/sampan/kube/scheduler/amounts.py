"""How much of each resource the nodes have and their pods ask for: a row of integers per resource."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler.requests import CPU, MEMORY, PODS, Requests

Integers = NDArray[np.int64]


class Amounts:
    """`allocatable` and `used` by resource; `assumed` as `used`, with something for who asks for nothing."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._index: dict[str, int] = {}
        self.allocatable: Integers = np.zeros((0, size), np.int64)
        self.used: Integers = np.zeros((0, size), np.int64)
        self.assumed: Integers = np.zeros((2, size), np.int64)
        for name in (CPU, MEMORY, PODS):
            self.index(name)

    def index(self, name: str) -> int:
        """Of a resource, which is new if nobody spoke of it before."""
        found = self._index.get(name)
        if found is None:
            found = self._index[name] = len(self._index)
            row = np.zeros((1, self._size), np.int64)
            self.allocatable = np.concatenate([self.allocatable, row])
            self.used = np.concatenate([self.used, row])
        return found

    def known(self, name: str) -> int | None:
        """The same, if somebody did."""
        return self._index.get(name)

    def grow(self, size: int) -> None:
        def wider(value: Integers) -> Integers:
            return np.pad(value, ((0, 0), (0, size - self._size)))

        self.allocatable, self.used, self.assumed = map(wider, (self.allocatable, self.used, self.assumed))
        self._size = size

    def provide(self, row: int, found: Mapping[str, int]) -> None:
        """What a node has; nothing is left of what it had before."""
        self.allocatable[:, row] = 0
        for name, number in found.items():
            at = self.index(name)  # before the array is looked at, which may become a larger one
            self.allocatable[at, row] = number

    def charge(self, row: int, requests: Requests, sign: int) -> None:
        """A pod has come (1) or gone (-1)."""
        for name, number in requests.asked.items():
            if number:
                at = self.index(name)
                self.used[at, row : row + 1] += sign * number
        self.used[self._index[PODS], row] += sign
        for at, name in enumerate((CPU, MEMORY)):
            self.assumed[at, row : row + 1] += sign * requests.assumed.get(name, 0)

    def clear(self, row: int) -> None:
        for one in (self.allocatable, self.used, self.assumed):
            one[:, row] = 0
