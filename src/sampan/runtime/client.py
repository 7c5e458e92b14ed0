"""The daemon's side of launcher and shims, on asyncio. protocol.py has the messages.

No threads and no forks here: a launcher that died is replaced by another one.
"""

import _socket
import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from sampan import errors
from sampan.linux import sockets
from sampan.paths import ContainerPaths
from sampan.runtime import launcher
from sampan.runtime.channel import Channel, raise_reply
from sampan.runtime.protocol import Attach, ExecRequest, StartRequest, Status
from sampan.specs.oci.runtime import IdMapping

log = logging.getLogger(__name__)


class Shim:
    """A container's shim, as long as it lives. Made by Launcher.start or Shim.connect."""

    def __init__(self, paths: ContainerPaths, channel: Channel) -> None:
        self.paths = paths
        self.pid = 0
        self.started_at = ""
        self.cgroup = ""  # of one that was there already
        self.vanished = False
        self._channel = channel
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._callbacks: list[Callable[[dict[str, Any]], None]] = []
        self._early: list[dict[str, Any]] = []
        self._started: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        channel.on_message = self._received
        channel.on_close = self._gone

    @classmethod
    async def connect(cls, paths: ContainerPaths) -> "Shim":
        """To the shim a former daemon left behind. Raises Unavailable when none listens."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            # The path may be longer than sockaddr_un takes.
            directory = os.open(paths.exec, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                connection.connect(f"/proc/self/fd/{directory}/{paths.shim_socket.name}")
            finally:
                os.close(directory)
        except OSError as error:
            connection.close()
            raise errors.Unavailable(f"the shim of container {paths.id} does not answer: {error}") from None
        shim = cls(paths, Channel(connection))
        try:
            status = await shim.status()
        except BaseException:
            shim.close()
            raise
        shim.pid, shim.started_at, shim.cgroup = status["pid"], status["started_at"], status["cgroup"]
        return shim

    def on_event(self, callback: Callable[[dict[str, Any]], None]) -> None:
        """Events from now on, and those that came before anyone asked; last of all {"event": "gone"}."""
        self._callbacks.append(callback)
        early, self._early = self._early, []
        for event in early:
            callback(event)

    def _received(self, message: dict[str, Any]) -> None:
        if "seq" in message:
            waiting = self._waiting.pop(message["seq"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        elif message["event"] in ("started", "failed"):
            if not self._started.done():
                self._started.set_result(message)
        else:
            self._emit(message)

    def _emit(self, event: dict[str, Any]) -> None:
        if not self._callbacks:
            self._early.append(event)
        for callback in list(self._callbacks):
            callback(event)

    def _gone(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(errors.Unavailable(f"the shim of container {self.paths.id} is gone"))
        self._waiting.clear()
        if not self._started.done():
            failed = {"kind": "Failed", "message": "the container's shim died during the start"}
            self.vanished = True
            self._started.set_result({"event": "failed", "error": failed})
        self._emit({"event": "gone"})

    async def wait_started(self) -> None:
        """Until it runs or cannot; `check_started` tells which."""
        await self._started

    def check_started(self) -> None:
        """Raises what kept the container from running."""
        message = self._started.result()
        if message["event"] == "failed":
            self.close()
            raise_reply(message["error"])
        self.pid, self.started_at = message["pid"], message["started_at"]

    async def _call(self, message: dict[str, Any], fds: Sequence[int] = ()) -> dict[str, Any]:
        number = next(self._numbers)
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            await self._channel.send({**message, "seq": number}, fds)
            answer = await waiting
        finally:
            self._waiting.pop(number, None)
        if error := answer.get("error"):
            raise_reply(error)
        return answer

    async def exec(self, request: ExecRequest, fd: int | None) -> int:
        """Start a process in the container; its pid on the host. `fd` goes to request["attach"]."""
        write_json(self.paths.execs / f"{request['id']}.json", request)
        fds = [] if fd is None else [fd]
        return int((await self._call({"op": "exec", "id": request["id"]}, fds))["pid"])

    async def attach(self, attach: Attach, fd: int) -> None:
        await self._call({"op": "attach", "attach": attach}, [fd])

    async def kill(self, signal: int, exec: str | None = None) -> None:
        await self._call({"op": "kill", "signal": signal, "exec": exec})

    async def resize(self, height: int, width: int, exec: str | None = None) -> None:
        await self._call({"op": "resize", "height": height, "width": width, "exec": exec})

    async def reopen_log(self) -> None:
        await self._call({"op": "reopen-log"})

    async def status(self) -> Status:
        answer = await self._call({"op": "status"})
        del answer["seq"]
        return answer  # type: ignore[return-value]

    def close(self) -> None:
        """Close the connection; the shim continues."""
        self._channel.close()


class Task:
    """A running task; it ends by itself, or by `cancel`."""

    def __init__(self, channel: Channel, request: Path) -> None:
        self._channel = channel
        self._request = request
        self._answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.on_message: Callable[[dict[str, Any]], None] = lambda message: None
        channel.on_message = self._received
        channel.on_close = self._gone

    def _received(self, message: dict[str, Any]) -> None:
        if "result" in message or "error" in message:
            if not self._answer.done():
                self._answer.set_result(message)
            self._channel.close()
        else:
            self.on_message(message)

    def _gone(self) -> None:
        if not self._answer.done():
            self._answer.set_result({"error": {"kind": "Failed", "message": "the task died"}})

    async def wait(self) -> dict[str, Any]:
        """Its result; raises what it raised."""
        try:
            message = await self._answer
        finally:
            self._request.unlink(missing_ok=True)
        if error := message.get("error"):
            raise_reply(error)
        result: dict[str, Any] = message["result"]
        return result

    def cancel(self) -> None:
        """The task reads the end of "control", or gets SIGPIPE, and stops."""
        self._channel.close()
        self._gone()


class Launcher:
    """The one process that forks; see runtime/launcher.py."""

    def __init__(self, pid: int, connection: _socket.socket) -> None:
        self.pid = pid
        self._use(connection)
        self._numbers = count(1)
        self._restarting = asyncio.Lock()

    async def start(
        self,
        paths: ContainerPaths,
        request: StartRequest,
        netns: int | None = None,
        attach: Sequence[int] = (),
        userns: int | None = None,
        layers: Mapping[int, int] | None = None,
        mounts: Mapping[int, int] | None = None,
    ) -> Shim:
        """Start a container; the descriptors stay the caller's. Raises as runc and Docker word it.

        `userns` is the user namespace that owns `netns`; without, the shim makes one where the spec wants it.
        `layers`: mounts of layers by their position in "lower", to be copied instead of mounted once more.
        `mounts`: file systems made already, by their position in the spec's "mounts".
        On failure nothing is left of <exec-root>/containers/<id>.
        """
        given = {"netns": netns, "userns": userns, **{f"attach:{n}": fd for n, fd in enumerate(attach)}}
        given |= {f"layer:{position}": fd for position, fd in (layers or {}).items()}
        given |= {f"mount:{position}": fd for position, fd in (mounts or {}).items()}
        named = {name: fd for name, fd in given.items() if fd is not None}
        message = {"op": "start", "dir": str(paths.exec), "fds": ["control", *named]}
        fds = list(named.values())
        paths.execs.mkdir(parents=True, exist_ok=True)
        try:
            for stale in (paths.exit, paths.state, paths.shim_socket):
                stale.unlink(missing_ok=True)
            write_json(paths.start_request, request)
            launcher = self._socket
            shim = await self._start(paths, message, fds)
            if shim.vanished and self._is_dead(launcher):
                # It took the message with it: nothing was started.
                shim = await self._start(paths, message, fds)
            shim.check_started()
        except BaseException:
            remove_tree(paths.exec)
            raise
        return shim

    async def _start(self, paths: ContainerPaths, message: dict[str, Any], fds: Sequence[int]) -> Shim:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        shim = Shim(paths, Channel(ours))
        try:
            await self._send(message, [theirs.fileno(), *fds])
            theirs.close()
            await shim.wait_started()
        except BaseException:
            shim.close()
            raise
        finally:
            theirs.close()
        return shim

    def _is_dead(self, launcher: socket.socket) -> bool:
        if launcher is not self._socket:
            return True  # and replaced
        try:
            return launcher.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    async def task(self, name: str, request: dict[str, Any], directory: Path, fds: dict[str, int]) -> Task:
        """Run sampan.runtime.<name> in a process of its own; its request lies in `directory` meanwhile."""
        path = directory / f"task-{os.getpid()}-{next(self._numbers)}.json"
        try:
            write_json(path, request)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        task = Task(Channel(ours), path)
        try:
            message = {"op": "task", "task": name, "request": str(path), "fds": ["control", *fds]}
            await self._send(message, [theirs.fileno(), *fds.values()])
        except BaseException:
            task.cancel()
            path.unlink(missing_ok=True)
            raise
        finally:
            theirs.close()
        return task

    async def user_network(
        self, uids: Sequence[IdMapping], gids: Sequence[IdMapping], directory: Path
    ) -> tuple[int, int]:
        """Descriptors of a new user namespace and a network namespace of its own. Raises Failed."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            request = {"uids": list(uids), "gids": list(gids)}
            task = await self.task("usernet", request, directory, {"reply": theirs.fileno()})
            await task.wait()
            ours.setblocking(False)
            _, (users, network) = sockets.receive(ours, 64, 2)
            return users, network

    async def _send(self, message: dict[str, Any], fds: Sequence[int]) -> None:
        data = json.dumps(message).encode()
        for attempt in (1, 2):
            connection = self._socket
            try:
                while True:
                    try:
                        socket.send_fds(connection, [data], fds)
                        return
                    except BlockingIOError:
                        await asyncio.sleep(0.001)
            except OSError as error:
                if attempt == 2:
                    raise errors.Unavailable(f"the launcher does not answer: {error.strerror}") from None
                log.warning("the launcher died; starting a new one")
                await self._restart(connection)

    @classmethod
    async def spawn(cls) -> "Launcher":
        """Start a launcher. Raises Unavailable when it does not come up."""
        made = cls(*launcher.spawn())
        await made.wait_ready()
        return made

    async def wait_ready(self) -> None:
        """Until it can take requests. Raises Unavailable when it cannot; then it has said why on stderr."""
        if await asyncio.get_running_loop().sock_recv(self._socket, 64) != launcher.READY:
            raise errors.Unavailable("the launcher did not start")

    async def _restart(self, dead: socket.socket) -> None:
        async with self._restarting:
            if self._socket is not dead:
                return  # another request has seen it as well
            dead.close()
            while not self._is_reaped():  # noqa: ASYNC110  its sockets close a moment before it is a zombie
                await asyncio.sleep(0.001)
            self.pid, connection = launcher.spawn()
            self._use(connection)
            await self.wait_ready()

    def _use(self, connection: _socket.socket) -> None:
        self._socket = socket.socket(fileno=connection.detach())
        self._socket.setblocking(False)

    def _is_reaped(self) -> bool:
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True

    async def close(self) -> None:
        """The launcher exits; shims go on."""
        self._socket.close()
        while not self._is_reaped():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def write_json(path: Path, content: Any) -> None:
    """For the other side to read at once, so neither renamed nor synced."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(orjson.dumps(content))
    finally:
        os.close(descriptor)


def read_exit(paths: ContainerPaths) -> dict[str, Any] | None:
    """How the container ended, if its shim saw it end."""
    return _read(paths.exit)


def read_status(paths: ContainerPaths) -> Status | None:
    """state.json as the shim, which may be gone by now, last wrote it; None when it is missing or no JSON."""
    return _read(paths.state)  # type: ignore[return-value]


def read_exec_exit(paths: ContainerPaths, exec_id: str) -> int | None:
    found = _read(paths.execs / f"{exec_id}.exit")
    return None if found is None else int(found["code"])


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return found


def remove_tree(path: Path) -> None:
    """<exec-root>/containers/<id>: a handful of files and one directory of files."""
    for root, directories, files in os.walk(path, topdown=False):
        for name in files:
            (Path(root) / name).unlink(missing_ok=True)
        for name in directories:
            (Path(root) / name).rmdir()
    path.rmdir()
