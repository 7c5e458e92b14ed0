"""Taking over from an earlier daemon: each container's row against its shim, its exit file, or neither."""

import asyncio
import logging
import os
import time
from typing import Any

from sampan.engine import trash
from sampan.engine.containers import exits
from sampan.engine.containers.container import Container
from sampan.engine.containers.create import make_directories
from sampan.engine.containers.execs import recover_execs
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.restart import wanted
from sampan.engine.containers.services import Services
from sampan.engine.containers.start import start
from sampan.engine.ocispec.build import cgroup_path
from sampan.errors import SampanError, Unavailable
from sampan.runtime.client import Shim, read_exit
from sampan.specs.golang import time as times

log = logging.getLogger("sampan.recover")

LOST = 255  # exit code of a container nobody saw end: as Docker after a crash of the machine


async def recover(services: Services) -> None:
    for _, row in services.store.list("containers/"):
        record = record_of(services, row)
        # Whoever asked for the removal that was cut short got no answer: they can ask again.
        record.state.removing = False
        record.lower = services.images.current_lowers(record.lower)
        services.index.add(Container(record))
    remove_strangers(services)
    outcomes = await asyncio.gather(*(take_over(services, container) for container in services.index))
    alive = [container for container, shim in outcomes if shim is not None]
    await services.networks.recover([container.record for container in alive])
    for container, shim in outcomes:
        if shim is not None:
            listen(services, container, shim)
        else:
            await settle_ended(services, container)
        restore_directory(services, container)
    for container in services.index:
        if container.shim is None:
            follow_policy(services, container)


def record_of(services: Services, row: dict[str, Any]) -> ContainerRecord:
    """Rows of containers that were never started had no cgroup once."""
    path = row.get("cgroup") or cgroup_path(row["id"], row["host_config"], services.defaults)
    return ContainerRecord.from_row(row | {"cgroup": path})


def restore_directory(services: Services, container: Container) -> None:
    """One that is gone is made again: a start makes what is in it, but for what the program had written."""
    paths = services.paths_of(container)
    if paths.upper.is_dir() and paths.work.is_dir():
        return
    log.warning("container %s: its directory %s was gone and is made again", container.id, paths.data)
    make_directories(paths)
    if container.record.started_before:
        container.record.state.error = (
            f"{paths.data} was lost, and with it all that the container had written"
        )
        services.note(container)


def remove_strangers(services: Services) -> None:
    """Directories no row names: of a create or a removal that was cut short."""
    for root in (services.paths.containers, services.paths.exec / "containers"):
        for entry in os.scandir(root):
            if services.index.by_id(entry.name) is None:
                log.info("removing %s: no container has this ID", entry.path)
                if root == services.paths.containers:
                    trash.discard(services.paths, root / entry.name)
                else:
                    trash.remove_later(root / entry.name)


async def take_over(services: Services, container: Container) -> tuple[Container, Shim | None]:
    try:
        return container, await Shim.connect(services.paths_of(container))
    except Unavailable:
        return container, None
    except SampanError as error:
        log.warning("container %s: its shim does not answer: %s", container.id, error)
        return container, None


def listen(services: Services, container: Container, shim: Shim) -> None:
    """It runs, whatever the row says: a start may have been cut short after the program began."""
    state = container.record.state
    container.record.cgroup = shim.cgroup or container.record.cgroup
    changed = not state.running or state.restarting or state.pid != shim.pid
    changed = settle_pause(services, container) or changed
    state.running, state.restarting, state.pid, state.started_at = True, False, shim.pid, shim.started_at
    container.record.started_before = True
    container.shim = shim
    ran = (time.time_ns() - times.parse(shim.started_at)) / 1e9
    container.started = time.monotonic() - max(ran, 0.0)
    container.monitor.count = container.record.restart_count
    if changed:
        services.note(container)
    services.spawn(adopt(services, container, shim))


def settle_pause(services: Services, container: Container) -> bool:
    """After a daemon that died while it paused, unpaused or committed; returns whether the row is wrong."""
    state, cgroup = container.record.state, services.cgroup(container)
    try:
        frozen = cgroup.frozen()
        if frozen and not state.paused:
            log.info("container %s was left frozen: it goes on", container.id)
            cgroup.thaw()
        elif state.paused and not frozen:
            state.paused = False
            return True
    except (OSError, SampanError) as error:
        log.warning("container %s: cannot tell whether it is paused: %s", container.id, error)
    return False


async def adopt(services: Services, container: Container, shim: Shim) -> None:
    status = await shim.status()
    if status["health"] is not None:
        container.record.state.health = dict(status["health"])
    recover_execs(services, container, status["execs"])
    shim.on_event(lambda event: exits.on_shim_event(services, container, shim, event))


async def settle_ended(services: Services, container: Container) -> None:
    """It does not run. If the row says it does, its end was missed."""
    record, state = container.record, container.record.state
    event = read_exit(services.paths_of(container))
    if event is None:
        services.kill_leftovers(container)
    await services.networks.release(record.id)
    if not state.running:
        recover_execs(services, container, {})
        return
    services.leave_parent(container)
    if not state.restarting:
        event = event or {"code": LOST, "at": times.now(), "oom": False, "error": ""}
        state.exit_code, state.finished_at = event["code"], event.get("at") or times.now()
        state.error, state.oom_killed = event.get("error") or "", bool(event.get("oom"))
    state.running = state.paused = state.restarting = False
    state.pid = 0
    if state.health is not None:
        state.health = {**state.health, "Status": "unhealthy"}
    recover_execs(services, container, {})
    services.note(container)


def follow_policy(services: Services, container: Container) -> None:
    """What Docker does with ended containers when it starts."""
    record, state = container.record, container.record.state
    policy = record.host_config["RestartPolicy"]
    if record.started_before and wanted(
        policy, state.exit_code, record.manually_stopped, record.restart_count
    ):
        services.spawn(start_by_policy(services, container))
    elif record.host_config["AutoRemove"]:
        exits.remove_soon(services, container)


async def start_by_policy(services: Services, container: Container) -> None:
    try:
        await start(services, container, by_policy=True)
    except SampanError as error:
        log.warning("container %s could not be started again: %s", container.id, error)


async def let_go(services: Services) -> None:
    for container in services.index:
        container.drop_attaching()
        if container.restarting is not None:
            container.restarting.cancel()
        if container.shim is not None:
            container.shim.close()
    for task in list(services.tasks):
        task.cancel()
    await asyncio.gather(*services.tasks, return_exceptions=True)
