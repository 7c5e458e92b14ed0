"""The solves that clients wait for, by the name (ref) that the client gave them.

buildx calls Control.Solve without a frontend, which waits; at the same time its own frontend calls LLBBridge
with this ref in the metadata `buildkit-controlapi-buildid`, and ends with Return. What its Solves start
belongs to the job. moby/buildkit client/build.go, control/gateway/gateway.go.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sampan.builder.build import Build, BuildResult
from sampan.builder.progress import Progress
from sampan.errors import AlreadyExists, NotFound
from sampan.http.grpc.status import Code, GrpcError

# How long a call waits for the Solve that it belongs to: they are sent together. As long as BuildKit.
ARRIVAL = 6.0
# How long a Solve without a frontend waits for one inside its client to make itself heard. BuildKit's waits
# as long as the client does, which holds it for ever if there is none.
FRONTEND = 60.0
# How long a job that has ended can still be asked for its status: buildx sends both calls at once, and its
# probe of what the engine can do is over before the other one is read.
LINGER = 5.0


@dataclass(eq=False)
class Job:
    """`request`: the SolveRequest. `results`: what its builds have made, by id, for Return and as inputs."""

    ref: str
    request: Any
    progress: list[Progress] = field(default_factory=list)  # one a build, the first for warnings
    builds: list[Build] = field(default_factory=list)
    results: dict[str, BuildResult] = field(default_factory=dict)
    returned: "asyncio.Future[Any]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    called: asyncio.Event = field(default_factory=asyncio.Event)  # by a frontend inside of its client
    closed: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.progress.append(Progress())

    def add(self, build: Build) -> None:
        self.builds.append(build)
        self.progress.append(build.progress)
        self._wake()

    def next_ref(self) -> str:
        """The first build has the job's own name: that is what the history is asked for."""
        return f"{self.ref}-{len(self.builds)}" if self.builds else self.ref

    def close(self) -> None:
        self.closed = True
        self.progress[0].close()
        for build in self.builds:
            if not build.task.done():
                build.cancel()
        if not self.returned.done():
            self.returned.cancel()
        self._wake()

    async def answer(self) -> Any:
        """What the frontend inside of the client returns. Raises GrpcError when there is none."""
        try:
            async with asyncio.timeout(FRONTEND):
                await self.called.wait()
        except TimeoutError:
            raise GrpcError(
                Code.FAILED_PRECONDITION,
                f"no frontend was named, and none inside of the client has called within {FRONTEND:g} s",
            ) from None
        return await asyncio.shield(self.returned)

    async def each_progress(self) -> AsyncIterator[Progress]:
        """As they come, until the job is closed."""
        position = 0
        while True:
            if position < len(self.progress):
                position += 1
                yield self.progress[position - 1]
            elif self.closed:
                return
            else:
                await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Jobs:
    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._ended: dict[str, Job] = {}
        self._opened = asyncio.Event()

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    @asynccontextmanager
    async def open(self, ref: str, request: Any) -> AsyncIterator[Job]:
        """Raises AlreadyExists. On leaving, all its builds have ended."""
        if ref in self._jobs:
            raise AlreadyExists(f"job ID {ref} exists")
        job = self._jobs[ref] = Job(ref, request)
        self._opened.set()
        self._opened = asyncio.Event()
        try:
            yield job
        finally:
            del self._jobs[ref]
            job.close()
            self._ended[ref] = job
            asyncio.get_running_loop().call_later(LINGER, self._forget, job)
            tasks = [build.task for build in job.builds if not build.task.done()]
            if tasks:
                await asyncio.wait(tasks)

    def _forget(self, job: Job) -> None:
        if self._ended.get(job.ref) is job:
            del self._ended[job.ref]

    async def watched(self, ref: str, seconds: float | None = None) -> Job:
        """As `wait`, but one that has just ended will do. Raises NotFound."""
        if ref in self._ended and ref not in self._jobs:
            return self._ended[ref]
        return await self.wait(ref, seconds)

    async def wait(self, ref: str, seconds: float | None = None) -> Job:
        """Raises NotFound."""
        try:
            async with asyncio.timeout(ARRIVAL if seconds is None else seconds):
                while ref not in self._jobs:
                    await self._opened.wait()
        except TimeoutError:
            raise NotFound(f"no such job {ref}") from None
        return self._jobs[ref]


async def finish(build: Build) -> BuildResult:
    """Its result, or what went wrong. A caller that is cancelled takes the build with it."""
    try:
        return await asyncio.shield(build.task)
    except asyncio.CancelledError:
        if build.task.cancelled():
            raise GrpcError(Code.CANCELLED, "context canceled") from None
        build.cancel()
        await asyncio.wait([build.task])
        raise
