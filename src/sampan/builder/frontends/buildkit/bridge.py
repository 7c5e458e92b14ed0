"""The service moby.buildkit.v1.frontend.LLBBridge, for frontends inside of a client: buildx has one."""

from collections.abc import Callable
from typing import Any

from sampan.builder.build import BuildResult
from sampan.builder.frontends.buildkit import capabilities, definitions, solves, status, subrequests
from sampan.builder.frontends.buildkit.failures import as_grpc
from sampan.builder.frontends.buildkit.frontend import check_frontend, subrequest
from sampan.builder.frontends.buildkit.jobs import Job, Jobs
from sampan.builder.frontends.buildkit.solves import Solves
from sampan.errors import NotFound, SampanError, Unsupported
from sampan.http.grpc.call import ServerCall
from sampan.http.grpc.metadata import first
from sampan.http.grpc.server import Handler
from sampan.http.grpc.status import Code, GrpcError
from sampan.specs.buildkit.schema import schema

SERVICE = "moby.buildkit.v1.frontend.LLBBridge"
BUILD_ID = "buildkit-controlapi-buildid"


class Bridge:
    def __init__(self, solves: Solves, jobs: Jobs, workers: Callable[[], list[Any]]) -> None:
        self._solves = solves
        self._jobs = jobs
        self._workers = workers

    def handlers(self) -> dict[str, Handler]:
        return {
            "Ping": self.ping,
            "Solve": self.solve,
            "Return": self.give_back,
            "Inputs": self.inputs,
            "Evaluate": self.evaluate,
            "Warn": self.warn,
            "ResolveImageConfig": refuse("images are only resolved for Dockerfiles"),
            "ReadFile": refuse("files of results cannot be read"),
            "ReadDir": refuse("files of results cannot be read"),
            "StatFile": refuse("files of results cannot be read"),
        }

    async def ping(self, request: Any, call: ServerCall) -> Any:
        await self._job(call)
        return capabilities.pong(self._workers())

    async def solve(self, request: Any, call: ServerCall) -> Any:
        job = await self._job(call)
        answer = schema().message("moby.buildkit.v1.frontend.SolveResponse")()
        try:
            if not request.Frontend:
                # Clients hand a result in again, to be sure that it is there; and nothing gives nothing.
                known = solves.result_of(request.Definition, self._solves.results)
                if known is not None:
                    job.results[known.result] = known
                fill(answer.result, known or BuildResult())
                return answer
            asked = solves.from_bridge(request, job.request)
            check_frontend(asked)
            call_of = subrequest(asked.attrs)
        except SampanError as error:
            raise as_grpc(error) from error
        if call_of == "describe":
            fill(answer.result, BuildResult(answer=subrequests.describe()))
            return answer
        result = await self._solves.solve(job, asked)
        fill(answer.result, result)
        if not request.allowResultReturn:
            answer.ref = result.result
        return answer

    async def give_back(self, request: Any, call: ServerCall) -> Any:
        job = await self._job(call)
        if job.returned.done():
            raise GrpcError(Code.FAILED_PRECONDITION, "a result was returned already")
        job.returned.set_result(request)
        return schema().message("moby.buildkit.v1.frontend.ReturnResponse")()

    async def inputs(self, request: Any, call: ServerCall) -> Any:
        job = await self._job(call)
        answer = schema().message("moby.buildkit.v1.frontend.InputsResponse")()
        for name, definition in job.request.FrontendInputs.items():
            answer.Definitions[name].CopyFrom(definition)
        return answer

    async def evaluate(self, request: Any, call: ServerCall) -> Any:
        """Results are never lazy here."""
        job = await self._job(call)
        if request.Ref and request.Ref not in job.results:
            raise NotFound(f"no such ref: {request.Ref}")
        return schema().message("moby.buildkit.v1.frontend.EvaluateResponse")()

    async def warn(self, request: Any, call: ServerCall) -> Any:
        job = await self._job(call)
        job.progress[0].add(status.warning(request))
        return schema().message("moby.buildkit.v1.frontend.WarnResponse")()

    async def _job(self, call: ServerCall) -> Job:
        ref = first(call.metadata, BUILD_ID)
        if not ref:
            raise GrpcError(Code.UNKNOWN, "no buildid found in context")
        job = await self._jobs.wait(str(ref))
        job.called.set()
        return job


def fill(message: Any, result: BuildResult) -> None:
    """A Result: one reference, or none for what was only asked."""
    for name, value in (subrequests.answer(result.answer) if result.answer else {}).items():
        message.metadata[name] = value
    message.ref.SetInParent()
    if result.result:
        message.ref.id = result.result
        getattr(message.ref, "def").CopyFrom(definitions.of_result(result.result))


def refuse(why: str) -> Handler:
    async def answer(request: Any, call: ServerCall) -> Any:
        raise Unsupported(f"{call.path.rpartition('/')[2]} is not supported: {why}")

    return answer
