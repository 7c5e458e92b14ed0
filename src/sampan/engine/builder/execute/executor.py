"""What solving calls: the steps of one build, executed on this engine."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from sampan.engine.builder.graph import Action, Run
from sampan.engine.builder.options import BuildOptions
from sampan.engine.builder.requester import Requester
from sampan.engine.builder.trees import Selected, Snapshot, Tree
from sampan.engine.images.store import Staging
from sampan.errors import Failed

# (1 stdout or 2 stderr, what a program wrote)
Output = Callable[[int, bytes], None]


class RunFailed(Failed):
    """A program that ended badly. `message` is BuildKit's: process "/bin/sh -c false" did not complete ...

    `snapshot`: the file system as it left it, whose last layer is in the staging; None when it never ran.
    """

    def __init__(
        self, message: str, *, exit_code: int | None = None, snapshot: Snapshot | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code
        self.snapshot = snapshot


@dataclass(frozen=True)
class Taken:
    """What a Copy takes: `selected` of `tree`, as sources.select has it."""

    tree: Tree
    selected: Selected


@dataclass(frozen=True, kw_only=True)
class MountRecord:
    """A cache mount's directory on disk, for du and prune. Times: ns since 1970."""

    id: str  # as --mount=type=cache,id= names it, made unique with sharing=private
    directory: Path
    size: int
    created: int
    last_used: int
    in_use: bool


class Execution:
    """One build's. All layers it makes are in its staging, and not yet durable.

    `epoch`: file times of the step's layer that are later become that, in seconds since 1970.
    """

    async def run(
        self,
        run: Run,
        base: Snapshot,
        inputs: Mapping[int, Snapshot | Tree],
        output: Output,
        *,
        epoch: int | None = None,
        platform: str = "",
    ) -> Snapshot:
        """RUN: `base` and one layer more. `inputs`: of the step, by index, as `run.mounts` name them.

        Raises RunFailed, NotFound (a secret or ssh agent that is required), Denied (entitlements), Failed.
        Cancelled: the program is killed and nothing is left.
        """
        raise NotImplementedError

    async def files(
        self,
        actions: Sequence[Action],
        taken: Sequence[Taken | None],
        base: Snapshot,
        *,
        epoch: int | None = None,
        link: bool = False,
    ) -> Snapshot:
        """COPY, ADD, WORKDIR, heredocs: `base` and one layer more. `taken`: what each Copy among them takes.

        `link`: the layer does not depend on `base`. Raises Failed, Invalid, NotFound in BuildKit's words.
        """
        raise NotImplementedError

    async def scan(self, snapshot: Snapshot, paths: Sequence[str] = ()) -> Tree:
        """What a snapshot holds, for select(). `paths`: only what lies below these: patterns; what links among
        them lead to is listed as well.
        """
        raise NotImplementedError

    def export_tar(self, snapshot: Snapshot) -> AsyncIterator[bytes]:
        """All of a snapshot as one tar, in pieces: --output type=tar."""
        raise NotImplementedError

    async def export_directory(self, snapshot: Snapshot, directory: Path) -> None:
        """All of a snapshot as files below `directory`, with their owners and modes: --output type=local."""
        raise NotImplementedError


class Executor:
    """One an engine."""

    async def start(self) -> None:
        """Kill what steps of an earlier daemon still run, and remove what they left."""
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    def execution(
        self, options: BuildOptions, requester: Requester, staging: Staging
    ) -> AbstractAsyncContextManager[Execution]:
        """For one build, which owns the staging. On leaving, nothing of its steps is on disk but layers."""
        raise NotImplementedError

    def cache_mounts(self) -> list[MountRecord]:
        """Directories of cache mounts; sizes are measured when a step that used them ends."""
        raise NotImplementedError

    async def remove_cache_mounts(self, ids: Sequence[str]) -> None:
        """Those in use stay."""
        raise NotImplementedError

    async def shell(
        self,
        snapshot: Snapshot,
        *,
        args: Sequence[str] = ("/bin/sh",),
        env: Sequence[str] = (),
        cwd: str = "/",
        user: str = "",
        tty: bool = True,
    ) -> str:
        """Create (not start) a container that removes itself, whose files are the snapshot's; its id.

        Start it and attach to it as to any container. Its layers stay as long as it does.
        """
        raise NotImplementedError
