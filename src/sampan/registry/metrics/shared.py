"""Numbers that several processes count and any of them can read, in a shared mapping made before the forks.

Each process has a slot of its own and is its only writer, so nothing is locked. A slot is a list of entries,
only ever appended to: `<size of key, padding><value, float64, aligned><key, padded to 8>`; `used`, at its
beginning, moves once an entry is whole. Who comes into a slot later goes on with its counters.
"""

import mmap
import struct
from collections.abc import Iterator

SLOT = 256 << 10
SLOTS = 64  # workers of two generations on a large machine; the mapping costs only the pages written
_USED = struct.Struct("=q")
_VALUE = struct.Struct("=d")
_HEAD = 16


class Arena:
    def __init__(self, slots: int = SLOTS, size: int = SLOT) -> None:
        self._size = size
        self._slots = slots
        self._memory = mmap.mmap(-1, slots * size)

    def slot(self, number: int) -> "Slot":
        """A process's own. Beyond the last it is private memory, which others do not see."""
        if number < self._slots:
            return Slot(self._memory, number * self._size, self._size)
        return Slot(mmap.mmap(-1, self._size), 0, self._size)

    def totals(self) -> dict[str, float]:
        """Every key's sum over all slots."""
        found: dict[str, float] = {}
        for number in range(self._slots):
            for key, _, value in entries(self._memory, number * self._size, self._size):
                found[key] = found.get(key, 0.0) + value
        return found


class Cell:
    """One number of one process."""

    __slots__ = ("_memory", "_offset", "value")

    def __init__(self, memory: mmap.mmap, offset: int, value: float) -> None:
        self._memory = memory
        self._offset = offset
        self.value = value

    def add(self, amount: float = 1.0) -> None:
        self.value += amount
        _VALUE.pack_into(self._memory, self._offset, self.value)

    def set(self, value: float) -> None:
        self.value = value
        _VALUE.pack_into(self._memory, self._offset, value)


class Slot:
    def __init__(self, memory: mmap.mmap, start: int, size: int) -> None:
        self._memory = memory
        self._start = start
        self._size = size
        self._cells = {key: Cell(memory, at, value) for key, at, value in entries(memory, start, size)}
        self._spare: Cell | None = None

    def cell(self, key: str) -> Cell:
        """The number called `key`, made at its first use."""
        found = self._cells.get(key)
        if found is None:
            found = self._cells[key] = self._make(key)
        return found

    def _make(self, key: str) -> Cell:
        data = key.encode()
        (used,) = _USED.unpack_from(self._memory, self._start)
        at = self._start + max(used, _USED.size)
        length = _HEAD + (len(data) + 7 & ~7)
        if at + length > self._start + self._size:
            # Labels are of small sets, so no client can cause this; counting nothing is better than failing.
            self._spare = self._spare or Cell(mmap.mmap(-1, mmap.PAGESIZE), 0, 0.0)
            return self._spare
        _USED.pack_into(self._memory, at, len(data))
        _VALUE.pack_into(self._memory, at + 8, 0.0)
        self._memory[at + _HEAD : at + _HEAD + len(data)] = data
        _USED.pack_into(self._memory, self._start, at + length - self._start)
        return Cell(self._memory, at + 8, 0.0)


def entries(memory: mmap.mmap, start: int, size: int) -> Iterator[tuple[str, int, float]]:
    """Key, offset of the value, value."""
    (used,) = _USED.unpack_from(memory, start)
    at = start + _USED.size
    while at < start + used:
        (length,) = _USED.unpack_from(memory, at)
        (value,) = _VALUE.unpack_from(memory, at + 8)
        yield memory[at + _HEAD : at + _HEAD + length].decode(), at + 8, value
        at += _HEAD + (length + 7 & ~7)
