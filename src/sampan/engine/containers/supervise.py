"""Who sees to it that a container lives as it should: starts it, listens to its shim, and acts on its end."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sampan.engine.containers.container import Container
from sampan.engine.containers.events import ContainerEvents
from sampan.engine.containers.exits import set_oom_killed, settle
from sampan.engine.containers.records import Records
from sampan.engine.containers.remove import Remover
from sampan.engine.containers.shims import Cgroups
from sampan.engine.containers.start import Starter, check_can_start
from sampan.engine.containers.stop import Stopper
from sampan.engine.networks.manager import Networks
from sampan.engine.volumes.volumes import Volumes
from sampan.errors import NotModified, SampanError
from sampan.paths import Paths
from sampan.runtime.client import Shim, read_exit
from sampan.specs.golang import time as times
from sampan.tasks import Tasks

log = logging.getLogger("sampan.containers")


@dataclass
class Supervisor:
    paths: Paths
    records: Records
    events: ContainerEvents
    networks: Networks
    volumes: Volumes
    cgroups: Cgroups
    starter: Starter
    stopper: Stopper
    remover: Remover
    tasks: Tasks
    sleep: Callable[[float], Awaitable[None]]
    ending: bool = False  # the daemon stops the containers on its way out: no policy restarts them

    # -- starting

    async def start(self, container: Container, *, by_policy: bool = False) -> None:
        """Raises NotModified when it runs, Conflict, Invalid, Failed. `by_policy`: nobody asked for it."""
        async with container.lock:
            await self._start(container, by_policy=by_policy)

    async def _start(self, container: Container, *, by_policy: bool) -> None:
        check_can_start(container, by_policy)
        try:
            shim = await self.starter.start(container, by_policy=by_policy)
        except BaseException:
            if container.record.host_config["AutoRemove"]:
                self.remove_soon(container)
            raise
        self.listen(container, shim)

    async def restart(self, container: Container, *, signal: str = "", patience: int | None = None) -> None:
        """Stop if it runs, then start. Raises as both do."""
        container.kept += 1  # auto-remove must not take it in between
        try:
            try:
                await self.stopper.stop(container, signal=signal, patience=patience)
            except NotModified:
                pass
            await self.start(container)
        finally:
            container.kept -= 1
        self.events.emit(container.record, "restart")

    async def _restart_later(self, container: Container, wait: float) -> None:
        """Owned by `container.restarting`; stop and rm cancel it, under the lock."""
        await self.sleep(wait)
        try:
            async with container.lock:
                container.restarting = None
                await self._start(container, by_policy=True)
        except SampanError as error:
            log.warning("restart of container %s failed: %s", container.id, error)

    # -- listening

    def listen(self, container: Container, shim: Shim) -> None:
        shim.on_event(lambda event: self._heard(container, shim, event))

    def _heard(self, container: Container, shim: Shim, event: dict[str, Any]) -> None:
        """Called by the shim's connection, on the event loop. Must not wait."""
        record = container.record
        match event.get("event"):
            case "exit":
                self.tasks.spawn(self._ended(container, shim, event))
            case "gone":
                self.tasks.spawn(self._gone(container, shim))
            case "oom":
                if set_oom_killed(container):
                    self.events.emit(record, "oom")
            case "health":
                self._health_changed(container, event["health"])
            case "probe":
                command, arguments = event["args"][:1], event["args"][1:]
                for action in ("exec_create", "exec_start"):
                    text = f"{action}: {''.join(command)} {' '.join(arguments)}"
                    self.events.emit(record, text, execID=event["exec"])
            case "probe-exit":
                self.events.emit(record, "exec_die", execID=event["exec"], exitCode=str(event["code"]))
            case "exec-exit":
                self._exec_ended(container, event["exec"], event["code"])
            case "detach":
                exec = container.execs.get(event.get("exec") or "")
                if exec is not None:
                    self.events.emit(record, "exec_detach", execID=exec.id)
                else:
                    self.events.emit(record, "detach")

    def _health_changed(self, container: Container, health: dict[str, Any]) -> None:
        before = (container.record.state.health or {}).get("Status")
        container.record.state.health = health
        if before != health["Status"]:
            self.events.emit(container.record, f"health_status: {health['Status']}")

    def _exec_ended(self, container: Container, id: str, code: int) -> None:
        exec = container.execs.get(id)
        if exec is None or not exec.running:
            return
        exec.ended(code)
        self.events.emit(container.record, "exec_die", execID=id, exitCode=str(code))

    # -- ends

    async def _gone(self, container: Container, shim: Shim) -> None:
        """The shim's connection ended: it exited after its last word, or it was killed."""
        if container.shim is not shim:
            return
        event = read_exit(self.paths.container(container.id))
        if event is None:
            self.cgroups.clear(container.record.cgroup)
            event = {
                "event": "exit",
                "code": 137,
                "oom": False,
                "at": times.now(),
                "error": "the container's shim died",
            }
        await self._ended(container, shim, event)

    async def _ended(self, container: Container, shim: Shim, event: dict[str, Any]) -> None:
        """The container's program ended. Safe to call twice: the second call finds another shim or none."""
        record = container.record
        async with container.lock:
            if container.shim is not shim or not record.state.running:
                return
            container.shim = None
            ran = time.monotonic() - container.started
            for exec in list(container.execs.values()):
                self._exec_ended(container, exec.id, 137)
            await self.networks.release(container.id)
            self.volumes.unmounted(record)
            self.cgroups.leave_parent(record.cgroup)
            verdict = settle(container, event, ran, ending=self.ending)
            if verdict.out_of_memory:
                self.events.emit(record, "oom")
            if container.stopping:
                self.events.emit(record, "stop")
            self.events.emit(record, "die", execDuration=str(int(ran)), exitCode=str(record.state.exit_code))
            if not verdict.remove:
                self.records.note(record)
            container.announce_exit()
            if verdict.restart_after is not None:
                container.restarting = self.tasks.spawn(self._restart_later(container, verdict.restart_after))
        if verdict.remove:
            await self._remove_ended(container)

    def remove_soon(self, container: Container) -> None:
        self.tasks.spawn(self._remove_ended(container))

    async def _remove_ended(self, container: Container) -> None:
        """Auto-remove: with its anonymous volumes, as `docker rm -v`."""
        try:
            await self.remover.remove(container, force=True, volumes=True)
        except SampanError as error:
            log.warning("automatic removal of container %s failed: %s", container.id, error)
