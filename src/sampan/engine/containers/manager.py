"""The door to everything about containers, for API modules and for the other parts of the engine."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from sampan.engine.containers import create, listing
from sampan.engine.containers.container import Container, Ended
from sampan.engine.containers.events import ContainerEvents
from sampan.engine.containers.execs import Execs
from sampan.engine.containers.filters import Values
from sampan.engine.containers.inspect import Inspection
from sampan.engine.containers.modify import Modifier
from sampan.engine.containers.prune import prune
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.records import Records
from sampan.engine.containers.recover import Recovery
from sampan.engine.containers.remove import Remover
from sampan.engine.containers.request import StartRequests
from sampan.engine.containers.settings import Settings
from sampan.engine.containers.shims import Cgroups, Shims
from sampan.engine.containers.sizes import Sizes
from sampan.engine.containers.start import Starter
from sampan.engine.containers.stats import Stats
from sampan.engine.containers.stop import Stopper
from sampan.engine.containers.supervise import Supervisor
from sampan.engine.containers.top import top
from sampan.engine.containers.wait import waiting
from sampan.engine.events import Events
from sampan.engine.images import Images
from sampan.engine.networks.manager import Networks
from sampan.engine.volumes.volumes import Volumes
from sampan.errors import Conflict, NotFound
from sampan.paths import Paths
from sampan.runtime.client import Launcher
from sampan.tasks import Tasks


class Containers:
    """Puts the operations together, each with what it needs; they hold no state of their own but `tasks`."""

    def __init__(
        self,
        *,
        paths: Paths,
        settings: Settings,
        records: Records,
        events: Events,
        launcher: Launcher,
        images: Images,
        volumes: Volumes,
        networks: Networks,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._index = index = records.index
        self.settings = settings
        self.records = records
        self.events = ContainerEvents(events)
        self.tasks = Tasks()
        self.cgroups = Cgroups(settings)
        self.shims = Shims(launcher, self.cgroups, images.layer_mounts)
        self.execs = Execs(index, self.events, settings)
        self.creator = create.Creator(
            paths=paths,
            settings=settings,
            records=records,
            events=self.events,
            images=images,
            volumes=volumes,
            networks=networks,
        )
        starter = Starter(
            paths=paths,
            records=records,
            events=self.events,
            networks=networks,
            launcher=launcher,
            requests=StartRequests(paths, index, settings, volumes, networks),
            shims=self.shims,
        )
        self.stopper = Stopper(records, self.events, self.cgroups)
        self.remover = Remover(
            paths=paths,
            records=records,
            events=self.events,
            networks=networks,
            volumes=volumes,
            stopper=self.stopper,
        )
        self.supervisor = Supervisor(
            paths=paths,
            records=records,
            events=self.events,
            networks=networks,
            volumes=volumes,
            cgroups=self.cgroups,
            starter=starter,
            stopper=self.stopper,
            remover=self.remover,
            tasks=self.tasks,
            sleep=sleep,
        )
        self.recovery = Recovery(
            paths=paths,
            settings=settings,
            records=records,
            images=images,
            networks=networks,
            cgroups=self.cgroups,
            supervisor=self.supervisor,
            tasks=self.tasks,
        )
        self.modifier = Modifier(settings, records, self.events, networks, self.cgroups)
        self._sizes = Sizes(paths, images)
        self._listing = listing.Listing(index, images, networks, self._sizes)
        self._inspection = Inspection(paths, index, networks, self._sizes)
        self._stats = Stats(index, self.cgroups, settings)

    async def start(self) -> None:
        await self.recovery.recover()

    async def stop(self) -> None:
        """Let go of shims and waiters; the containers go on."""
        for container in self._index:
            container.drop_attaching()
            if container.shim is not None:
                container.shim.close()
        await self.tasks.stop()
        self.cgroups.leave_default()

    async def stop_all(self) -> None:
        """End every container as `docker stop` would, all at once, without restarts."""
        self.supervisor.ending = True
        running = [container for container in self._index if container.record.state.running]
        await asyncio.gather(*(self.stopper.stop(container) for container in running), return_exceptions=True)

    # -- finding

    def get(self, ref: str) -> ContainerRecord:
        """By ID, name, or the start of an ID. Raises NotFound, Invalid (ambiguous)."""
        return self.records.get(ref)

    def find(self, ref: str) -> Container:
        """As `get`, with what the running daemon knows beside the record."""
        return self._index.find(ref)

    def all(self) -> list[ContainerRecord]:
        return self.records.all()

    def lock(self, id: str) -> asyncio.Lock:
        """Hold it while changing the container's state or record. Raises NotFound."""
        return self.records.lock(id)

    def emit(self, record: ContainerRecord, action: str, **attributes: str) -> None:
        """An event of this container. Raises NotFound for one that has been removed since."""
        self.events.emit(self._index.find(record.id).record, action, **attributes)

    # -- lifecycle

    async def create_on(self, request: create.CreateRequest, root: create.Root) -> create.Created:
        """Of other layers than an image's. Raises Invalid, AlreadyExists (name)."""
        return await self.creator.create_on(request, root, [])

    async def create(self, request: create.CreateRequest) -> create.Created:
        return await self.creator.create(request)

    async def start_one(self, ref: str) -> None:
        await self.supervisor.start(self.find(ref))

    async def stop_one(self, ref: str, signal: str = "", patience: int | None = None) -> None:
        await self.stopper.stop(self.find(ref), signal=signal, patience=patience)

    async def restart(self, ref: str, signal: str = "", patience: int | None = None) -> None:
        await self.supervisor.restart(self.find(ref), signal=signal, patience=patience)

    async def kill(self, ref: str, signal: str = "") -> None:
        try:
            container = self.find(ref)
        except NotFound as error:
            raise NotFound(f"cannot kill container: {ref}: {error.message}") from None
        await self.stopper.kill(container, ref, signal)

    async def pause(self, ref: str) -> None:
        await self.stopper.pause(self.find(ref))

    async def unpause(self, ref: str) -> None:
        await self.stopper.unpause(self.find(ref))

    async def remove(self, ref: str, *, force: bool = False, volumes: bool = False) -> None:
        await self.remover.remove(self.find(ref), force=force, volumes=volumes, ref=ref)

    async def rename(self, ref: str, new: str) -> None:
        await self.modifier.rename(self.find(ref), new)

    async def remove_link(self, path: str) -> None:
        await self.modifier.remove_link(path)

    async def update(self, ref: str, body: dict[str, Any]) -> list[str]:
        return await self.modifier.update(self.find(ref), body)

    def waiting(self, ref: str, condition: str) -> "asyncio.Future[Ended]":
        return waiting(self.find(ref), condition)

    # -- looking

    async def list(self, query: listing.ListQuery) -> "listing.Rows":
        if query.size:
            return await self._listing.rows_with_size(query)
        return self._listing.rows(query)

    async def inspect(self, ref: str, *, size: bool = False) -> dict[str, Any]:
        return await self._inspection.document(self.find(ref), size=size)

    def stats(self, ref: str, *, stream: bool, once: bool) -> AsyncGenerator[dict[str, Any], None]:
        """Samples of GET /containers/<id>/stats. Raises NotFound."""
        return self._stats.samples(self.find(ref), stream=stream, once=once)

    async def resize(self, ref: str, height: int, width: int) -> None:
        """Raises Conflict when it does not run."""
        container = self.find(ref)
        if container.shim is None:
            raise Conflict(f"container {container.id} is not running")
        await container.shim.resize(height, width)
        self.events.emit(container.record, "resize", height=str(height), width=str(width))

    async def top(self, ref: str, arguments: str) -> dict[str, Any]:
        """Raises Conflict when it does not run, Invalid for arguments."""
        container = self.find(ref)
        state = container.record.state
        if not state.running:
            raise Conflict(f"container {container.id} is not running")
        if state.restarting:
            raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
        answer = top(self.cgroups.open(container.record.cgroup).pids(), arguments)
        self.events.emit(container.record, "top")
        return answer

    async def prune(self, filters: dict[str, Values]) -> dict[str, Any]:
        return await prune(self._index, self._sizes, self.remover, self.events, filters)
