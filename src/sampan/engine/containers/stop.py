"""Ending and holding containers: stop, kill, restart, pause, unpause."""

import asyncio
import logging

from sampan.engine.containers import exits
from sampan.engine.containers.container import Container, Ended
from sampan.engine.containers.services import Services
from sampan.engine.containers.start import start
from sampan.errors import Conflict, Failed, Invalid, NotModified, SampanError
from sampan.specs.docker.signals import deliverable, name_of

log = logging.getLogger("sampan.containers")

DEFAULT_TIMEOUT = 10  # seconds, as in Docker
KILL_PATIENCE = 10.0  # seconds a killed container may take to be gone
SIGKILL = 9


async def stop(
    services: Services, container: Container, *, signal: str = "", patience: int | None = None
) -> None:
    """The stop signal, after `patience` seconds (negative: never) SIGKILL. Raises NotModified, Invalid."""
    record = container.record
    number = stop_signal(record.name, signal or record.config.get("StopSignal") or "TERM", "stop")
    if not record.state.running:
        raise NotModified("container is already stopped")
    if patience is None:
        patience = record.config.get("StopTimeout", DEFAULT_TIMEOUT)
    container.stopping += 1
    try:
        await end(services, container, number, patience)
    finally:
        container.stopping -= 1


async def end(services: Services, container: Container, number: int, patience: int) -> None:
    if await cancelled_restart(services, container):
        services.emit(container, "stop")
        return
    if not container.record.state.running:
        return  # it ended by itself while we waited for the lock
    exit = container.next_exit()
    await send(services, container, number, final=True)
    if patience < 0:
        await exit
        return
    try:
        await asyncio.wait_for(asyncio.shield(exit), patience)
        return
    except TimeoutError:
        log.info("container %s did not exit within %d seconds of signal %d", container.id, patience, number)
    if container.record.state.running:
        await kill_now(services, container, exit)


async def kill_now(services: Services, container: Container, exit: asyncio.Future[Ended]) -> None:
    """Raises Failed when even SIGKILL did not end it: a process stuck in the kernel."""
    await send(services, container, SIGKILL, final=True)
    try:
        await asyncio.wait_for(asyncio.shield(exit), KILL_PATIENCE)
    except TimeoutError:
        raise Failed(
            f"cannot kill container: {container.name}: "
            "tried to kill container, but did not receive an exit event"
        ) from None


async def kill(services: Services, container: Container, ref: str, signal: str) -> None:
    """Raises Conflict when it does not run, Invalid for a bad signal."""
    number = stop_signal(ref, signal or "KILL", "kill")
    state = container.record.state
    if not state.running:
        raise Conflict(f"cannot kill container: {ref}: container {container.id} is not running")
    if await cancelled_restart(services, container):
        return
    if not state.running:
        raise Conflict(f"cannot kill container: {ref}: container {container.id} is not running")
    if number == SIGKILL:
        exit = container.next_exit()
        await kill_now(services, container, exit)
        return
    configured = container.record.config.get("StopSignal")
    # As in Docker: with no stop signal of its own, any signal counts as meant to end it.
    await send(services, container, number, final=not configured or deliverable(configured) == number)


async def cancelled_restart(services: Services, container: Container) -> bool:
    """A container waiting for its next start has nothing to signal: the wait is what ends."""
    async with container.lock:
        container.monitor.cancelled = True
        if exits.cancel_restart(services, container):
            mark_stopped(services, container)
            return True
        container.monitor.cancelled = False
        return False


def stop_signal(ref: str, signal: str, verb: str) -> int:
    if signal.isascii() and signal.isdigit() and int(signal) > 64:
        raise Invalid(f"cannot {verb} container: {ref}: the linux daemon does not support signal {signal}")
    try:
        return deliverable(signal)
    except Invalid as error:
        raise Invalid(f"cannot {verb} container: {ref}: {error.message}") from None


async def send(services: Services, container: Container, number: int, *, final: bool) -> None:
    """One signal to the container's first process. `final`: whoever sends it wants it to end for good."""
    if final:
        container.monitor.cancelled = True
    mark_stopped(services, container)
    shim = container.shim
    if shim is not None:
        try:
            await shim.kill(number)
        except SampanError as error:
            log.debug("signal %s to container %s: %s", name_of(number), container.id, error)
    services.emit(container, "kill", signal=str(number))
    if final and container.record.state.paused:
        # A frozen process sees the signal only once it may run again.
        await unpause(services, container)


def mark_stopped(services: Services, container: Container) -> None:
    if not container.record.manually_stopped:
        container.record.manually_stopped = True
        services.save(container)


async def restart(
    services: Services, container: Container, *, signal: str = "", patience: int | None = None
) -> None:
    """Stop if it runs, then start. Raises as both do."""
    container.kept += 1  # auto-remove must not take it in between
    try:
        try:
            await stop(services, container, signal=signal, patience=patience)
        except NotModified:
            pass
        await start(services, container)
    finally:
        container.kept -= 1
    services.emit(container, "restart")


async def pause(services: Services, container: Container) -> None:
    """Raises Conflict."""
    async with container.lock:
        state = container.record.state
        if not state.running:
            raise Conflict(f"container {container.id} is not running")
        if state.paused:
            raise Conflict(f"Container {container.id} is already paused")
        if state.restarting:
            raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
        cgroup = services.cgroup(container)
        # The freezer may wait for a process in the kernel: not on the event loop.
        await asyncio.to_thread(cgroup.freeze)
        state.paused = True
        services.save(container)
        services.emit(container, "pause")


async def unpause(services: Services, container: Container) -> None:
    """Raises Conflict."""
    async with container.lock:
        if not container.record.state.paused:
            raise Conflict(f"Container {container.id} is not paused")
        cgroup = services.cgroup(container)
        await asyncio.to_thread(cgroup.thaw)
        container.record.state.paused = False
        services.save(container)
        services.emit(container, "unpause")
