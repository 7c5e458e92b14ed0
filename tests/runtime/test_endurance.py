"""Daemons, launchers and clients come and go; containers stay."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from sampan import errors
from sampan.runtime.client import Shim, read_exit
from tests.runtime.rig import Rig, Running, process, spec, until
from tests.runtime.test_exec import execute

pytestmark = pytest.mark.root


async def test_a_container_survives_launcher_and_daemon_and_is_found_again(rig: Rig) -> None:
    script = "n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done"
    running = await rig.start(spec(process("sh", "-c", script)))
    os.kill(rig.launcher.pid, signal.SIGKILL)
    running.shim.close()  # what a daemon's death does
    count = len(running.log())
    await until(lambda: len(running.log()) > count + 3, "output goes on")
    found = Running(running.paths, await Shim.connect(running.paths))
    rig.running.append(found)
    assert (found.shim.pid, found.shim.started_at) == (running.shim.pid, running.shim.started_at)
    await found.shim.kill(9)
    assert await found.exit() == 137


async def test_a_launcher_that_died_is_replaced(rig: Rig) -> None:
    os.kill(rig.launcher.pid, signal.SIGKILL)
    assert await rig.shell("echo alive") == "alive\n"


async def test_an_end_nobody_watched_is_on_disk(rig: Rig) -> None:
    running = await rig.start(spec(process("sh", "-c", "sleep 0.1; exit 3")))
    running.shim.close()
    await until(lambda: read_exit(running.paths), "exit.json")
    assert (read_exit(running.paths) or {})["code"] == 3
    await until(lambda: not running.paths.shim_socket.exists(), "the shim to go")
    with pytest.raises(errors.Unavailable):
        await Shim.connect(running.paths)


async def test_signals_for_daemons_do_not_end_the_shim(rig: Rig) -> None:
    running = await rig.start(spec(process("sleep", "1000")))
    shim = (await running.shim.status())["shim_pid"]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(shim, number)
    assert (await running.shim.status())["pid"] == running.shim.pid


async def test_a_shim_that_is_killed_is_reported_gone(rig: Rig) -> None:
    running = await rig.start(spec(process("sleep", "1000")))
    status = await running.shim.status()
    os.kill(status["shim_pid"], signal.SIGKILL)
    assert await running.event("gone")
    # The engine then kills what is left in the cgroup.
    os.kill(status["pid"], signal.SIGKILL)
    from sampan.runtime import cgroups

    await until(lambda: not cgroups.open_cgroup(status["cgroup"]).pids(), "the container to die")
    cgroups.open_cgroup(status["cgroup"]).remove()


async def test_the_shim_holds_nothing_of_the_daemons_and_is_small(rig: Rig) -> None:
    running = await rig.start(spec(process("sleep", "1000")))
    shim = (await running.shim.status())["shim_pid"]
    names = [os.readlink(f"/proc/{shim}/fd/{fd}") for fd in os.listdir(f"/proc/{shim}/fd")]
    kinds = {name.split(":")[0] for name in names if not name.startswith(("/dev/null", "/var/tmp", "/run"))}
    assert kinds <= {"socket", "pipe", "anon_inode", "pid"}, names
    assert os.readlink(f"/proc/{shim}/cwd") == "/"
    assert Path(f"/proc/{shim}/cmdline").read_bytes().rstrip(b"\0").startswith(b"sampan-shim")
    rollup = Path(f"/proc/{shim}/smaps_rollup").read_text()
    dirty = int(rollup.split("Private_Dirty:")[1].split()[0])
    assert dirty < 3000, rollup


async def test_out_of_memory_is_seen(rig: Rig) -> None:
    paths = rig.new()
    limits = {"memory": {"limit": 8 << 20, "swap": 8 << 20}}
    running = await rig.start(
        spec(process("sh", "-c", "head -c 64000000 /dev/zero | tail -c 60000000 >/dev/null; exit 1")),
        paths=paths,
        cgroup={"path": f"{rig.cgroup}/{paths.id}", "resources": limits},
    )
    await running.event("oom")
    event = await running.event("exit")
    assert event["oom"] is True


async def test_twenty_start_at_once(rig: Rig) -> None:
    results = await asyncio.gather(*(rig.shell(f"echo {n}") for n in range(20)))
    assert results == [f"{n}\n" for n in range(20)]


async def test_the_unified_tree_alone_carries_a_container(rig: Rig) -> None:
    if not os.path.exists("/sys/fs/cgroup/unified/cgroup.procs"):
        pytest.skip("no unified cgroup tree beside the v1 controllers")
    paths = rig.new()
    running = await rig.start(
        spec(process("sh", "-c", "cat /proc/self/cgroup; sleep 1000")),
        paths=paths,
        cgroup={
            "path": f"{rig.cgroup}/{paths.id}",
            "layout": {"unified": "/sys/fs/cgroup/unified", "v1": {}},
            "resources": {},
        },
    )
    members = Path(f"/sys/fs/cgroup/unified{rig.cgroup}/{paths.id}/cgroup.procs").read_text().split()
    assert str(running.shim.pid) in members
    client = rig.client()
    await execute(running, "one", client, process("cat", "/proc/self/cgroup"))
    assert "0::/\n" in (await client.read()).decode()
    await running.shim.kill(9)
    assert await running.exit() == 137


async def test_it_may_be_started_again_while_a_client_still_reads(rig: Rig) -> None:
    client = rig.client()
    paths = rig.new()
    first = await rig.start(spec(process("sh", "-c", "yes | head -c 900000")), paths=paths, clients=(client,))
    await first.exit()
    second = await rig.start(spec(process("sleep", "1000")), paths=paths)
    assert len(await client.read()) == 900_000
    await first.event("gone")
    assert (await (await Shim.connect(paths)).status())["pid"] == second.shim.pid


async def test_why_a_start_failed_is_told_however_early_it_failed(rig: Rig) -> None:
    # Init is gone before the shim has told it to go on; its words must not be lost with the connection.
    bind = {"destination": "/v", "type": "bind", "source": "/no/such", "options": ["rbind"]}

    async def fail() -> str:
        with pytest.raises(errors.Failed) as caught:
            await rig.start(spec(process("true"), [bind]))
        return caught.value.message

    for _ in range(10):
        for message in await asyncio.gather(*(fail() for _ in range(4))):
            assert "stat /no/such: no such file or directory" in message


async def test_a_launcher_that_died_is_replaced_once_however_many_want_it(rig: Rig) -> None:
    os.kill(rig.launcher.pid, signal.SIGKILL)
    results = await asyncio.gather(*(rig.shell(f"echo {n}") for n in range(6)))
    assert results == [f"{n}\n" for n in range(6)]
