"""Starting a container: all of it, or nothing.

The order follows what the program's first instruction needs: network namespace, mounts, spec, shim. What was
decided for it (its cgroup, its range of IDs) is in the row before the shim is asked for, that it runs once it
does: a daemon that dies in between finds the shim's socket (see recover.py).
"""

import logging
import os
import time
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, Any

from sampan.engine.containers import exits
from sampan.engine.containers.container import Container
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.request import is_container, start_request, users
from sampan.engine.containers.services import Services
from sampan.errors import Conflict, Failed, Invalid, NotModified, SampanError
from sampan.specs.golang import time as times

if TYPE_CHECKING:
    from sampan.runtime.client import Shim

log = logging.getLogger("sampan.containers")

NOT_FOUND = (
    "executable file not found",
    "no such file or directory",
    "system cannot find the file specified",
)
NOT_RUNNABLE = ("permission denied", "is a directory", "exec format error", "operation not permitted")


async def start(services: Services, container: Container, *, by_policy: bool = False) -> None:
    """Raises NotModified when it runs, Conflict, Invalid, Failed. `by_policy`: nobody asked for it."""
    async with container.lock:
        await start_locked(services, container, by_policy=by_policy)


async def start_locked(services: Services, container: Container, *, by_policy: bool) -> None:
    check_can_start(container, by_policy)
    if not by_policy:
        container.monitor.reset()
        container.record.restart_count = 0
        container.record.manually_stopped = False
    try:
        await launch(services, container)
    except SampanError as error:
        raise await start_failed(services, container, error) from error
    except BaseException as error:
        await start_failed(services, container, Failed(str(error)))
        raise


def check_can_start(container: Container, by_policy: bool) -> None:
    state = container.record.state
    if state.removing or state.dead:
        raise Conflict("container is marked for removal and cannot be started")
    if state.paused:
        raise Conflict("cannot start a paused container, try unpause instead")
    if state.running and not (state.restarting and by_policy):
        if state.restarting:
            # As in Docker: a start while waiting for a restart is one that is under way already.
            raise NotModified("container is restarting")
        raise NotModified("container is already running")


async def launch(services: Services, container: Container) -> None:
    record = container.record
    async with AsyncExitStack() as undo:
        with ExitStack() as descriptors:
            userns, own = await own_namespaces(services, record, descriptors)
            sandbox = await services.networks.sandbox(record, own)
            undo.push_async_callback(services.networks.release, record.id)
            if sandbox.netns is not None:
                descriptors.callback(os.close, sandbox.netns)
            try:
                request = await start_request(services, container)
                layers = services.images.layer_mounts(record.lower)
                for descriptor in layers.values():
                    descriptors.callback(os.close, descriptor)
                services.save(container, lasting=False)
                waiting = list(container.attaching)
                request["attach"] = [item.attach for item in waiting]
                shim = await services.launcher.start(
                    services.paths_of(container),
                    request,
                    sandbox.netns,
                    [item.socket.fileno() for item in waiting],
                    userns,
                    layers,
                )
            except BaseException:
                services.kill_leftovers(container)  # a shim that died leaves what it had forked
                raise
        undo.pop_all()
    container.drop_attaching()
    try:
        running(services, container, shim)
    except BaseException:
        container.shim = None
        shim.close()
        services.kill_leftovers(container)
        await services.networks.release(record.id)
        raise


async def own_namespaces(
    services: Services, record: ContainerRecord, descriptors: ExitStack
) -> tuple[int | None, int | None]:
    """For --userns=auto: its user namespace, and a network namespace that belongs to it. Raises Failed."""
    ids = users(services, record)
    mode = record.host_config.get("NetworkMode") or ""
    if ids is None or mode == "host" or is_container(mode):
        return None, None
    mappings = ids.mappings()
    made = await services.launcher.user_network(mappings, mappings, services.paths.tmp)
    for descriptor in made:
        descriptors.callback(os.close, descriptor)
    return made


def running(services: Services, container: Container, shim: "Shim") -> None:
    """The program runs: remember it durably, tell everyone, and listen for its end."""
    state = container.record.state
    state.running, state.restarting, state.paused = True, False, False
    state.pid, state.started_at = shim.pid, shim.started_at
    state.exit_code, state.error, state.oom_killed = 0, "", False
    state.finished_at = state.finished_at if container.record.started_before else times.ZERO
    container.record.started_before = True
    state.health = initial_health(container)
    container.shim = shim
    container.started = time.monotonic()
    services.save(container)
    services.emit(container, "start")
    shim.on_event(lambda event: exits.on_shim_event(services, container, shim, event))


def initial_health(container: Container) -> dict[str, Any] | None:
    test = (container.record.config.get("Healthcheck") or {}).get("Test") or []
    if not test or test[0] == "NONE":
        return None
    return {"Status": "starting", "FailingStreak": 0, "Log": []}


async def start_failed(services: Services, container: Container, error: SampanError) -> SampanError:
    """Record the failure as Docker does; returns the error for the client."""
    state = container.record.state
    state.running, state.restarting, state.paused, state.pid = False, False, False, 0
    state.error = error.message
    code = exit_code_of(error.message)
    state.exit_code = code or 128
    container.drop_attaching()
    services.note(container)
    container.announce_exit()
    if container.record.host_config["AutoRemove"]:
        exits.remove_soon(services, container)
    return Invalid(error.message, hint=error.hint) if code else error


def exit_code_of(message: str) -> int:
    """127 for a missing program, 126 for one that cannot run, else 0: docker's client goes by these words."""
    if any(words in message for words in NOT_FOUND) and "exec:" in message:
        return 127
    if any(words in message for words in NOT_RUNNABLE) and "exec" in message:
        return 126
    return 0
