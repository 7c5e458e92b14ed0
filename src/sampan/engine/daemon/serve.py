"""One life of the daemon: configuration, lock, managers, sockets, signals, and the way out."""

import _socket
import asyncio
import fcntl
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from sampan.builder.builder import Builder
from sampan.builder.frontends.routes import routes
from sampan.db.sqlite import Store
from sampan.engine import trash
from sampan.engine.containers.logs import Logs
from sampan.engine.containers.manager import Containers
from sampan.engine.containers.records import Records
from sampan.engine.containers.settings import Settings
from sampan.engine.daemon import daemonlog, sockets
from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.daemon.configfile import reload
from sampan.engine.daemon.flags import from_command_line
from sampan.engine.engine import Engine
from sampan.engine.events import Events
from sampan.engine.images import Images
from sampan.engine.networks.manager import Networks
from sampan.engine.volumes.volumes import Volumes
from sampan.errors import Failed, SampanError
from sampan.http.app import Api, Server, raise_file_limit
from sampan.http.tls import exposure_warning, server_context
from sampan.linux import durable, process
from sampan.paths import Paths
from sampan.runtime.client import Launcher
from sampan.specs.oci.image import ContainerConfig

log = logging.getLogger("sampan")
FORMAT = "1"
MakeApi = Callable[[Engine, Iterable[web.RouteDef]], Api]


def run(argv: list[str], launcher_pid: int, launcher_socket: _socket.socket, make_api: MakeApi) -> int:
    """Everything after the launcher exists; returns the exit status."""
    try:
        config = from_command_line(argv)
        daemonlog.set_up(config)
        raise_file_limit()
        process.set_oom_score_adj(config.oom_score_adjust)
        for warning in config.warnings:
            log.warning("%s", warning)
        return asyncio.run(Daemon(config, launcher_pid, launcher_socket, make_api).run())
    except SampanError as error:
        print(f"sampand: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


@dataclass
class Daemon:
    config: DaemonConfig
    launcher_pid: int
    launcher_socket: _socket.socket
    make_api: MakeApi
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    stop_containers: bool = False

    async def run(self) -> int:
        paths = self.config.paths
        async with AsyncExitStack() as stack:
            lock = take_lock(paths, self.config.pidfile)
            stack.callback(release_lock, lock, paths, self.config.pidfile)
            prepare(paths)
            store = Store(paths.database)
            stack.callback(store.close)
            launcher = Launcher(self.launcher_pid, self.launcher_socket)
            stack.push_async_callback(launcher.close)
            await launcher.wait_ready()
            engine, sections = self.build(paths, store, launcher)
            server = Server(self.make_api(engine, sections))
            listening = sockets.open_all(self.config, tls_context(self.config))
            stack.callback(sockets.remove, listening)
            stack.push_async_callback(engine.stop)
            await engine.start()
            trash.empty(paths)
            stack.push_async_callback(server.stop)
            for item in listening:
                warn_exposed(self.config, item)
                await server.listen(item.socket, item.context)
            self.watch_signals(engine)
            # Start-up garbage lives as long as the daemon: collections need not look at it again.
            gc.collect()
            gc.freeze()
            ready(listening)
            await self.ended.wait()
            notify("STOPPING=1")
            if self.stop_containers:
                await engine.containers.stop_all()
        return 0

    def build(self, paths: Paths, store: Store, launcher: Launcher) -> tuple[Engine, list[web.RouteDef]]:
        """The engine, and the builder on top of it as sections of the API."""
        config, events = self.config, Events()
        settings, records = Settings(config), Records(store)
        images = Images(
            config=config,
            paths=paths,
            store=store,
            events=events,
            in_use=records.users_of,
            apply_changes=apply_changes,
        )
        volumes = Volumes(paths=paths, store=store, events=events, launcher=launcher, images=images)
        networks = Networks(
            config=config, paths=paths, store=store, events=events, launcher=launcher, containers=records
        )
        containers = Containers(
            paths=paths,
            settings=settings,
            records=records,
            events=events,
            launcher=launcher,
            images=images,
            volumes=volumes,
            networks=networks,
        )
        builder = Builder(
            config=config,
            paths=paths,
            store=store,
            images=images,
            containers=containers,
            networks=networks,
        )
        engine = Engine(
            config=config,
            paths=paths,
            store=store,
            events=events,
            launcher=launcher,
            images=images,
            volumes=volumes,
            networks=networks,
            containers=containers,
            execs=containers.execs,
            logs=Logs(paths, events),
            builder=builder,
            shutdown=self.end,
        )
        sections = routes(builder, paths=paths, store=store, images=images, networks=networks)
        return engine, sections

    def end(self, stop_containers: bool) -> None:
        self.stop_containers = stop_containers
        self.ended.set()

    def watch_signals(self, engine: Engine) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end, False)
        loop.add_signal_handler(signal.SIGHUP, self.reload, engine)

    def reload(self, engine: Engine) -> None:
        try:
            self.config = reload(self.config)
        except SampanError as error:
            log.error("daemon.json was not taken over: %s", error)
            return
        daemonlog.set_up(self.config)
        engine.reconfigure(self.config)
        log.info("daemon.json was read again")


def apply_changes(config: ContainerConfig, changes: Sequence[str]) -> ContainerConfig:
    from sampan.builder.plan.changes import apply_changes  # the parser costs 60 ms

    return apply_changes(config, changes)


def tls_context(config: DaemonConfig) -> ssl.SSLContext | None:
    if not config.use_tls:
        return None
    return server_context(config.tlscert, config.tlskey, config.tlscacert if config.tlsverify else "")


def take_lock(paths: Paths, pidfile: str) -> int:
    """Keep a second daemon away from these roots. Raises Failed when one is running."""
    paths.exec.mkdir(parents=True, exist_ok=True, mode=0o711)
    descriptor = os.open(paths.pidfile, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.read(descriptor, 32).decode(errors="replace").strip()
        os.close(descriptor)
        raise Failed(
            f"cannot start: process {other} already runs an engine on {paths.exec}",
            hint="stop it first, or choose another --exec-root and --data-root",
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    if pidfile:
        Path(pidfile).write_text(f"{os.getpid()}\n")
    return descriptor


def release_lock(descriptor: int, paths: Paths, pidfile: str) -> None:
    # The lock file itself stays: unlinking it would let two daemons hold two different files.
    os.ftruncate(descriptor, 0)
    os.close(descriptor)
    if pidfile:
        with suppress(FileNotFoundError):
            os.unlink(pidfile)


def prepare(paths: Paths) -> None:
    """Make the trees of paths.py. Raises Failed for a data root of a newer Sampan."""
    for path in (paths.data, paths.containers, paths.volumes, paths.tmp, paths.trash, paths.layers):
        path.mkdir(parents=True, exist_ok=True, mode=0o710)
    (paths.exec / "containers").mkdir(parents=True, exist_ok=True, mode=0o710)
    durable.sync(paths.data)
    if not paths.format.exists():
        durable.write(paths.format, (FORMAT + "\n").encode())
        durable.sync(*paths.data.parents)
    found = paths.format.read_text().strip()
    if found != FORMAT:
        raise Failed(f"{paths.data} has format {found}, this version of Sampan knows {FORMAT}")
    # What a daemon that died was in the middle of.
    trash.discard(paths, *paths.tmp.iterdir())


def warn_exposed(config: DaemonConfig, item: sockets.Listening) -> None:
    if item.address.startswith("tcp://"):
        warning = exposure_warning(
            item.address.removeprefix("tcp://"), encrypted=item.context is not None, verified=config.tlsverify
        )
        if warning:
            log.warning("%s", warning)


def ready(listening: list[sockets.Listening]) -> None:
    for item in listening:
        log.info("API listen on %s", item.address)
    notify(f"READY=1\nMAINPID={os.getpid()}")


def notify(message: str) -> None:
    """Tell systemd, when it started us. sd_notify(3)"""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, suppress(OSError):
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(message.encode())
