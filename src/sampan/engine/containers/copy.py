"""Moving files in and out of containers: archive, export, changes. The work is a task's (runtime/archive.py).

A stopped container stays locked while a task writes to its root, so that no start mounts it as well. One that
ends just now is as good as stopped, before the engine has heard of it.
"""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sampan.engine.containers.manager import Containers
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.volumes.volumes import Volumes
from sampan.errors import Conflict, Failed, NotFound, Unavailable
from sampan.linux import process
from sampan.paths import Paths
from sampan.runtime.client import Launcher, Task, read_status
from sampan.storage.changes import changes

CHUNK = 256 << 10
View = dict[str, Any]
T = TypeVar("T")


@dataclass
class Outgoing:
    """A tar stream that has begun; `stat` is what Docker's header holds, empty for an export."""

    stat: dict[str, Any]
    chunks: AsyncGenerator[bytes, None]


class Copies:
    """What `docker cp`, `export` and `diff` need, of stopped containers as well as of running ones."""

    def __init__(self, paths: Paths, launcher: Launcher, containers: Containers, volumes: Volumes) -> None:
        self._paths = paths
        self._launcher = launcher
        self._containers = containers
        self._volumes = volumes

    async def stat(self, ref: str, path: str) -> dict[str, Any]:
        """Raises NotFound, Failed."""

        async def work(view: View) -> dict[str, Any]:
            task = await self._task({"op": "stat", "path": path, **view}, {})
            found: dict[str, Any] = (await self._named(task.wait(), path, ref))["stat"]
            return found

        return await self._on_root(self._containers.get(ref), work)

    @asynccontextmanager
    async def get(self, ref: str, path: str) -> AsyncIterator[Outgoing]:
        """A tar of what lies at `path`. Raises NotFound, Failed."""
        record = self._containers.get(ref)
        async with self._outgoing(record, {"op": "get", "path": path}, ref, mounted=True) as outgoing:
            self._containers.emit(record, "archive-path")
            yield outgoing

    @asynccontextmanager
    async def export(self, ref: str) -> AsyncIterator[Outgoing]:
        """A tar of the whole filesystem, without volumes. Raises NotFound, Conflict, Failed."""
        record = self._containers.get(ref)
        if record.state.dead:
            raise Conflict(f"You cannot export container {ref} which is Dead")
        if record.state.removing:
            raise Conflict(f"You cannot export container {ref} which is being removed")
        async with self._outgoing(record, {"op": "export"}, ref, mounted=False) as outgoing:
            self._containers.emit(record, "export")
            yield outgoing

    async def put(
        self, ref: str, path: str, content: AsyncIterable[bytes], *, no_overwrite: bool, copy_ids: bool
    ) -> None:
        """Unpack a tar stream into the directory `path`. Raises NotFound, Failed, Invalid."""
        record = self._containers.get(ref)
        request = {
            "op": "put",
            "path": path,
            "no_overwrite": no_overwrite,
            "user": (record.config.get("User") or "") if copy_ids else "",
            "read_only": bool(record.host_config.get("ReadonlyRootfs")),
            "volumes": {p["Destination"]: p["RW"] for p in record.mount_points if p["Type"] != "tmpfs"},
        }

        async def work(view: View) -> None:
            ours, theirs = socket.socketpair()
            with ours:
                with theirs:
                    task = await self._task({**request, **view}, {"data": theirs.fileno()})
                await self._named(_feed(task, ours, content), path, ref)

        await self._on_root(record, work)
        self._containers.emit(record, "extract-to-dir")

    async def changes(self, ref: str) -> list[dict[str, Any]]:
        """What `docker diff` shows. Raises NotFound."""
        record = self._containers.get(ref)
        upper = self._paths.container(record.id).upper
        found = await asyncio.to_thread(changes, str(upper), record.lower)
        return [{"Path": change.path, "Kind": int(change.kind)} for change in found]

    # -- how

    async def _on_root(
        self, record: ContainerRecord, work: Callable[[View], Awaitable[T]], *, mounted: bool = True
    ) -> T:
        """`work` with where the files are, for runtime/rootview.py; under the lock, unless it runs."""
        common: View = {"directory": str(self._paths.tmp)}
        if mounted:
            common["mounts"] = await self._volumes.copy_mounts(record)
        while True:
            running = self._running(record)
            if running is not None:
                try:
                    return await work({**common, **running})
                except Unavailable:
                    if self._running(record) == running:
                        raise
            async with self._containers.lock(record.id):
                self._containers.get(record.id)  # it may have removed itself
                if self._running(record) is None:
                    return await work({**common, "rootfs": self._stopped(record)})
            # It was started again.

    def _running(self, record: ContainerRecord) -> View | None:
        """None as well when its process has ended, and only the engine has not heard yet."""
        status = read_status(self._paths.container(record.id)) if record.state.running else None
        if status is None or process.is_exiting(status["pid"]):
            return None
        if process.start_time(status["pid"]) != status["pid_start"]:
            return None
        return {"pid": status["pid"], "pid_start": status["pid_start"]}

    def _stopped(self, record: ContainerRecord) -> dict[str, Any]:
        paths = self._paths.container(record.id)
        return {
            "type": "overlay",
            "lower": record.lower,
            "upper": str(paths.upper),
            "work": str(paths.work),
        }

    async def _task(self, request: dict[str, Any], fds: dict[str, int]) -> Task:
        return await self._launcher.task("archive", request, self._paths.tmp, fds)

    @asynccontextmanager
    async def _outgoing(
        self, record: ContainerRecord, request: dict[str, Any], ref: str, *, mounted: bool
    ) -> AsyncIterator[Outgoing]:
        """A task that sends a line of JSON once it has entered the root, and then a tar stream."""
        async with AsyncExitStack() as stack:

            async def begin(view: View) -> Outgoing:
                async with AsyncExitStack() as undo:
                    task, reader = await undo.enter_async_context(self._reading({**request, **view}))
                    try:
                        line = await reader.readuntil(b"\n")
                    except asyncio.IncompleteReadError:
                        await self._named(task.wait(), request.get("path", ""), ref)
                        raise Failed(f"reading from container {ref}: nothing was sent") from None
                    stack.push_async_exit(undo.pop_all())
                    return Outgoing(json.loads(line), _chunks(reader, task))

            # Once it has begun, its root is mounted, and only read: the container may start.
            yield await self._on_root(record, begin, mounted=mounted)

    @asynccontextmanager
    async def _reading(self, request: dict[str, Any]) -> AsyncIterator[tuple[Task, asyncio.StreamReader]]:
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            try:
                task = await self._task(request, {"data": theirs.fileno()})
            except BaseException:
                ours.close()
                raise
        reader, writer = await asyncio.open_connection(sock=ours, limit=CHUNK)
        try:
            yield task, reader
        finally:
            # A task still writing gets EPIPE and ends.
            task.cancel()
            writer.close()
            with suppress(Exception):
                await task.wait()

    async def _named(self, waiting: Any, path: str, ref: str) -> dict[str, Any]:
        """The task knows paths only; Docker's sentence names the container too."""
        try:
            result: dict[str, Any] = await waiting
            return result
        except NotFound:
            raise NotFound(f"Could not find the file {path} in container {ref}") from None


async def _chunks(reader: asyncio.StreamReader, task: Task) -> AsyncGenerator[bytes, None]:
    """The stream to its end. Raises what went wrong in the task, so that the client sees a cut stream."""
    while data := await reader.read(CHUNK):
        yield data
    await task.wait()


async def _feed(task: Task, ours: socket.socket, content: AsyncIterable[bytes]) -> dict[str, Any]:
    """The request's body into the task, at the task's pace; its result."""
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        if not await loop.sock_recv(ours, 1):  # it could not enter the root
            return await task.wait()
        with suppress(BrokenPipeError, ConnectionResetError):  # it refused: its result says why
            async for chunk in content:
                await loop.sock_sendall(ours, chunk)
            ours.shutdown(socket.SHUT_WR)
        return await task.wait()
    except BaseException:
        task.cancel()
        with suppress(Exception):
            await task.wait()
        raise
