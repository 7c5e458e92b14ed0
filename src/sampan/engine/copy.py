"""Moving files in and out of containers: archive, export, changes. The work is a task's (runtime/archive.py).

A stopped container stays locked while a task writes to its root, so that no start mounts it as well.
"""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sampan.engine.containers import Containers
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.volumes import Volumes
from sampan.errors import Conflict, Failed, NotFound
from sampan.paths import Paths
from sampan.runtime.client import Launcher, Task, read_status
from sampan.storage.changes import changes

CHUNK = 256 << 10
STAT_LIMIT = 64 << 10


@dataclass
class Outgoing:
    """A tar stream that has begun; `stat` is what Docker's header holds, empty for an export."""

    stat: dict[str, Any]
    chunks: AsyncGenerator[bytes, None]


class Copies:
    def __init__(self, paths: Paths, launcher: Launcher, containers: Containers, volumes: Volumes) -> None:
        self._paths = paths
        self._launcher = launcher
        self._containers = containers
        self._volumes = volumes

    async def stat(self, ref: str, path: str) -> dict[str, Any]:
        """Raises NotFound, Failed."""
        record = self._containers.get(ref)
        async with self._held(record):
            task = await self._task({"op": "stat", "path": path, **await self._view(record)}, {})
            found: dict[str, Any] = (await self._named(task.wait(), path, ref))["stat"]
            return found

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
        async with self._held(record):
            request = {
                "op": "put",
                "path": path,
                "no_overwrite": no_overwrite,
                "user": (record.config.get("User") or "") if copy_ids else "",
                "read_only": bool(record.host_config.get("ReadonlyRootfs")),
                "volumes": {p["Destination"]: p["RW"] for p in record.mount_points if p["Type"] != "tmpfs"},
                **await self._view(record),
            }
            ours, theirs = socket.socketpair()
            with ours:
                with theirs:
                    task = await self._task(request, {"data": theirs.fileno()})
                await self._named(_feed(task, ours, content), path, ref)
        self._containers.emit(record, "extract-to-dir")

    async def changes(self, ref: str) -> list[dict[str, Any]]:
        """What `docker diff` shows. Raises NotFound."""
        record = self._containers.get(ref)
        upper = self._paths.container(record.id).upper
        found = await asyncio.to_thread(changes, str(upper), record.lower)
        return [{"Path": change.path, "Kind": int(change.kind)} for change in found]

    # -- how

    @asynccontextmanager
    async def _held(self, record: ContainerRecord) -> AsyncIterator[None]:
        """A stopped container's lock; a running one may do what it wants."""
        if record.state.running:
            yield
            return
        async with self._containers.lock(record.id):
            yield

    async def _view(self, record: ContainerRecord, *, mounted: bool = True) -> dict[str, Any]:
        """Where the container's files are, for runtime/rootview.py."""
        paths = self._paths.container(record.id)
        view: dict[str, Any] = {"directory": str(self._paths.tmp)}
        status = read_status(paths) if record.state.running else None
        if status is not None:
            view |= {"pid": status["pid"], "pid_start": status["pid_start"]}
        else:
            view["rootfs"] = {
                "type": "overlay",
                "lower": record.lower,
                "upper": str(paths.upper),
                "work": str(paths.work),
            }
        if mounted:
            view["mounts"] = await self._volumes.copy_mounts(record)
        return view

    async def _task(self, request: dict[str, Any], fds: dict[str, int]) -> Task:
        return await self._launcher.task("archive", request, self._paths.tmp, fds)

    @asynccontextmanager
    async def _outgoing(
        self, record: ContainerRecord, request: dict[str, Any], ref: str, *, mounted: bool
    ) -> AsyncIterator[Outgoing]:
        """A task that sends a line of JSON once it has entered the root, and then a tar stream."""
        async with AsyncExitStack() as stack:
            async with self._held(record):
                request |= await self._view(record, mounted=mounted)
                task, reader = await stack.enter_async_context(self._reading(request))
                try:
                    line = await reader.readuntil(b"\n")
                except asyncio.IncompleteReadError:
                    await self._named(task.wait(), request.get("path", ""), ref)
                    raise Failed(f"reading from container {ref}: nothing was sent") from None
            # Its root is mounted, and only read from now on: the container may start.
            yield Outgoing(json.loads(line), _chunks(reader, task))

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
