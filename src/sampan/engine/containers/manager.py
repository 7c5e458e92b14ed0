"""The door to everything about containers, for API modules and for the other parts of the engine."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from sampan.db.sqlite import Store
from sampan.engine.containers import (
    create,
    inspect,
    listing,
    modify,
    prune,
    recover,
    remove,
    start,
    stats,
    stop,
    wait,
)
from sampan.engine.containers.container import Container, Ended
from sampan.engine.containers.filters import Values
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.services import Services
from sampan.engine.containers.top import top
from sampan.engine.events import Events
from sampan.engine.ocispec.build import Defaults
from sampan.engine.ocispec.host import Host
from sampan.errors import Conflict, NotFound
from sampan.paths import Paths

if TYPE_CHECKING:
    from sampan.engine.daemon.config import DaemonConfig
    from sampan.engine.images import Images
    from sampan.engine.images.manager import Use
    from sampan.engine.networks import Networks
    from sampan.engine.volumes.volumes import Volumes
    from sampan.runtime.client import Launcher


class Containers:
    def __init__(
        self,
        *,
        config: "DaemonConfig",
        paths: Paths,
        store: Store,
        events: Events,
        launcher: "Launcher",
        images: "Images",
        volumes: "Volumes",
        networks: "Networks",
    ) -> None:
        self.services = Services(config, paths, store, events, launcher, images, volumes, networks)

    async def start(self) -> None:
        await recover.recover(self.services)

    async def stop(self) -> None:
        """Let go of shims and waiters; the containers go on."""
        await recover.let_go(self.services)
        self.services.leave_cgroups()

    async def stop_all(self) -> None:
        """End every container as `docker stop` would, all at once, without restarts."""
        self.services.ending = True
        running = [container for container in self.services.index if container.record.state.running]
        await asyncio.gather(
            *(stop.stop(self.services, container) for container in running), return_exceptions=True
        )

    # -- finding

    def get(self, ref: str) -> ContainerRecord:
        """By ID, name, or the start of an ID. Raises NotFound, Invalid (ambiguous)."""
        return self.services.index.find(ref).record

    def find(self, ref: str) -> Container:
        """As `get`, with what the running daemon knows beside the record."""
        return self.services.index.find(ref)

    def all(self) -> list[ContainerRecord]:
        return [container.record for container in self.services.index]

    def users_of(self, image_id: str) -> "list[Use]":
        """Which containers are made from an image, or mount it."""
        from sampan.engine.images.manager import Use

        return [
            Use(record.id, record.state.running, record.image)
            for record in self.all()
            if record.image_id == image_id
            or any(point["Spec"].get("image") == image_id for point in record.mount_points)
        ]

    def by_id(self, id: str) -> ContainerRecord | None:
        container = self.services.index.by_id(id)
        return container.record if container else None

    def lock(self, id: str) -> asyncio.Lock:
        """Hold it while changing the container's state or record. Raises NotFound."""
        return self.services.index.find(id).lock

    def save(self, record: ContainerRecord) -> None:
        self.services.save(self.services.index.find(record.id))

    def emit(self, record: ContainerRecord, action: str, **attributes: str) -> None:
        """An event of this container, with its labels, image and name."""
        self.services.emit(self.services.index.find(record.id), action, **attributes)

    # -- lifecycle

    async def create_on(self, request: create.CreateRequest, root: create.Root) -> create.Created:
        """Of other layers than an image's. Raises Invalid, AlreadyExists (name)."""
        return await create.create_on(self.services, request, root, [])

    async def create(self, request: create.CreateRequest) -> create.Created:
        return await create.create(self.services, request)

    @property
    def host(self) -> Host:
        return self.services.host

    @property
    def defaults(self) -> Defaults:
        """What containers get that do not say it themselves."""
        return self.services.defaults

    async def start_one(self, ref: str) -> None:
        await start.start(self.services, self.find(ref))

    async def stop_one(self, ref: str, signal: str = "", patience: int | None = None) -> None:
        await stop.stop(self.services, self.find(ref), signal=signal, patience=patience)

    async def restart(self, ref: str, signal: str = "", patience: int | None = None) -> None:
        await stop.restart(self.services, self.find(ref), signal=signal, patience=patience)

    async def kill(self, ref: str, signal: str = "") -> None:
        try:
            container = self.find(ref)
        except NotFound as error:
            raise NotFound(f"cannot kill container: {ref}: {error.message}") from None
        await stop.kill(self.services, container, ref, signal)

    async def pause(self, ref: str) -> None:
        await stop.pause(self.services, self.find(ref))

    async def unpause(self, ref: str) -> None:
        await stop.unpause(self.services, self.find(ref))

    async def remove(self, ref: str, *, force: bool = False, volumes: bool = False) -> None:
        await remove.remove(self.services, self.find(ref), force=force, volumes=volumes, ref=ref)

    async def rename(self, ref: str, new: str) -> None:
        await modify.rename(self.services, self.find(ref), new)

    async def remove_link(self, path: str) -> None:
        await modify.remove_link(self.services, path)

    async def update(self, ref: str, body: dict[str, Any]) -> list[str]:
        return await modify.update(self.services, self.find(ref), body)

    def waiting(self, ref: str, condition: str) -> "asyncio.Future[Ended]":
        return wait.waiting(self.find(ref), condition)

    # -- looking

    async def list(self, query: listing.ListQuery) -> "listing.Rows":
        if query.size:
            return await listing.rows_with_size(self.services, query)
        return listing.rows(self.services, query)

    async def inspect(self, ref: str, *, size: bool = False) -> dict[str, Any]:
        return await inspect.document(self.services, self.find(ref), size=size)

    def stats(self, ref: str, *, stream: bool, once: bool) -> AsyncGenerator[dict[str, Any], None]:
        """Samples of GET /containers/<id>/stats. Raises NotFound."""
        return stats.samples(self.services, self.find(ref), stream=stream, once=once)

    async def resize(self, ref: str, height: int, width: int) -> None:
        """Raises Conflict when it does not run."""
        container = self.find(ref)
        if container.shim is None:
            raise Conflict(f"container {container.id} is not running")
        await container.shim.resize(height, width)
        self.services.emit(container, "resize", height=str(height), width=str(width))

    async def top(self, ref: str, arguments: str) -> dict[str, Any]:
        """Raises Conflict when it does not run, Invalid for arguments."""
        container = self.find(ref)
        state = container.record.state
        if not state.running:
            raise Conflict(f"container {container.id} is not running")
        if state.restarting:
            raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
        answer = top(self.services.cgroup(container).pids(), arguments)
        self.services.emit(container, "top")
        return answer

    async def prune(self, filters: dict[str, Values]) -> dict[str, Any]:
        return await prune.prune(self.services, filters)
