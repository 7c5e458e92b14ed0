"""The builder of one engine: what the three wire forms call."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampan.engine.builder.cache.records import Usage
from sampan.engine.builder.options import BuildOptions
from sampan.engine.builder.progress import Progress
from sampan.engine.builder.requester import Requester
from sampan.engine.builder.trees import Snapshot


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """`exporter` is what buildx prints and writes to --metadata-file (containerimage.digest, ...).

    `answer`: of `call` other than build: result.json, result.txt, result.statuscode, as BuildKit's subrequests.
    `result`: what `ResultSource.id` and "input:ID" name, as long as the Build is kept live by its owner.
    """

    image_id: str = ""  # "": no image was asked for
    exporter: Mapping[str, str] = field(default_factory=dict)
    answer: Mapping[str, bytes] = field(default_factory=dict)
    result: str = ""


@dataclass(frozen=True, kw_only=True)
class BuildRecord:
    """One line of `buildx history ls` and of our own listing. Times: ns since 1970."""

    ref: str
    name: str
    created: int
    completed: int = 0  # 0: it runs
    error: str = ""
    canceled: bool = False
    steps: int = 0
    cached: int = 0
    warnings: int = 0
    dockerfile: str = ""
    target: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)  # context, tags, platforms, build arguments' names
    exporter: Mapping[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Build:
    """One build, from its request to its end."""

    ref: str
    options: BuildOptions
    progress: Progress
    task: "asyncio.Task[BuildResult]"
    record: BuildRecord

    def cancel(self) -> None:
        self.task.cancel()


@dataclass(frozen=True, kw_only=True)
class Addressed:
    """A snapshot that `sampan build shell` opens, and how its step ran."""

    id: str
    snapshot: Snapshot
    description: str
    env: tuple[str, ...] = ()
    cwd: str = "/"
    user: str = ""
    failed: bool = False


class Builder:
    def __init__(self, **parts: Any) -> None:
        self._parts = parts

    async def start_up(self) -> None:
        """Bring rows and disk together, after images and networks."""
        raise NotImplementedError

    async def stop(self) -> None:
        """End every build."""
        raise NotImplementedError

    def start(self, options: BuildOptions, requester: Requester, ref: str = "") -> Build:
        """Begin; `ref` is the client's name for it, or a new one. Raises AlreadyExists."""
        raise NotImplementedError

    def get(self, ref: str) -> Build:
        """A build that runs. Raises NotFound."""
        raise NotImplementedError

    def records(self) -> list[BuildRecord]:
        """Running builds and the last finished ones, newest first."""
        raise NotImplementedError

    def record(self, ref: str) -> BuildRecord:
        """By ref or its beginning. Raises NotFound."""
        raise NotImplementedError

    async def events(self, ref: str) -> Progress:
        """All that happened in a build: its own Progress while it runs, or one read back, closed. NotFound."""
        raise NotImplementedError

    def forget(self, ref: str) -> None:
        """Remove a finished build's record and log. Raises NotFound, Conflict for one that runs."""
        raise NotImplementedError

    def snapshot(self, id: str) -> Addressed:
        """By the id of a record or its beginning. Raises NotFound."""
        raise NotImplementedError

    async def du(self, filters: Sequence[str] = ()) -> list[Usage]:
        """`filters` as BuildKit's: "type==regular", "id~=abc", "inuse", ... Raises Invalid."""
        raise NotImplementedError

    async def prune(
        self,
        filters: Sequence[str] = (),
        *,
        all: bool = False,
        keep_duration: float = 0,  # seconds unused
        keep_bytes: int = 0,
    ) -> list[Usage]:
        """Remove what is not in use; returns what went. Raises Invalid."""
        raise NotImplementedError
