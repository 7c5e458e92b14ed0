"""Starting a container: all of it, or nothing.

The order follows what the program's first instruction needs: network namespace, mounts, spec, shim. What was
decided for it (its cgroup, its range of IDs) is in the row before the shim is asked for, that it runs once it
does: a daemon that dies in between finds the shim's socket (see recover.py).
"""

import os
import time
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Any

from sampan.engine.containers.container import Container
from sampan.engine.containers.events import ContainerEvents
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.records import Records
from sampan.engine.containers.request import StartRequests, is_container
from sampan.engine.containers.shims import Shims
from sampan.engine.networks.manager import Networks
from sampan.errors import Conflict, Failed, Invalid, NotModified, SampanError
from sampan.paths import Paths
from sampan.runtime.client import Launcher, Shim
from sampan.specs.golang import time as times

NOT_FOUND = (
    "executable file not found",
    "no such file or directory",
    "system cannot find the file specified",
)
NOT_RUNNABLE = ("permission denied", "is a directory", "exec format error", "operation not permitted")


@dataclass(frozen=True)
class Starter:
    """One start; what becomes of the program afterwards is the supervisor's (supervise.py)."""

    paths: Paths
    records: Records
    events: ContainerEvents
    networks: Networks
    launcher: Launcher
    requests: StartRequests
    shims: Shims

    async def start(self, container: Container, *, by_policy: bool) -> Shim:
        """Of one that `check_can_start` lets, under its lock. Raises Conflict, Invalid, NotFound, Failed."""
        if not by_policy:
            container.monitor.reset()
            container.record.restart_count = 0
            container.record.manually_stopped = False
        try:
            return await self._launch(container)
        except SampanError as error:
            raise self._failed(container, error) from error
        except BaseException as error:
            self._failed(container, Failed(str(error)))
            raise

    async def _launch(self, container: Container) -> Shim:
        record = container.record
        async with AsyncExitStack() as undo:
            with ExitStack() as descriptors:
                userns, own = await self._own_namespaces(record, descriptors)
                netns = await self.networks.open(record, own)
                undo.push_async_callback(self.networks.release, record.id)
                if netns is not None:
                    descriptors.callback(os.close, netns)
                request = await self.requests.make(container)
                self.records.save(record, lasting=False)
                waiting = list(container.attaching)
                request["attach"] = [item.attach for item in waiting]
                shim = await self.shims.start(
                    self.paths.container(record.id),
                    request,
                    netns=netns,
                    attach=[item.socket.fileno() for item in waiting],
                    userns=userns,
                )
            undo.pop_all()
        container.drop_attaching()
        try:
            self._runs(container, shim)
        except BaseException:
            container.shim = None
            shim.close()
            self.shims.cgroups.clear(record.cgroup)
            await self.networks.release(record.id)
            raise
        return shim

    async def _own_namespaces(
        self, record: ContainerRecord, descriptors: ExitStack
    ) -> tuple[int | None, int | None]:
        """For --userns=auto: its user namespace, and a network namespace of that. Raises Failed."""
        ids = self.requests.users(record)
        mode = record.host_config.get("NetworkMode") or ""
        if ids is None or mode == "host" or is_container(mode):
            return None, None
        mappings = ids.mappings()
        made = await self.launcher.user_network(mappings, mappings, self.paths.tmp)
        for descriptor in made:
            descriptors.callback(os.close, descriptor)
        return made

    def _runs(self, container: Container, shim: Shim) -> None:
        """The program runs: remember it durably, and tell everyone."""
        state = container.record.state
        state.running, state.restarting, state.paused = True, False, False
        state.pid, state.started_at = shim.pid, shim.started_at
        state.exit_code, state.error, state.oom_killed = 0, "", False
        state.finished_at = state.finished_at if container.record.started_before else times.ZERO
        container.record.started_before = True
        state.health = initial_health(container)
        container.shim = shim
        container.started = time.monotonic()
        self.records.save(container.record)
        self.events.emit(container.record, "start")

    def _failed(self, container: Container, error: SampanError) -> SampanError:
        """Record the failure as Docker does; returns the error for the client."""
        state = container.record.state
        state.running, state.restarting, state.paused, state.pid = False, False, False, 0
        state.error = error.message
        code = exit_code_of(error.message)
        state.exit_code = code or 128
        container.drop_attaching()
        self.records.note(container.record)
        container.announce_exit()
        return Invalid(error.message, hint=error.hint) if code else error


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


def initial_health(container: Container) -> dict[str, Any] | None:
    test = (container.record.config.get("Healthcheck") or {}).get("Test") or []
    if not test or test[0] == "NONE":
        return None
    return {"Status": "starting", "FailingStreak": 0, "Log": []}


def exit_code_of(message: str) -> int:
    """127 for a missing program, 126 for one that cannot run, else 0: docker's client goes by these words."""
    if any(words in message for words in NOT_FOUND) and "exec:" in message:
        return 127
    if any(words in message for words in NOT_RUNNABLE) and "exec" in message:
        return 126
    return 0
