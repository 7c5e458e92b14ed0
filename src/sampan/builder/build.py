"""One build, as whoever asked for it holds it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sampan.builder.history import BuildRecord
from sampan.builder.options import BuildOptions
from sampan.builder.progress import Progress
from sampan.builder.trees import Snapshot

if TYPE_CHECKING:
    from sampan.builder.dockerfile.instructions import Dockerfile
    from sampan.builder.plan.graph import Plan
    from sampan.builder.solve.state import SolveState


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """`exporter` is what buildx prints and writes to --metadata-file (containerimage.digest, ...).

    `answer`: of `call` other than build: result.json, result.txt, result.statuscode, as BuildKit's
    subrequests. `result`: what `ResultSource.id` and "input:ID" name: see Build.keep_result.
    """

    image_id: str = ""  # "": no image was asked for
    exporter: Mapping[str, str] = field(default_factory=dict)
    answer: Mapping[str, bytes] = field(default_factory=dict)
    result: str = ""


@dataclass(eq=False)
class Build:
    """One build, from its request to its end. It is parsed and planned before a step's vertex is shown."""

    ref: str
    options: BuildOptions
    progress: Progress
    record: BuildRecord
    keep_result: bool = False  # until Builder.drop_result: others build on it
    dockerfile: "Dockerfile | None" = None
    plan: "Plan | None" = None
    warnings: int = 0
    _task: "asyncio.Task[BuildResult] | None" = None
    state: "SolveState | None" = None

    @property
    def task(self) -> "asyncio.Task[BuildResult]":
        assert self._task is not None
        return self._task

    @property
    def solving(self) -> bool:
        """There is a plan, and its steps are shown."""
        return self.state is not None

    @property
    def snapshots(self) -> Mapping[int, str]:
        """Step -> the id of its record, as `sampan build shell` takes it, once the step is done."""
        return self.state.snapshots if self.state else {}

    def digest_of(self, step: int) -> str:
        """The vertex of a step."""
        assert self.state is not None
        return self.state.vertex(step).digest

    def begun(self, state: "SolveState") -> None:
        """From now on it is `solving`."""
        self.state = state
        state.announce()

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
