"""What happens in a build, as it happens: BuildKit's SolveStatus, in plain values.

A build writes into a Progress; any number of readers get all of it, from the beginning.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any


def now() -> int:
    """Nanoseconds since 1970."""
    return time.time_ns()


@dataclass(frozen=True, kw_only=True)
class Vertex:
    """A step's state. Sent again, whole, whenever it changes."""

    digest: str  # sha256:..., unique in the build
    name: str
    inputs: tuple[str, ...] = ()
    started: int = 0  # ns; 0: not yet
    completed: int = 0
    cached: bool = False
    error: str = ""
    group: dict[str, Any] | None = None  # pb.ProgressGroup
    snapshot: str = ""  # of a RUN that failed: what `sampan build shell` takes


@dataclass(frozen=True, kw_only=True)
class Status:
    """Something countable inside a vertex: a download, "transferring context"."""

    id: str
    vertex: str
    name: str = ""
    current: int = 0
    total: int = 0
    timestamp: int = field(default_factory=now)
    started: int = 0
    completed: int = 0


@dataclass(frozen=True, kw_only=True)
class Log:
    vertex: str
    stream: int  # 1 stdout, 2 stderr
    data: bytes
    timestamp: int = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Warning:
    """A lint rule's finding, or what the engine wants to be seen."""

    vertex: str
    short: str
    level: int = 1
    detail: tuple[str, ...] = ()
    url: str = ""
    filename: str = ""
    source: bytes = b""
    ranges: tuple[tuple[int, int], ...] = ()  # first and last line


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """--explain: why a step was, or was not, taken from the cache."""

    vertex: str
    cached: bool
    reason: str


Event = Vertex | Status | Log | Warning | Explanation


class Progress:
    """Owned by the event loop. `add` after `close` is dropped.

    A vertex' output beyond `log_limit` bytes is cut, with a note, as BuildKit does.
    """

    def __init__(self, log_limit: int = 2 << 20) -> None:
        self.events: list[Event] = []
        self.closed = False
        self._limit = log_limit
        self._logged: dict[str, int] = {}
        self._changed = asyncio.Event()

    def add(self, event: Event) -> None:
        if self.closed:
            return
        if isinstance(event, Log):
            before = self._logged.get(event.vertex, 0)
            self._logged[event.vertex] = before + len(event.data)
            if before > self._limit:
                return
            if before + len(event.data) > self._limit:
                note = f"\n[output clipped, log limit {self._limit >> 20}MiB reached]\n".encode()
                self._logged[event.vertex] = self._limit + 1
                event = Log(
                    vertex=event.vertex,
                    stream=event.stream,
                    data=event.data[: self._limit - before] + note,
                    timestamp=event.timestamp,
                )
        self.events.append(event)
        self._wake()

    def close(self) -> None:
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def read(self) -> AsyncIterator[list[Event]]:
        """Batches: everything so far, then what comes, until the build ends."""
        position = 0
        while True:
            if position < len(self.events):
                batch = self.events[position:]
                position = len(self.events)
                yield batch
            elif self.closed:
                return
            else:
                await self._changed.wait()
