"""Create, start, exit, restart, stop, remove: the engine's side, with everything around it faked."""

import asyncio
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from sampan.db.sqlite import Delete, Put
from sampan.engine import trash
from sampan.engine.containers import wait
from sampan.engine.containers.container import Container
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.shims import Cgroups
from sampan.errors import AlreadyExists, Conflict, Failed, Invalid, NotFound, NotModified
from tests.engine.containers.fakes import World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.store.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (there is no event: any turn of the loop may do it)
            await asyncio.sleep(0)


async def running(here: World, **host: object) -> Container:
    container = await here.create(**host)
    await here.containers.supervisor.start(container)
    return container


async def test_a_created_container_is_durable_and_complete(here: World) -> None:
    container = await here.create()
    row = ContainerRecord.from_row(here.row(container))
    assert (row.name, row.path, row.args) == ("web", "true", [])
    assert row.config["Env"] == ["PATH=/bin"]
    assert row.config["Hostname"] == container.id[:12]
    assert row.state.status == "created"
    assert here.paths.container(container.id).upper.is_dir()
    assert here.actions() == ["create"]


async def test_a_failed_create_leaves_nothing(here: World) -> None:
    here.volumes.error = Invalid("bad mount")
    with pytest.raises(Invalid, match="bad mount"):
        await here.create()
    assert list(here.paths.containers.iterdir()) == []
    assert list(here.store.list("containers/")) == []
    here.volumes.error = None
    await here.create()  # the name is free again


async def test_a_name_belongs_to_one_container(here: World) -> None:
    first = await here.create()
    with pytest.raises(AlreadyExists, match=f'"/web" is already in use by container "{first.id}"'):
        await here.create()


async def test_start_runs_and_says_so_once(here: World) -> None:
    container = await running(here)
    assert here.row(container)["state"]["running"] is True
    assert container.record.state.pid == 1000
    with pytest.raises(NotModified):
        await here.containers.supervisor.start(container)
    assert here.actions() == ["create", "start"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('unable to start container process: exec: "x": executable file not found in $PATH: unknown', 127),
        ('exec: "/x": stat /x: no such file or directory: unknown', 127),
        ('exec: "/etc": is a directory: unknown: permission denied', 126),
        ("something else", 128),
    ],
)
async def test_a_failed_start_leaves_nothing_but_its_reason(here: World, message: str, code: int) -> None:
    container = await here.create()
    here.launcher.error = Failed(message)
    with pytest.raises((Failed, Invalid), match=r"unknown|something"):
        await here.containers.supervisor.start(container)
    state = container.record.state
    assert (state.running, state.exit_code, state.error, state.status) == (False, code, message, "created")
    assert here.networks.held == []
    here.launcher.error = None
    await here.containers.supervisor.start(container)
    assert container.record.state.error == ""


class Full:
    """A disk on which nothing can be written, until `room`."""

    def __init__(self, here: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = False
        real = here.store.apply

        def apply(changes: Iterable[Put | Delete], *, durable: bool = True) -> int:
            if not self.room:
                raise Failed("cannot write the metadata: database or disk is full")
            return real(changes, durable=durable)

        monkeypatch.setattr(here.store, "apply", apply)


async def test_a_start_that_cannot_be_recorded_before_it_begins_starts_nothing(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = await here.create()
    Full(here, monkeypatch)
    with pytest.raises(Failed, match="disk is full"):
        await here.containers.supervisor.start(container)
    assert here.launcher.requests == []
    assert container.shim is None and not container.record.state.running
    assert here.networks.held == []


async def test_a_start_that_cannot_be_recorded_leaves_nothing_running(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = await here.create()
    disk = Full(here, monkeypatch)
    disk.room = True
    killed: list[str] = []
    monkeypatch.setattr(Cgroups, "clear", lambda _, path: killed.append(path))
    here.launcher.gate = asyncio.Event()
    going = asyncio.create_task(here.containers.supervisor.start(container))
    await until(lambda: here.row(container)["log_path"])
    disk.room = False
    here.launcher.gate.set()
    with pytest.raises(Failed, match="disk is full"):
        await going
    assert killed == [container.record.cgroup]
    assert container.shim is None and not container.record.state.running
    assert here.networks.held == []


async def test_an_exit_that_cannot_be_recorded_is_heard_and_recorded_later(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = await running(here)
    disk = Full(here, monkeypatch)
    waiting = wait.waiting(container, "")
    here.launcher.shims[0].exits(3)
    assert (await waiting).code == 3
    assert here.row(container)["state"]["running"] is True
    disk.room = True
    await here.create("other")
    assert here.row(container)["state"]["exit_code"] == 3


async def test_an_exit_is_recorded_and_waiters_hear_it(here: World) -> None:
    container = await running(here)
    waiting = wait.waiting(container, "")
    here.launcher.shims[0].exits(3)
    assert (await waiting).code == 3
    assert here.row(container)["state"]["exit_code"] == 3
    assert container.record.state.status == "exited"
    assert here.networks.held == []
    assert here.actions() == ["create", "start", "die"]
    assert (await wait.waiting(container, "not-running")).code == 3


async def test_auto_remove_takes_the_container_and_its_volumes(here: World) -> None:
    container = await here.create(AutoRemove=True)
    removed = wait.waiting(container, "removed")
    await here.containers.supervisor.start(container)
    here.launcher.shims[0].exits(0)
    assert (await removed).code == 0
    assert here.row(container) is None
    assert here.volumes.released == [(container.id, True)]
    assert not here.paths.container(container.id).data.exists()
    assert here.actions() == ["create", "start", "die", "destroy"]


async def test_a_policy_restarts_and_counts(tmp_path: Path) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    here = world(tmp_path, sleep)
    container = await running(here, RestartPolicy={"Name": "on-failure", "MaximumRetryCount": 2})
    for number in range(3):
        await until(lambda number=number: len(here.launcher.shims) == number + 1)
        await until(lambda: container.shim is not None)
        here.launcher.shims[-1].exits(1)
        await until(lambda: container.shim is None)
    await until(lambda: not container.record.state.running)
    assert slept == [0.1, 0.2]
    assert container.record.restart_count == 2
    assert container.record.state.status == "exited"
    here.store.close()


async def test_stop_while_waiting_for_a_restart_ends_the_wait(here: World) -> None:
    container = await running(here, RestartPolicy={"Name": "always"})
    here.launcher.shims[0].exits(1)
    await until(lambda: container.record.state.restarting)
    assert container.record.state.status == "restarting"
    await here.containers.stopper.stop(container)
    assert container.record.state.status == "exited"
    assert container.restarting is None
    assert len(here.launcher.shims) == 1


async def test_stop_sends_the_stop_signal_then_kills(here: World) -> None:
    container = await running(here, RestartPolicy={"Name": "always"})
    await here.containers.stopper.stop(container, patience=0)
    assert here.launcher.shims[0].signals == [15, 9]
    assert container.record.state.exit_code == 137
    assert container.record.manually_stopped
    assert not container.record.state.running, "a stopped container is not restarted"
    assert here.actions() == ["create", "start", "kill", "kill", "stop", "die"]
    with pytest.raises(NotModified):
        await here.containers.stopper.stop(container)


async def test_stop_uses_the_containers_own_signal(here: World) -> None:
    container = await running(here)
    container.record.config["StopSignal"] = "SIGQUIT"
    here.launcher.shims[0].dies_of.add(3)
    await here.containers.stopper.stop(container)
    assert here.launcher.shims[0].signals == [3]


@pytest.mark.parametrize(
    ("signal", "error"), [("FOO", "invalid signal: FOO"), ("99", "does not support signal 99")]
)
async def test_bad_signals_are_refused(here: World, signal: str, error: str) -> None:
    container = await running(here)
    with pytest.raises(Invalid, match=f"cannot kill container: web: .*{error}"):
        await here.containers.stopper.kill(container, "web", signal)


async def test_kill_needs_a_running_container(here: World) -> None:
    container = await here.create()
    with pytest.raises(Conflict, match="is not running"):
        await here.containers.stopper.kill(container, "web", "")


async def test_a_running_container_is_removed_only_by_force(here: World) -> None:
    container = await running(here)
    with pytest.raises(Conflict, match='cannot remove container "/web": container is running'):
        await here.containers.remover.remove(container)
    await here.containers.remover.remove(container, force=True)
    with pytest.raises(NotFound):
        here.containers.find("web")
    assert here.actions() == ["create", "start", "kill", "die", "destroy"]


async def test_two_removals_do_not_meet(here: World) -> None:
    container = await running(here)
    here.launcher.shims[0].dies_of.clear()
    first = asyncio.create_task(here.containers.remover.remove(container, force=True))
    await until(lambda: here.launcher.shims[0].signals)
    with pytest.raises(Conflict, match="removal of container web is already in progress"):
        await here.containers.remover.remove(container, force=True)
    here.launcher.shims[0].exits(137)
    await first


async def test_a_shim_that_dies_without_a_word_ends_its_container(here: World) -> None:
    container = await running(here)
    here.launcher.shims[0].says({"event": "gone"})
    await until(lambda: not container.record.state.running)
    assert container.record.state.exit_code == 137


async def test_health_changes_are_events(here: World) -> None:
    container = await running(here)
    for status in ("starting", "healthy", "healthy", "unhealthy"):
        here.launcher.shims[0].says(
            {"event": "health", "health": {"Status": status, "FailingStreak": 0, "Log": []}}
        )
    assert [action for action in here.actions() if action.startswith("health")] == [
        "health_status: starting", "health_status: healthy", "health_status: unhealthy",
    ]  # fmt: skip
    assert container.record.state.health is not None


async def test_out_of_memory_is_remembered(here: World) -> None:
    container = await running(here)
    here.launcher.shims[0].says({"event": "oom"})
    here.launcher.shims[0].exits(137, oom=True)
    await until(lambda: not container.record.state.running)
    assert container.record.state.oom_killed
    assert here.actions() == ["create", "start", "oom", "die"]


async def test_rename_moves_the_name(here: World) -> None:
    container = await here.create()
    await here.containers.modifier.rename(container, "/db")
    assert here.containers.find("db") is container
    assert here.row(container)["name"] == "db"
    await here.create("web")
    with pytest.raises(AlreadyExists, match="Error when allocating new name: Conflict"):
        await here.containers.modifier.rename(container, "web")
    with pytest.raises(Invalid, match="same name"):
        await here.containers.modifier.rename(container, "db")
    with pytest.raises(Invalid, match="Invalid container name"):
        await here.containers.modifier.rename(container, "!")


async def test_update_changes_policy_and_record(here: World) -> None:
    container = await here.create()
    await here.containers.modifier.update(container, {"RestartPolicy": {"Name": "always"}})
    host = here.row(container)["host_config"]
    assert host["RestartPolicy"] == {"Name": "always", "MaximumRetryCount": 0}
    with pytest.raises(Invalid, match="unknown policy 'foo'"):
        await here.containers.modifier.update(container, {"RestartPolicy": {"Name": "foo"}})


async def test_directories_without_a_row_are_removed_at_start(here: World) -> None:
    container = await here.create()
    stray = here.paths.containers / ("f" * 64)
    stray.mkdir()
    here.containers.recovery.remove_strangers()
    trash.wait_emptied()
    assert list(here.paths.trash.iterdir()) == []
    assert not stray.exists()
    assert here.paths.container(container.id).data.exists()


async def test_a_container_nobody_saw_end_exited_with_255(here: World) -> None:
    container = await here.create()
    container.record.state.running, container.record.state.pid = True, 4
    container.record.started_before = True
    await here.containers.recovery.settle_ended(container)
    assert here.row(container)["state"]["exit_code"] == 255
    assert container.record.state.pid == 0


async def test_an_exit_missed_by_the_daemon_is_read_from_the_shims_file(here: World) -> None:
    container = await here.create()
    container.record.state.running = container.record.started_before = True
    paths = here.paths.container(container.id)
    paths.exec.mkdir(parents=True)
    paths.exit.write_text('{"event":"exit","code":5,"oom":false,"at":"2026-01-01T00:00:09Z","error":""}')
    await here.containers.recovery.settle_ended(container)
    state = container.record.state
    assert (state.exit_code, state.finished_at, state.running) == (5, "2026-01-01T00:00:09Z", False)


@pytest.mark.parametrize(
    ("policy", "stopped", "again"),
    [
        ("always", True, True),
        ("unless-stopped", True, False),
        ("unless-stopped", False, True),
        ("no", False, False),
    ],
)
async def test_policies_at_daemon_start(here: World, policy: str, stopped: bool, again: bool) -> None:
    container = await here.create(RestartPolicy={"Name": policy})
    container.record.started_before, container.record.manually_stopped = True, stopped
    here.containers.recovery.follow_policy(container)
    await until(lambda: not here.containers.tasks)
    assert container.record.state.running == again


async def test_a_never_started_container_is_not_started_by_its_policy(here: World) -> None:
    container = await here.create(RestartPolicy={"Name": "always"})
    here.containers.recovery.follow_policy(container)
    assert not here.containers.tasks


async def test_a_forced_removal_during_a_start_removes_what_was_started(here: World) -> None:
    container = await here.create()
    here.launcher.gate = asyncio.Event()
    going = asyncio.create_task(here.containers.supervisor.start(container))
    await until(lambda: container.lock.locked())
    removing = asyncio.create_task(here.containers.remover.remove(container, force=True))
    await until(lambda: container.record.state.removing)
    here.launcher.gate.set()
    await going
    await removing
    assert here.launcher.shims[0].signals == [9]
    assert here.row(container) is None


async def test_stop_during_a_restart_by_policy_stops_what_was_started(here: World) -> None:
    container = await running(here, RestartPolicy={"Name": "always"})
    here.launcher.gate = asyncio.Event()
    here.launcher.shims[0].exits(1)
    await until(lambda: container.restarting is not None)
    await until(lambda: container.restarting is None and container.lock.locked())
    stopping = asyncio.create_task(here.containers.stopper.stop(container, patience=0))
    here.launcher.gate.set()
    await stopping
    assert here.launcher.shims[1].signals == [15, 9]
    assert container.record.state.status == "exited"


async def test_a_removal_cut_short_can_be_asked_for_again(here: World) -> None:
    container = await here.create()
    container.record.state.removing = True
    here.containers.records.save(container.record)
    here.containers.records.index.remove(container)
    await here.containers.recovery.recover()
    found = here.containers.find("web")
    assert found is not container
    await here.containers.remover.remove(found)


async def again(here: World, container: Container) -> Container:
    """As the next daemon finds it."""
    here.containers.records.index.remove(container)
    await here.containers.recovery.recover()
    return here.containers.find(container.id)


async def test_a_lost_directory_is_made_again_and_told_if_something_was_in_it(here: World) -> None:
    fresh, used = await here.create("fresh"), await here.create("used")
    used.record.started_before = True
    here.containers.records.save(used.record)
    for container in (fresh, used):
        shutil.rmtree(here.paths.container(container.id).data)
        found = await again(here, container)
        assert here.paths.container(found.id).upper.is_dir() and here.paths.container(found.id).work.is_dir()
        assert ("was lost" in found.record.state.error) == (container is used)
        assert ("was lost" in here.row(found)["state"]["error"]) == (container is used)
        await here.containers.supervisor.start(found)
        assert found.record.state.error == ""


async def test_what_a_start_decides_is_in_the_row_before_the_launcher_is_asked(here: World) -> None:
    container = await here.create(CgroupParent="/mine")
    assert here.row(container)["cgroup"] == f"/mine/{container.id}"
    container.record.host_config["CgroupParent"] = "/other"
    here.launcher.gate = asyncio.Event()
    going = asyncio.create_task(here.containers.supervisor.start(container))
    await until(lambda: here.row(container)["log_path"])
    assert here.row(container)["cgroup"] == f"/other/{container.id}"
    assert not here.row(container)["state"]["running"]
    here.launcher.gate.set()
    await going


async def test_a_row_without_a_cgroup_gets_the_one_it_would_have(here: World) -> None:
    container = await here.create()
    here.store.put(container.record.key, {**here.row(container), "cgroup": ""})
    found = await again(here, container)
    assert found.record.cgroup == f"{here.containers.settings.defaults.cgroup_parent}/{container.id}"


@pytest.mark.parametrize("path", ["", "/", "/sampan", "/sampan/another"])
async def test_a_container_cannot_have_a_cgroup_that_is_not_its_own(here: World, path: str) -> None:
    row = here.row(await here.create())
    with pytest.raises(ValueError, match=f'cannot have the cgroup "{path}"'):
        ContainerRecord.from_row({**row, "cgroup": path})
