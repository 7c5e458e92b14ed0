"""The hash of an upload, computed while its bytes are written, across requests and workers.

hashlib's state cannot leave its process. So the worker that wrote the last bytes keeps it, and a request that
lands on another worker, or after a restart, hashes from the file what its own state has not seen. Uploads
only ever grow, so an old state is never wrong, only behind. A client keeps its connection between requests
as a rule, hence its worker: the file is read again for the exception, and uploads need no shared memory.
"""

import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

PIECE = 1 << 20
KEPT = 1024


class Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass
class State:
    """The hash of the first `offset` bytes of an upload."""

    algorithm: str
    hash: Hash
    offset: int = 0

    @property
    def digest(self) -> str:
        return f"{self.algorithm}:{self.hash.hexdigest()}"

    def catch_up(self, descriptor: int, size: int) -> None:
        """Hash the file from where this state stands to `size`. Blocks."""
        while self.offset < size:
            data = os.pread(descriptor, min(PIECE, size - self.offset), self.offset)
            if not data:
                break
            self.hash.update(data)
            self.offset += len(data)


def new_state(algorithm: str) -> State:
    return State(algorithm, hashlib.new(algorithm))


class States:
    """This worker's hashes of uploads between their requests, the least recently used dropped first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, State] = OrderedDict()

    def take(self, id: str, algorithm: str) -> State:
        found = self._kept.pop(id, None)
        return found if found is not None and found.algorithm == algorithm else new_state(algorithm)

    def keep(self, id: str, state: State) -> None:
        self._kept[id] = state
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def drop(self, id: str) -> None:
        self._kept.pop(id, None)
