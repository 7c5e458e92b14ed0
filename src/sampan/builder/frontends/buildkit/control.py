"""The service moby.buildkit.v1.Control: builds, their status and history, the cache, workers."""

import asyncio
from collections.abc import Callable
from typing import Any

from sampan.builder.builder import Builder
from sampan.builder.frontends.buildkit import capabilities, history, solves, usage
from sampan.builder.frontends.buildkit.failures import as_grpc
from sampan.builder.frontends.buildkit.jobs import Job, Jobs
from sampan.builder.frontends.buildkit.solves import Solves
from sampan.builder.frontends.buildkit.status import responses
from sampan.builder.frontends.buildkit.storage import keep_bytes
from sampan.builder.progress import Progress
from sampan.errors import NotFound, SampanError, Unsupported
from sampan.http.grpc.call import ServerCall
from sampan.http.grpc.server import Handler
from sampan.http.grpc.status import Code, Detail, GrpcError
from sampan.specs.buildkit.schema import schema
from sampan.specs.golang.time import now

SERVICE = "moby.buildkit.v1.Control"

Workers = Callable[[], list[Any]]


class Control:
    def __init__(self, builder: Builder, solves: Solves, jobs: Jobs, workers: Workers) -> None:
        self._builder = builder
        self._solves = solves
        self._jobs = jobs
        self._workers = workers

    def handlers(self) -> dict[str, Handler]:
        return {
            "Solve": self.solve,
            "Status": self.status,
            "DiskUsage": self.disk_usage,
            "Prune": self.prune,
            "ListWorkers": self.list_workers,
            "Info": self.info,
            "ListenBuildHistory": self.listen,
            "UpdateBuildHistory": self.update,
        }

    async def solve(self, request: Any, call: ServerCall) -> Any:
        if not request.Ref:
            raise GrpcError(Code.INVALID_ARGUMENT, "a solve needs a ref")
        async with self._jobs.open(request.Ref, request) as job:
            try:
                solves.check_definition(request.Definition)
                asked = solves.from_control(request) if request.Frontend else None
            except SampanError as error:
                raise as_grpc(error) from error
            if asked is not None:
                result = await self._solves.solve(job, asked)
                exporter = dict(result.exporter)
            elif request.HasField("Definition"):
                exporter = nothing(request)
            else:
                exporter = chosen(job, await job.answer())
        return schema().message("moby.buildkit.v1.SolveResponse")(ExporterResponse=exporter)

    async def status(self, request: Any, call: ServerCall) -> None:
        """All of a build that runs, as it goes on, or of one that has ended."""
        # buildx waits for the header before it goes on, and corrects its clock by it.
        await call.send_metadata({"buildkit-current-timestamp": [now()]})
        lock = asyncio.Lock()
        try:
            job = await self._jobs.watched(request.Ref, 0 if self._builder.tells(request.Ref) else None)
        except NotFound:
            await show(await self._builder.events(request.Ref), call, lock)
            return
        try:
            async with asyncio.TaskGroup() as group:
                async for progress in job.each_progress():
                    group.create_task(show(progress, call, lock))
        except* GrpcError as failures:  # the client is gone
            raise failures.exceptions[0] from None

    async def disk_usage(self, request: Any, call: ServerCall) -> Any:
        found = await self._builder.du(tuple(request.filter))
        return schema().message("moby.buildkit.v1.DiskUsageResponse")(
            record=[usage.record(row) for row in found]
        )

    async def prune(self, request: Any, call: ServerCall) -> None:
        removed = await self._builder.prune(
            tuple(request.filter),
            all=request.all,
            keep_duration=request.keepDuration / 1e9,
            keep_bytes=await self._kept_bytes(request),
        )
        for row in removed:
            await call.send(usage.record(row))

    async def _kept_bytes(self, request: Any) -> int:
        return keep_bytes(request, await self._builder.du(), self._builder.free_bytes())

    async def list_workers(self, request: Any, call: ServerCall) -> Any:
        return schema().message("moby.buildkit.v1.ListWorkersResponse")(record=self._workers())

    async def info(self, request: Any, call: ServerCall) -> Any:
        return schema().message("moby.buildkit.v1.InfoResponse")(buildkitVersion=capabilities.version())

    async def listen(self, request: Any, call: ServerCall) -> None:
        await history.listen(self._builder, request, call)

    async def update(self, request: Any, call: ServerCall) -> Any:
        if request.Delete:
            self._builder.forget(request.Ref)
        elif request.Pinned:
            raise Unsupported("build records cannot be pinned")
        else:
            self._builder.record(request.Ref)
        return schema().message("moby.buildkit.v1.UpdateBuildHistoryResponse")()


def nothing(request: Any) -> dict[str, str]:
    """What comes of a definition without operations: as in BuildKit, nothing. Raises GrpcError."""
    if solves.exporters(request):
        raise GrpcError(Code.INVALID_ARGUMENT, "the definition has no operations: there is nothing to export")
    return {}


def chosen(job: Job, returned: Any) -> dict[str, str]:
    """What the export of the result that the client's frontend returned has said. Raises GrpcError."""
    if returned.HasField("error"):
        details = [Detail(row.type_url, row.value) for row in returned.error.details]
        raise GrpcError(Code(returned.error.code or Code.UNKNOWN), returned.error.message, details)
    result = returned.result
    ids = {
        "ref": lambda: [result.ref.id],
        "refs": lambda: [ref.id for ref in result.refs.refs.values()],
        "refDeprecated": lambda: [result.refDeprecated],
        "refsDeprecated": lambda: list(result.refsDeprecated.refs.values()),
    }.get(result.WhichOneof("result") or "", list)()
    for id in filter(None, ids):
        if id not in job.results:
            raise GrpcError(Code.NOT_FOUND, f"no such ref: {id}")
        return dict(job.results[id].exporter)
    return {}


async def show(progress: Progress, call: ServerCall, lock: asyncio.Lock) -> None:
    async for batch in progress.read():
        for message in responses(batch):
            async with lock:
                await call.send(message)
