"""Ending and holding containers: stop, kill, pause, unpause."""

import asyncio
import logging
from dataclasses import dataclass

from sampan.engine.containers.container import Container, Ended
from sampan.engine.containers.events import ContainerEvents
from sampan.engine.containers.exits import cancel_restart
from sampan.engine.containers.records import Records
from sampan.engine.containers.shims import SIGKILL, Cgroups
from sampan.errors import Conflict, Failed, Invalid, NotModified, SampanError
from sampan.specs.docker.signals import deliverable, name_of

log = logging.getLogger("sampan.containers")

DEFAULT_TIMEOUT = 10  # seconds, as in Docker
KILL_PATIENCE = 10.0  # seconds a killed container may take to be gone


@dataclass(frozen=True)
class Stopper:
    records: Records
    events: ContainerEvents
    cgroups: Cgroups

    async def stop(self, container: Container, *, signal: str = "", patience: int | None = None) -> None:
        """The stop signal, after `patience` seconds (negative: never) SIGKILL.

        Raises NotModified, Invalid.
        """
        record = container.record
        number = stop_signal(record.name, signal or record.config.get("StopSignal") or "TERM", "stop")
        if not record.state.running:
            raise NotModified("container is already stopped")
        if patience is None:
            patience = record.config.get("StopTimeout", DEFAULT_TIMEOUT)
        container.stopping += 1
        try:
            await self._end(container, number, patience)
        finally:
            container.stopping -= 1

    async def _end(self, container: Container, number: int, patience: int) -> None:
        if await self._cancelled_restart(container):
            self.events.emit(container.record, "stop")
            return
        if not container.record.state.running:
            return  # it ended by itself while we waited for the lock
        exit = container.next_exit()
        await self._send(container, number, final=True)
        if patience < 0:
            await exit
            return
        try:
            await asyncio.wait_for(asyncio.shield(exit), patience)
            return
        except TimeoutError:
            log.info(
                "container %s did not exit within %d seconds of signal %d", container.id, patience, number
            )
        if container.record.state.running:
            await self.kill_now(container, exit)

    async def kill_now(self, container: Container, exit: asyncio.Future[Ended]) -> None:
        """Raises Failed when even SIGKILL did not end it: a process stuck in the kernel."""
        await self._send(container, SIGKILL, final=True)
        try:
            await asyncio.wait_for(asyncio.shield(exit), KILL_PATIENCE)
        except TimeoutError:
            raise Failed(
                f"cannot kill container: {container.name}: "
                "tried to kill container, but did not receive an exit event"
            ) from None

    async def force(self, container: Container) -> None:
        """For a removal: it neither runs nor starts again by itself. Raises Failed as `kill_now`."""
        async with container.lock:
            container.monitor.cancelled = True
            cancel_restart(self.records, container)
            if not container.record.state.running:
                return
            exit = container.next_exit()
        await self.kill_now(container, exit)

    async def kill(self, container: Container, ref: str, signal: str) -> None:
        """Raises Conflict when it does not run, Invalid for a bad signal."""
        number = stop_signal(ref, signal or "KILL", "kill")
        state = container.record.state
        if not state.running:
            raise Conflict(f"cannot kill container: {ref}: container {container.id} is not running")
        if await self._cancelled_restart(container):
            return
        if not state.running:
            raise Conflict(f"cannot kill container: {ref}: container {container.id} is not running")
        if number == SIGKILL:
            exit = container.next_exit()
            await self.kill_now(container, exit)
            return
        configured = container.record.config.get("StopSignal")
        # As in Docker: with no stop signal of its own, any signal counts as meant to end it.
        await self._send(container, number, final=not configured or deliverable(configured) == number)

    async def _cancelled_restart(self, container: Container) -> bool:
        """A container waiting for its next start has nothing to signal: the wait is what ends."""
        async with container.lock:
            container.monitor.cancelled = True
            if cancel_restart(self.records, container):
                self._mark_stopped(container)
                return True
            container.monitor.cancelled = False
            return False

    async def _send(self, container: Container, number: int, *, final: bool) -> None:
        """One signal to the container's first process. `final`: whoever sends it wants it to end for good."""
        if final:
            container.monitor.cancelled = True
        self._mark_stopped(container)
        shim = container.shim
        if shim is not None:
            try:
                await shim.kill(number)
            except SampanError as error:
                log.debug("signal %s to container %s: %s", name_of(number), container.id, error)
        self.events.emit(container.record, "kill", signal=str(number))
        if final and container.record.state.paused:
            # A frozen process sees the signal only once it may run again.
            await self.unpause(container)

    def _mark_stopped(self, container: Container) -> None:
        if not container.record.manually_stopped:
            container.record.manually_stopped = True
            self.records.save(container.record)

    async def pause(self, container: Container) -> None:
        """Raises Conflict."""
        async with container.lock:
            state = container.record.state
            if not state.running:
                raise Conflict(f"container {container.id} is not running")
            if state.paused:
                raise Conflict(f"Container {container.id} is already paused")
            if state.restarting:
                raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
            cgroup = self.cgroups.open(container.record.cgroup)
            # The freezer may wait for a process in the kernel: not on the event loop.
            await asyncio.to_thread(cgroup.freeze)
            state.paused = True
            self.records.save(container.record)
            self.events.emit(container.record, "pause")

    async def unpause(self, container: Container) -> None:
        """Raises Conflict."""
        async with container.lock:
            if not container.record.state.paused:
                raise Conflict(f"Container {container.id} is not paused")
            cgroup = self.cgroups.open(container.record.cgroup)
            await asyncio.to_thread(cgroup.thaw)
            container.record.state.paused = False
            self.records.save(container.record)
            self.events.emit(container.record, "unpause")


def stop_signal(ref: str, signal: str, verb: str) -> int:
    if signal.isascii() and signal.isdigit() and int(signal) > 64:
        raise Invalid(f"cannot {verb} container: {ref}: the linux daemon does not support signal {signal}")
    try:
        return deliverable(signal)
    except Invalid as error:
        raise Invalid(f"cannot {verb} container: {ref}: {error.message}") from None
