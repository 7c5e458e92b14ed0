"""Control and LLBBridge as buildx calls them, over a real connection; the builder does what it is told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sampan.builder.build import Build, BuildResult
from sampan.builder.errors import Place, StepFailed
from sampan.builder.frontends.buildkit import definitions, jobs
from sampan.builder.frontends.buildkit.service import BuildKit
from sampan.builder.frontends.buildkit.session.localsources import LocalSources
from sampan.builder.history import BuildRecord
from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import Lines
from sampan.builder.progress import Log, Progress, Vertex
from sampan.engine.buildcache.usage import Usage
from sampan.errors import NotFound
from sampan.http.grpc.client import Client, connect
from sampan.http.grpc.status import Code, GrpcError
from sampan.http.hijack import Hijacked
from sampan.specs.buildkit.schema import schema

CONTROL = "moby.buildkit.v1.Control"
BRIDGE = "moby.buildkit.v1.frontend.LLBBridge"
Work = Callable[[Build], Awaitable[BuildResult]]


class FakeBuilder:
    """`work` is what a build does."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.started: list[Build] = []
        self.dropped: list[str] = []
        self.forgotten: list[str] = []
        self.ended: dict[str, Progress] = {}

    def start(self, options: BuildOptions, requester: Any, ref: str = "") -> Build:
        build = Build(ref, options, Progress(), BuildRecord(ref=ref, created=1))
        build._task = asyncio.create_task(self._run(build))
        self.started.append(build)
        return build

    async def _run(self, build: Build) -> BuildResult:
        try:
            return await self.work(build)
        finally:
            build.progress.close()
            self.ended[build.ref] = build.progress

    def drop_result(self, id: str) -> None:
        self.dropped.append(id)

    def records(self) -> list[BuildRecord]:
        return [BuildRecord(ref=ref, created=1, completed=2) for ref in self.ended]

    def tells(self, ref: str) -> bool:
        return ref in self.ended

    def record(self, ref: str) -> BuildRecord:
        if ref not in self.ended:
            raise NotFound(f"no build {ref}")
        return BuildRecord(ref=ref, created=1, completed=2)

    async def events(self, ref: str) -> Progress:
        self.record(ref)
        return self.ended[ref]

    def forget(self, ref: str) -> None:
        self.record(ref)
        self.forgotten.append(ref)

    async def du(self, filters: Any = ()) -> list[Usage]:
        return [Usage(id="a", type="regular", description="d", size=5, created=1)]

    async def prune(self, filters: Any = (), **limits: Any) -> list[Usage]:
        self.limits = limits
        return await self.du()

    def free_bytes(self) -> int:
        return 0


class FakeSessions:
    sources = LocalSources(Path("/nonexistent"))

    async def get(self, id: str, *, seconds: float) -> Any:
        if not id:
            raise NotFound(f"no active session for {id}: context deadline exceeded")
        return SimpleNamespace(shared_key="", name="")


class Peer:
    """A client as buildx is."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def control(self, name: str, **fields: Any) -> Any:
        method = schema().method(CONTROL, name)
        return await self.client.unary(method, method.request(**fields), seconds=5)

    async def bridge(self, ref: str, name: str, **fields: Any) -> Any:
        method = schema().method(BRIDGE, name)
        metadata = {"buildkit-controlapi-buildid": [ref]}
        return await self.client.unary(method, method.request(**fields), metadata=metadata, seconds=5)

    async def stream(self, name: str, **fields: Any) -> list[Any]:
        method = schema().method(CONTROL, name)
        async with self.client.call(method, seconds=5) as call:
            await call.send(method.request(**fields))
            await call.end()
            return [message async for message in call]

    async def frontend(self, ref: str, **attrs: str) -> Any:
        """What buildx's frontend does; the answer to its Solve."""
        try:
            solved = await self.bridge(
                ref, "Solve", Frontend="dockerfile.v0", FrontendOpt=attrs, allowResultReturn=True
            )
        except GrpcError as error:
            status = schema().message("google.rpc.Status")(code=error.code, message=error.message)
            for detail in error.details:
                status.details.add(type_url=detail.type_url, value=detail.value)
            await self.bridge(ref, "Return", error=status)
            raise
        await self.bridge(ref, "Return", result=solved.result)
        return solved


@asynccontextmanager
async def serving(work: Work) -> AsyncIterator[tuple[Peer, FakeBuilder]]:
    builder = FakeBuilder(work)
    service = BuildKit(builder, FakeSessions(), "id", lambda: ["172.17.0.1"])  # type: ignore[arg-type]
    ours, theirs = socket.socketpair()
    task = asyncio.create_task(service.serve_calls(Hijacked(theirs, b"")))
    client = await connect(ours)
    try:
        yield Peer(client), builder
    finally:
        client.close()
        await asyncio.wait_for(task, 5)


def run(work: Work, scenario: Callable[[Peer, FakeBuilder], Awaitable[None]]) -> None:
    async def main() -> None:
        async with serving(work) as (peer, builder):
            await scenario(peer, builder)

    asyncio.run(main())


async def good(build: Build) -> BuildResult:
    build.progress.add(Vertex(digest="sha256:a", name="[1/1] RUN x", started=1))
    build.progress.add(Log(vertex="sha256:a", stream=1, data=b"out\n"))
    return BuildResult(image_id="sha256:i", exporter={"containerimage.digest": "sha256:i"}, result=build.ref)


async def bad(build: Build) -> BuildResult:
    place = Place(filename="Dockerfile", text="RUN false\n", lines=Lines(first=1, last=1))
    raise StepFailed("process did not complete", place=place, exit_code=3, vertex="sha256:a")


def test_buildx_solves_by_a_frontend_of_its_own() -> None:
    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        exporters = [{"Type": "moby", "Attrs": {"name": "x:1"}}]
        solving = asyncio.create_task(peer.control("Solve", Ref="r", Session="s", Exporters=exporters))
        status = asyncio.create_task(peer.stream("Status", Ref="r"))
        solved = await peer.frontend("r", target="t")
        answer = await solving
        assert dict(answer.ExporterResponse) == {"containerimage.digest": "sha256:i"}
        (build,) = builder.started
        assert (build.options.target, build.options.tags, build.keep_result) == ("t", ("x:1",), True)
        messages = await status
        assert [row.name for message in messages for row in message.vertexes] == ["[1/1] RUN x"]
        assert b"".join(row.msg for message in messages for row in message.logs) == b"out\n"
        assert definitions.context_of(getattr(solved.result.ref, "def")) == "input:r"
        assert builder.dropped == []
        # Afterwards it is asked for from the history.
        assert [row.name for message in await peer.stream("Status", Ref="r") for row in message.vertexes]

    run(good, scenario)


def test_results_are_kept_until_the_client_is_gone() -> None:
    seen = []

    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        seen.append(builder)
        solving = asyncio.create_task(peer.control("Solve", Ref="r", Session="s"))
        await peer.frontend("r")
        await solving

    run(good, scenario)
    assert seen[0].dropped == ["r"]


def test_other_clients_name_the_frontend_in_solve() -> None:
    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        answer = await peer.control(
            "Solve",
            Ref="r",
            Session="s",
            Frontend="dockerfile.v0",
            Exporter="image",
            ExporterAttrs={"name": "y"},
        )
        assert answer.ExporterResponse["containerimage.digest"] == "sha256:i"
        assert builder.started[0].options.tags == ("y",)

    run(good, scenario)


def test_a_result_is_the_next_solves_input() -> None:
    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        first = asyncio.create_task(peer.control("Solve", Ref="r1", Session="s"))
        solved = await peer.frontend("r1")
        await first
        second = asyncio.create_task(peer.control("Solve", Ref="r2", Session="s"))
        await peer.bridge(
            "r2",
            "Solve",
            Frontend="dockerfile.v0",
            FrontendOpt={"context:base": "input:base"},
            FrontendInputs={"base": getattr(solved.result.ref, "def")},
        )
        await peer.bridge("r2", "Return", result={"ref": {"id": "r2"}})
        await second
        assert builder.started[1].options.contexts == {"base": "input:r1"}

    run(good, scenario)


def test_a_result_that_is_solved_again_is_itself() -> None:
    """What buildx does with BUILDX_EXPERIMENTAL=1."""

    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        first = asyncio.create_task(peer.control("Solve", Ref="r1", Session="s"))
        solved = await peer.frontend("r1")
        await first
        second = asyncio.create_task(peer.control("Solve", Ref="r2", Session="s"))
        again = await peer.bridge("r2", "Solve", Definition=getattr(solved.result.ref, "def"), Evaluate=True)
        assert again.result.ref.id == "r1"
        with pytest.raises(GrpcError, match="LLB"):
            await peer.bridge("r2", "Solve", Definition=definitions.of_result("another"))
        await peer.bridge("r2", "Return", result={"ref": {"id": "r1"}})
        await second
        assert len(builder.started) == 1

    run(good, scenario)


def test_a_failed_step_ends_both_calls_with_its_place() -> None:
    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        solving = asyncio.create_task(peer.control("Solve", Ref="r", Session="s"))
        with pytest.raises(GrpcError):
            await peer.frontend("r")
        with pytest.raises(GrpcError) as failure:
            await solving
        assert (failure.value.code, failure.value.message) == (Code.UNKNOWN, "process did not complete")
        assert "github.com/moby/buildkit/errdefs.Source+json" in [
            row.type_url for row in failure.value.details
        ]

    run(bad, scenario)


def test_a_client_that_leaves_cancels_its_build() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless(build: Build) -> BuildResult:
        begun.set()
        try:
            await asyncio.sleep(60)
            raise AssertionError
        finally:
            ended.set()

    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        method = schema().method(CONTROL, "Solve")
        async with peer.client.call(method) as call:
            await call.send(method.request(Ref="r", Session="s", Frontend="dockerfile.v0"))
            await call.end()
            await asyncio.wait_for(begun.wait(), 5)
        await asyncio.wait_for(ended.wait(), 1)

    run(endless, scenario)


def test_capabilities_are_loaded_by_a_solve_of_nothing() -> None:
    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        solving = asyncio.create_task(peer.control("Solve", Ref="r", Session="s", Internal=True))
        pong = await peer.bridge("r", "Ping")
        await peer.bridge("r", "Return", result={"ref": {}})
        assert dict((await solving).ExporterResponse) == {}
        names = {cap.ID for cap in pong.LLBCaps}
        assert "exporter.multiple" in names and "exporter.image.attestations" not in names
        assert builder.started == []

    run(good, scenario)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (
        "a frontend that is not there",
        {"Frontend": "buildpacks.v0"},
        "buildpacks.v0 is not supported",
    ),
    ("operations", {"Definition": {"def": [b"\x0a\x00"]}}, "LLB"),
    (
        "an exporter that is not there",
        {"Frontend": "dockerfile.v0", "Exporters": [{"Type": "nix"}]},
        "exporter",
    ),
    (
        "an export of nothing",
        {"Definition": {}, "Exporters": [{"Type": "moby"}]},
        "there is nothing to export",
    ),
    ("no session", {"Frontend": "dockerfile.v0", "Session": ""}, "no active session"),
]


@pytest.mark.parametrize(("what", "fields", "words"), REFUSED, ids=[row[0] for row in REFUSED])
def test_solve_refuses(what: str, fields: dict[str, Any], words: str) -> None:
    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        with pytest.raises(GrpcError) as failure:
            await peer.control("Solve", **{"Ref": "r", "Session": "s", **fields})
        assert words in failure.value.message
        assert builder.started == []

    run(good, scenario)


def test_a_definition_without_operations_is_answered_with_nothing() -> None:
    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        answer = await asyncio.wait_for(peer.control("Solve", Ref="r", Session="s", Definition={}), 5)
        assert dict(answer.ExporterResponse) == {} and builder.started == []

    run(good, scenario)


def test_a_solve_without_anything_waits_for_a_frontend_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "FRONTEND", 0.01)

    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        with pytest.raises(GrpcError, match="none inside of the client has called") as failure:
            await asyncio.wait_for(peer.control("Solve", Ref="r", Session="s"), 5)
        assert failure.value.code == Code.FAILED_PRECONDITION

    run(good, scenario)


def test_calls_of_no_solve_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ARRIVAL", 0.01)

    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        method = schema().method(BRIDGE, "Ping")
        with pytest.raises(GrpcError, match="no buildid"):
            await peer.client.unary(method, method.request(), seconds=5)
        with pytest.raises(GrpcError, match="no such job"):
            await peer.bridge("nobody", "Ping")

    run(good, scenario)


def test_subrequests_answer_in_metadata() -> None:
    async def lint(build: Build) -> BuildResult:
        assert build.options.call == "check"
        return BuildResult(answer={"result.txt": b"ok", "result.statuscode": b"0"})

    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        solving = asyncio.create_task(peer.control("Solve", Ref="r", Session="s", Internal=True))
        solved = await peer.frontend("r", requestid="frontend.lint")
        await solving
        assert dict(solved.result.metadata) == {
            "result.txt": b"ok",
            "result.statuscode": b"0",
            "version": b"1.0.0",
        }
        assert solved.result.ref.id == ""

    run(lint, scenario)


def test_the_frontend_can_be_asked_what_it_answers() -> None:
    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        solving = asyncio.create_task(peer.control("Solve", Ref="r", Session="s"))
        solved = await peer.frontend("r", requestid="frontend.subrequests.describe")
        await solving
        assert b"frontend.lint" in solved.result.metadata["result.json"]
        assert builder.started == []

    run(good, scenario)


def test_workers_the_cache_and_the_history_are_told() -> None:
    async def scenario(peer: Peer, builder: FakeBuilder) -> None:
        (worker,) = (await peer.control("ListWorkers")).record
        assert "org.mobyproject.buildkit.worker.snapshotter" in worker.Labels
        assert worker.Labels["org.mobyproject.buildkit.worker.moby.host-gateway-ip"] == "172.17.0.1"
        assert worker.platforms[0].OS == "linux"
        assert (await peer.control("Info")).buildkitVersion.package == "sampan"
        assert [row.ID for row in (await peer.control("DiskUsage")).record] == ["a"]
        (gone,) = await peer.stream("Prune", all=True, keepDuration=2_000_000_000, reservedSpace=7)
        assert gone.ID == "a"
        assert builder.limits == {"all": True, "keep_duration": 2.0, "keep_bytes": 7}
        await peer.control("Solve", Ref="r", Session="s", Frontend="dockerfile.v0")
        (event,) = await peer.stream("ListenBuildHistory", EarlyExit=True)
        assert event.record.Ref == "r"
        await peer.control("UpdateBuildHistory", Ref="r", Delete=True)
        assert builder.forgotten == ["r"]
        with pytest.raises(GrpcError) as failure:
            await peer.control("UpdateBuildHistory", Ref="nobody", Delete=True)
        assert failure.value.code == Code.NOT_FOUND

    run(good, scenario)
