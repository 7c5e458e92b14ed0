"""A program that lives no longer than a block: a RUN step, however its build ends."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from sampan.engine.containers.settings import Settings
from sampan.engine.containers.shims import Cgroups, Shims
from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.ocispec.host import Host
from sampan.paths import ContainerPaths
from tests.engine.containers.fakes import FakeLauncher

REQUEST: Any = {"rootfs": {"lower": []}, "cgroup": {"path": "/sampan/step"}}


class Bench:
    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.launcher = FakeLauncher()
        self.cleared: list[str] = []
        monkeypatch.setattr(Cgroups, "clear", lambda _, path: self.cleared.append(path))
        cgroups = Cgroups(Settings(DaemonConfig(cgroup_parent="/sampan"), Host(nodes={})))
        self.shims = Shims(cast(Any, self.launcher), cgroups, lambda lowers: {})
        self.paths = ContainerPaths("step", tmp_path / "data", tmp_path / "exec")
        self.paths.exec.mkdir()

    async def run(self) -> dict[str, Any]:
        async with self.shims.running(self.paths, REQUEST) as program:
            return await program.wait()

    async def until_started(self) -> None:
        async with asyncio.timeout(5):
            while not self.launcher.shims:  # noqa: ASYNC110 (there is no event: any turn of the loop may do it)
                await asyncio.sleep(0)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path, monkeypatch)
    yield made
    assert not made.paths.exec.exists(), "the shim's files are left"


async def test_one_that_ends_by_itself_is_not_killed(bench: Bench) -> None:
    going = asyncio.create_task(bench.run())
    await bench.until_started()
    bench.launcher.shims[0].exits(3)
    assert (await going)["code"] == 3
    assert bench.launcher.shims[0].signals == [] and bench.cleared == []


async def test_one_whose_shim_died_leaves_no_process(bench: Bench) -> None:
    going = asyncio.create_task(bench.run())
    await bench.until_started()
    await asyncio.sleep(0)
    bench.launcher.shims[0].says({"event": "gone"})
    assert (await going)["event"] == "gone"
    assert bench.cleared == ["/sampan/step"]


async def test_a_cancelled_one_is_killed(bench: Bench) -> None:
    going = asyncio.create_task(bench.run())
    await bench.until_started()
    await asyncio.sleep(0)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert bench.launcher.shims[0].signals == [9] and bench.cleared == ["/sampan/step"]


async def test_one_that_is_cancelled_while_it_starts_is_killed_once_it_runs(bench: Bench) -> None:
    bench.launcher.gate = asyncio.Event()
    going = asyncio.create_task(bench.run())
    await asyncio.sleep(0)
    going.cancel()
    await asyncio.sleep(0)
    assert not going.done()
    bench.launcher.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert bench.launcher.shims[0].signals == [9] and bench.cleared == ["/sampan/step"]
