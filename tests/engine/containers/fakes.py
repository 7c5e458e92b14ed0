"""Stand-ins for the parts around containers, so that their life can be tested without root."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sampan.db.sqlite import Store
from sampan.engine.containers.container import Container
from sampan.engine.containers.create import parse_body
from sampan.engine.containers.manager import Containers
from sampan.engine.containers.records import Records
from sampan.engine.containers.settings import Settings
from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.events import Events
from sampan.engine.ocispec.host import Host
from sampan.errors import NotFound, SampanError
from sampan.paths import Paths

BUSYBOX = SimpleNamespace(
    id="sha256:" + "1" * 64,
    config={"os": "linux", "architecture": "", "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]}},
    diff_ids=("sha256:" + "2" * 64,),
    size=1000,
)


class FakeShim:
    def __init__(self, pid: int, paths: Any) -> None:
        self.pid = pid
        self.paths = paths
        self.started_at = "2026-01-01T00:00:00Z"
        self.signals: list[int] = []
        self.dies_of: set[int] = {9}
        self._callback: Callable[[dict[str, Any]], None] | None = None
        self._early: list[dict[str, Any]] = []

    def on_event(self, callback: Callable[[dict[str, Any]], None]) -> None:
        self._callback = callback
        while self._early:
            callback(self._early.pop(0))

    async def kill(self, signal: int, exec: str | None = None) -> None:
        self.signals.append(signal)
        if signal in self.dies_of:
            self.exits(128 + signal)

    def exits(self, code: int, **more: Any) -> None:
        event = {"event": "exit", "code": code, "oom": False, "at": "2026-01-01T00:00:01Z", "error": ""}
        asyncio.get_running_loop().call_soon(self.says, event | more)

    def says(self, event: dict[str, Any]) -> None:
        if self._callback is None:
            self._early.append(event)
        else:
            self._callback(event)

    def close(self) -> None:
        return None


@dataclass
class FakeLauncher:
    shims: list[FakeShim] = field(default_factory=list)
    error: SampanError | None = None
    requests: list[Any] = field(default_factory=list)
    gate: asyncio.Event | None = None  # a start waits for it

    async def start(
        self, paths: Any, request: Any, netns: int | None, attach: Any, userns: Any, layers: Any, mounts: Any
    ) -> FakeShim:
        if self.gate is not None:
            await self.gate.wait()
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        self.shims.append(FakeShim(1000 + len(self.shims), paths))
        return self.shims[-1]


@dataclass
class FakeNetworks:
    released: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def check_endpoints(self, endpoints: dict[str, Any]) -> dict[str, Any]:
        return endpoints

    async def open(self, record: Any, own: int | None) -> int | None:
        self.held.append(record.id)
        return None

    async def release(self, id: str) -> None:
        self.released.append(id)
        if id in self.held:
            self.held.remove(id)

    async def recover(self, records: list[Any]) -> None:
        return None

    def renamed(self, record: Any) -> None:
        return None

    def settings(self, id: str) -> dict[str, Any]:
        return {"Ports": {}, "Networks": {}}

    def link_environment(self, record: Any) -> list[str]:
        return []


@dataclass
class FakeVolumes:
    released: list[tuple[str, bool]] = field(default_factory=list)
    error: SampanError | None = None

    async def mounts_for(self, record: Any, find: Any) -> list[dict[str, Any]]:
        if self.error is not None:
            raise self.error
        return []

    async def oci_mounts(self, record: Any) -> list[dict[str, Any]]:
        return []

    def rootfs_propagation(self, record: Any) -> str:
        return ""

    def unmounted(self, record: Any) -> None:
        return None

    async def release(self, record: Any, remove_anonymous: bool) -> None:
        self.released.append((record.id, remove_anonymous))


class FakeImages:
    store = SimpleNamespace(use=lambda image: None)

    def get(self, ref: str) -> Any:
        if ref != "busybox":
            raise NotFound(f"No such image: {ref}:latest")
        return BUSYBOX

    def find(self, ref: str) -> Any:
        return BUSYBOX if ref == "busybox" else None

    def lower_dirs(self, image: Any) -> list[str]:
        return ["/layers/1"]

    def layer_mounts(self, lowers: list[str]) -> dict[int, int]:
        return {}

    def current_lowers(self, lowers: list[str]) -> list[str]:
        return lowers


@dataclass
class World:
    paths: Paths
    store: Store
    events: Events
    containers: Containers
    launcher: FakeLauncher
    networks: FakeNetworks
    volumes: FakeVolumes

    async def create(self, name: str = "web", **host: Any) -> Container:
        body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none", **host}}
        created = await self.containers.create(parse_body(body, name, "", (1, 51)))
        return self.containers.find(created.id)

    def actions(self) -> list[str]:
        return [event["Action"] for event in self.events.past(lambda _: True, 0, None)]

    def row(self, container: Container) -> Any:
        return self.store.get(container.record.key)


def world(tmp_path: Path, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> World:
    paths = Paths(tmp_path / "data", tmp_path / "exec")
    for path in (paths.containers, paths.trash, paths.exec / "containers"):
        path.mkdir(parents=True)
    launcher, networks, volumes = FakeLauncher(), FakeNetworks(), FakeVolumes()
    store, events = Store(paths.database), Events()
    containers = Containers(
        paths=paths,
        settings=Settings(DaemonConfig(), Host(nodes={})),
        records=Records(store),
        events=events,
        launcher=cast(Any, launcher),
        images=cast(Any, FakeImages()),
        volumes=cast(Any, volumes),
        networks=cast(Any, networks),
        sleep=sleep,
    )
    return World(paths, store, events, containers, launcher, networks, volumes)
