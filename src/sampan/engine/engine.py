"""The engine: one object that holds the managers; handed to every API module's `routes(engine)`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sampan.db.sqlite import Store
from sampan.engine.buildcache.usage import Usage
from sampan.engine.containers.execs import Execs
from sampan.engine.containers.logs import Logs
from sampan.engine.containers.manager import Containers
from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.events import Events
from sampan.engine.images import Images
from sampan.engine.networks.manager import Networks
from sampan.engine.volumes.volumes import Volumes
from sampan.paths import Paths
from sampan.runtime.client import Launcher

API_VERSION = (1, 51)
MIN_API_VERSION = (1, 24)


class Builder(Protocol):
    """What makes images on this engine, as far as the engine has to know of it."""

    def read(self) -> None:
        """What is on the disk, before the images look for layers that nobody needs."""
        ...

    async def start_up(self) -> None: ...
    async def stop(self) -> None: ...
    def configure(self, config: DaemonConfig) -> None: ...

    def held(self) -> set[str]:
        """Diff IDs of the layers that the build cache keeps."""
        ...

    async def du(self) -> Sequence[Usage]: ...


@dataclass
class Engine:
    """Built once, by engine/daemon/serve.py."""

    config: DaemonConfig
    paths: Paths
    store: Store
    events: Events
    launcher: Launcher
    images: Images
    volumes: Volumes
    networks: Networks
    containers: Containers
    execs: Execs
    logs: Logs
    builder: Builder
    shutdown: Callable[[bool], None]  # ask the daemon to end; true: stop the containers first

    async def start(self) -> None:
        """Bring rows, disk and kernel together after a daemon start; each part after what it needs."""
        self.builder.read()
        await self.images.start()
        await self.volumes.start()
        await self.networks.start()
        await self.containers.start()
        await self.builder.start_up()

    async def stop(self) -> None:
        """Let go of everything without touching a container; builds end."""
        await self.builder.stop()
        await self.events.stop()
        await self.containers.stop()
        await self.networks.stop()
        await self.volumes.stop()
        await self.images.stop()

    def reconfigure(self, config: DaemonConfig) -> None:
        """SIGHUP: the parts that read their settings each time they need them get the new ones."""
        self.config = config
        self.containers.settings.reconfigure(config)
        self.images.reconfigure(config)
        self.builder.configure(config)
        self.events.emit("daemon", "reload", "", {})
