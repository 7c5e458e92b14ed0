"""The shim that is forked before there is a container for it."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.runtime.rig import Rig, process, spec

pytestmark = pytest.mark.root


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


async def spare_of(rig: Rig, *others: int) -> int:
    async with asyncio.timeout(20):
        while True:
            for child in set(children(rig.launcher.pid)).difference(others):
                if b"no container yet" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return child
            await asyncio.sleep(0.005)


async def gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.005)


async def test_the_spare_becomes_the_next_shim_and_another_takes_its_place(rig: Rig) -> None:
    spare = await spare_of(rig)
    running = await rig.start(spec(process("sleep", "1000")))
    assert (await running.shim.status())["shim_pid"] == spare
    assert Path(f"/proc/{spare}/cmdline").read_bytes().startswith(b"sampan-shim " + running.paths.id.encode())
    assert await spare_of(rig, spare) != spare


async def test_a_container_starts_though_the_spare_was_killed(rig: Rig) -> None:
    spare = await spare_of(rig)
    os.kill(spare, signal.SIGKILL)
    await gone(spare)
    assert await rig.shell("echo ok") == "ok\n"


async def test_the_spare_ends_with_its_launcher(rig: Rig) -> None:
    spare = await spare_of(rig)
    os.kill(rig.launcher.pid, signal.SIGKILL)
    await gone(spare)


async def test_the_spare_holds_nothing_of_the_daemon(rig: Rig) -> None:
    spare = await spare_of(rig)
    links = {os.readlink(entry) for entry in Path(f"/proc/{spare}/fd").iterdir()}
    kinds = sorted(link.partition(":")[0] for link in links)
    assert kinds == ["/dev/null", "anon_inode", "pid", "pipe", "socket"]
