"""What progress shows of a step: one Vertex, sent whenever it changes."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sampan.builder.progress import Explanation, Log, Progress, Status, Vertex, now
from sampan.errors import SampanError

CANCELED = "context canceled"


@dataclass(eq=False)
class VertexProgress:
    """One vertex of one build."""

    progress: Progress
    vertex: Vertex

    @property
    def digest(self) -> str:
        return self.vertex.digest

    def announce(self) -> None:
        self.progress.add(self.vertex)

    def start(self) -> None:
        if not self.vertex.started:
            self._set(replace(self.vertex, started=now()))

    def finish(self, *, cached: bool = False, error: str = "", snapshot: str = "") -> None:
        """Once; what comes later is not shown."""
        if self.vertex.completed:
            return
        at = now()
        started = self.vertex.started or at
        vertex = replace(self.vertex, started=started, completed=at, cached=cached, error=error)
        self._set(replace(vertex, snapshot=snapshot))

    def _set(self, vertex: Vertex) -> None:
        self.vertex = vertex
        self.progress.add(vertex)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around the work: an error is shown as the vertex' own."""
        self.start()
        with self.failing():
            yield
        self.finish()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """An error in here ends the vertex."""
        try:
            yield
        except asyncio.CancelledError:
            if self.vertex.started:
                self.finish(error=CANCELED)
            raise
        except SampanError as error:
            self.finish(error=error.message)
            raise

    def log(self, stream: int, data: bytes) -> None:
        self.progress.add(Log(vertex=self.digest, stream=stream, data=data))

    def explain(self, cached: bool, reason: str) -> None:
        self.progress.add(Explanation(vertex=self.digest, cached=cached, reason=reason))

    def counter(self) -> "Counter":
        return Counter(self)


class Counter:
    """Things counted in a vertex, by name: what sources and pulls report."""

    def __init__(self, vertex: VertexProgress) -> None:
        self._vertex = vertex
        self._started: dict[str, int] = {}
        self._last: dict[str, tuple[int, int]] = {}

    def __call__(self, what: str, current: int, total: int = 0) -> None:
        started = self._started.setdefault(what, now())
        self._last[what] = current, total
        self._add(what, current, total, started, 0)

    def done(self) -> None:
        """All of them are."""
        for what, (current, total) in self._last.items():
            self._add(what, current, total, self._started[what], now())
        self._last.clear()

    def _add(self, what: str, current: int, total: int, started: int, completed: int) -> None:
        self._vertex.progress.add(
            Status(
                id=what,
                vertex=self._vertex.digest,
                name=what,
                current=current,
                total=total,
                started=started,
                completed=completed,
            )
        )


def vertex_progress(progress: Progress, salt: str, name: str, inputs: Sequence[str] = ()) -> VertexProgress:
    """`salt` makes the digest unique in the build."""
    digest = hashlib.sha256(f"{salt}\n{name}".encode()).hexdigest()
    return VertexProgress(progress, Vertex(digest=f"sha256:{digest}", name=name, inputs=tuple(inputs)))
