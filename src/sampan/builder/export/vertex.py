"""The vertex that an export is, and what it says while it goes on."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sampan.builder.progress import Progress, Status, Vertex, now
from sampan.errors import SampanError


class ExportVertex:
    def __init__(self, progress: Progress, vertex: Vertex) -> None:
        self._progress = progress
        self._vertex = vertex

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """A line of its own: "writing image sha256:..."."""
        started = now()
        digest = self._vertex.digest
        self._progress.add(Status(id=what, vertex=digest, started=started))
        yield
        self._progress.add(Status(id=what, vertex=digest, started=started, completed=now()))

    def done(self, what: str) -> None:
        with self.doing(what):
            pass

    def count(
        self, what: str, current: int, total: int = 0, *, started: int, completed: bool = False
    ) -> None:
        """How much of something is done: bytes of a file that is sent."""
        self._progress.add(
            Status(
                id=what,
                vertex=self._vertex.digest,
                current=current,
                total=total,
                started=started,
                completed=now() if completed else 0,
            )
        )


@contextmanager
def exporting(progress: Progress, name: str) -> Iterator[ExportVertex]:
    """The vertex is like no other: bake shows several builds in one view, by digests."""
    vertex = Vertex(digest=f"sha256:{secrets.token_hex(32)}", name=name, started=now())
    progress.add(vertex)
    try:
        yield ExportVertex(progress, vertex)
    except SampanError as error:
        progress.add(replace(vertex, completed=now(), error=error.message))
        raise
    except BaseException:
        progress.add(replace(vertex, completed=now(), error="context canceled"))
        raise
    progress.add(replace(vertex, completed=now()))
