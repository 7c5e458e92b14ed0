"""Taking over from an earlier daemon: each container's row against its shim, its exit file, or neither."""

import asyncio
import logging
import os
import time
from dataclasses import dataclass
from typing import Any

from sampan.engine import trash
from sampan.engine.containers.container import Container
from sampan.engine.containers.create import make_directories
from sampan.engine.containers.execs import recover_execs
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.records import Records
from sampan.engine.containers.restart import wanted
from sampan.engine.containers.settings import Settings
from sampan.engine.containers.shims import Cgroups
from sampan.engine.containers.supervise import Supervisor
from sampan.engine.images import Images
from sampan.engine.networks.manager import Networks
from sampan.engine.ocispec.build import cgroup_path
from sampan.errors import SampanError, Unavailable
from sampan.paths import Paths
from sampan.runtime.client import Shim, read_exit
from sampan.specs.golang import time as times
from sampan.tasks import Tasks

log = logging.getLogger("sampan.recover")

LOST = 255  # exit code of a container nobody saw end: as Docker after a crash of the machine


@dataclass(frozen=True)
class Recovery:
    paths: Paths
    settings: Settings
    records: Records
    images: Images
    networks: Networks
    cgroups: Cgroups
    supervisor: Supervisor
    tasks: Tasks

    async def recover(self) -> None:
        for row in self.records.rows():
            record = self._record_of(row)
            # Whoever asked for the removal that was cut short got no answer: they can ask again.
            record.state.removing = False
            record.lower = self.images.current_lowers(record.lower)
            self.records.index.add(Container(record))
        self.remove_strangers()
        outcomes = await asyncio.gather(*(self._take_over(container) for container in self.records.index))
        alive = [container for container, shim in outcomes if shim is not None]
        await self.networks.recover([container.record for container in alive])
        for container, shim in outcomes:
            if shim is not None:
                self._listen(container, shim)
            else:
                await self.settle_ended(container)
            self._restore_directory(container)
        for container in self.records.index:
            if container.shim is None:
                self.follow_policy(container)

    def _record_of(self, row: dict[str, Any]) -> ContainerRecord:
        """Rows of containers that were never started had no cgroup once."""
        path = row.get("cgroup") or cgroup_path(row["id"], row["host_config"], self.settings.defaults)
        return ContainerRecord.from_row(row | {"cgroup": path})

    def _restore_directory(self, container: Container) -> None:
        """One that is gone is made again: a start makes what is in it, but not what the program wrote."""
        paths = self.paths.container(container.id)
        if paths.upper.is_dir() and paths.work.is_dir():
            return
        log.warning("container %s: its directory %s was gone and is made again", container.id, paths.data)
        make_directories(paths)
        if container.record.started_before:
            container.record.state.error = (
                f"{paths.data} was lost, and with it all that the container had written"
            )
            self.records.note(container.record)

    def remove_strangers(self) -> None:
        """Directories no row names: of a create or a removal that was cut short."""
        for root in (self.paths.containers, self.paths.exec / "containers"):
            for entry in os.scandir(root):
                if self.records.index.by_id(entry.name) is None:
                    log.info("removing %s: no container has this ID", entry.path)
                    if root == self.paths.containers:
                        trash.discard(self.paths, root / entry.name)
                    else:
                        trash.remove_later(root / entry.name)

    async def _take_over(self, container: Container) -> tuple[Container, Shim | None]:
        try:
            return container, await Shim.connect(self.paths.container(container.id))
        except Unavailable:
            return container, None
        except SampanError as error:
            log.warning("container %s: its shim does not answer: %s", container.id, error)
            return container, None

    def _listen(self, container: Container, shim: Shim) -> None:
        """It runs, whatever the row says: a start may have been cut short after the program began."""
        state = container.record.state
        container.record.cgroup = shim.cgroup or container.record.cgroup
        changed = not state.running or state.restarting or state.pid != shim.pid
        changed = self._settle_pause(container) or changed
        state.running, state.restarting, state.pid, state.started_at = True, False, shim.pid, shim.started_at
        container.record.started_before = True
        container.shim = shim
        ran = (time.time_ns() - times.parse(shim.started_at)) / 1e9
        container.started = time.monotonic() - max(ran, 0.0)
        container.monitor.count = container.record.restart_count
        if changed:
            self.records.note(container.record)
        self.tasks.spawn(self._adopt(container, shim))

    def _settle_pause(self, container: Container) -> bool:
        """After a daemon that died while it paused, unpaused or committed; true when the row is wrong."""
        state, cgroup = container.record.state, self.cgroups.open(container.record.cgroup)
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

    async def _adopt(self, container: Container, shim: Shim) -> None:
        status = await shim.status()
        if status["health"] is not None:
            container.record.state.health = dict(status["health"])
        recover_execs(self.paths.container(container.id).execs, container, status["execs"])
        self.supervisor.listen(container, shim)

    async def settle_ended(self, container: Container) -> None:
        """It does not run. If the row says it does, its end was missed."""
        record, state = container.record, container.record.state
        event = read_exit(self.paths.container(container.id))
        if event is None:
            self.cgroups.clear(record.cgroup)
        await self.networks.release(record.id)
        if not state.running:
            recover_execs(self.paths.container(container.id).execs, container, {})
            return
        self.cgroups.leave_parent(record.cgroup)
        if not state.restarting:
            event = event or {"code": LOST, "at": times.now(), "oom": False, "error": ""}
            state.exit_code, state.finished_at = event["code"], event.get("at") or times.now()
            state.error, state.oom_killed = event.get("error") or "", bool(event.get("oom"))
        state.running = state.paused = state.restarting = False
        state.pid = 0
        if state.health is not None:
            state.health = {**state.health, "Status": "unhealthy"}
        recover_execs(self.paths.container(container.id).execs, container, {})
        self.records.note(container.record)

    def follow_policy(self, container: Container) -> None:
        """What Docker does with ended containers when it starts."""
        record, state = container.record, container.record.state
        policy = record.host_config["RestartPolicy"]
        if record.started_before and wanted(
            policy, state.exit_code, record.manually_stopped, record.restart_count
        ):
            self.tasks.spawn(self._start_by_policy(container))
        elif record.host_config["AutoRemove"]:
            self.supervisor.remove_soon(container)

    async def _start_by_policy(self, container: Container) -> None:
        try:
            await self.supervisor.start(container, by_policy=True)
        except SampanError as error:
            log.warning("container %s could not be started again: %s", container.id, error)
