"""Removing containers: out of the database and out of sight at once, off the disk in the background."""

from dataclasses import dataclass

from sampan.engine import trash
from sampan.engine.containers.container import Container
from sampan.engine.containers.events import ContainerEvents
from sampan.engine.containers.records import Records
from sampan.engine.containers.stop import Stopper
from sampan.engine.networks.manager import Networks
from sampan.engine.volumes.volumes import Volumes
from sampan.errors import Conflict
from sampan.paths import Paths


@dataclass(frozen=True)
class Remover:
    paths: Paths
    records: Records
    events: ContainerEvents
    networks: Networks
    volumes: Volumes
    stopper: Stopper

    async def remove(
        self, container: Container, *, force: bool = False, volumes: bool = False, ref: str = ""
    ) -> None:
        """Raises Conflict when it runs and `force` is not given, or when someone else is removing it."""
        state = container.record.state
        if state.removing:
            raise Conflict(f"removal of container {ref or container.name} is already in progress")
        if state.running and not force:
            raise Conflict(running_message(container))
        state.removing = True
        try:
            while not await self._removed(container, volumes):
                # It runs, perhaps since a moment ago: a start was under way when we came.
                if not force:
                    raise Conflict(running_message(container))
                await self.stopper.force(container)
        except BaseException as error:
            state.removing = False
            container.announce_removal(str(error))
            raise
        self.events.emit(container.record, "destroy")
        container.announce_removal()

    async def _removed(self, container: Container, volumes: bool) -> bool:
        """False when the container runs."""
        async with container.lock:
            if not container.record.state.running:
                await self._take_apart(container, volumes)
                return True
        return False

    async def _take_apart(self, container: Container, volumes: bool) -> None:
        container.drop_attaching()
        await self.networks.release(container.id)
        self.records.remove(container)
        paths = self.paths.container(container.id)
        trash.discard(self.paths, paths.data)
        trash.remove_later(paths.exec)
        await self.volumes.release(container.record, remove_anonymous=volumes)


def running_message(container: Container) -> str:
    state = container.record.state
    about = "container is running: stop the container before removing or force remove"
    if state.paused:
        about = "container is paused and must be unpaused first"
    elif state.restarting:
        about = "container is restarting: stop the container before removing or force remove"
    return f'cannot remove container "/{container.name}": {about}'
