"""A shim's control connections: SOCK_SEQPACKET, one JSON object per message. protocol.py has the messages."""

from __future__ import annotations

import os
from _collections import deque  # type: ignore[import-not-found]

from sampan.linux import sockets
from sampan.runtime.jsontext import decode, encode
from sampan.runtime.loop import IN, OUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sampan.runtime.loop import Loop

MESSAGE = 1 << 18  # an attach request carries what its client has sent already
_MAX_FDS = 4
_MAX_WAITING = 1024


class Control:
    """Every connection there is; events go to all of them, a reply to the one that asked."""

    def __init__(
        self,
        loop: Loop,
        handle: Callable[[Connection, dict[str, Any], list[int]], None],
        deserted: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = loop
        self._handle = handle
        self._deserted = deserted  # the last connection has closed
        self._connections: list[Connection] = []
        self._listener: sockets.Socket | None = None

    def listen(self, directory: str) -> None:
        """On <directory>/shim.sock. By a relative name: the whole path may exceed sockaddr_un's 107 bytes."""
        listener = sockets.listener()
        os.chdir(directory)
        try:
            try:
                os.unlink("shim.sock")
            except FileNotFoundError:
                pass
            previous = os.umask(0o177)
            listener.bind("shim.sock")
            os.umask(previous)
        finally:
            os.chdir("/")
        listener.listen(16)
        self._listener = listener
        self._loop.watch(listener.fileno(), IN, self._accept)

    def stop_listening(self, directory: str) -> None:
        if self._listener is not None:
            self._loop.forget(self._listener.fileno())
            self._listener.close()
            self._listener = None
            try:
                os.unlink(f"{directory}/shim.sock")
            except FileNotFoundError:
                pass

    def _accept(self, _events: int) -> None:
        assert self._listener is not None
        try:
            connection = sockets.accept(self._listener)
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.add(connection)

    def add(self, connection: sockets.Socket) -> None:
        connection.setblocking(False)
        self._connections.append(Connection(self._loop, connection, self._handle, self._ended))

    def _ended(self, connection: Connection) -> None:
        self._connections.remove(connection)
        if not self._connections:
            self._deserted()

    def broadcast(self, event: dict[str, Any]) -> None:
        for connection in list(self._connections):
            connection.send(event)

    @property
    def connected(self) -> bool:
        return bool(self._connections)

    @property
    def flushed(self) -> bool:
        return all(connection.flushed for connection in self._connections)


class Connection:
    def __init__(
        self,
        loop: Loop,
        connection: sockets.Socket,
        handle: Callable[[Connection, dict[str, Any], list[int]], None],
        on_close: Callable[[Connection], None],
    ) -> None:
        self._loop = loop
        self._socket = connection
        self._handle = handle
        self._on_close = on_close
        self._waiting: deque[bytes] = deque()
        self._open = True
        loop.watch(connection.fileno(), IN, self._ready)

    def send(self, message: dict[str, Any]) -> None:
        if self._open:
            self._waiting.append(encode(message))
            self._flush()

    @property
    def flushed(self) -> bool:
        return not self._waiting

    def _flush(self) -> None:
        while self._waiting:
            try:
                self._socket.send(self._waiting[0])
            except BlockingIOError:
                break
            except OSError:
                self._close()
                return
            self._waiting.popleft()
        if len(self._waiting) > _MAX_WAITING:  # a daemon that reads nothing will find the files later
            self._close()
            return
        self._loop.watch(self._socket.fileno(), IN | OUT if self._waiting else IN, self._ready)

    def _ready(self, events: int) -> None:
        if events & OUT:
            self._flush()
        if not self._open or not events & ~OUT:
            return
        try:
            data, fds = sockets.receive(self._socket, MESSAGE, _MAX_FDS)
        except BlockingIOError:
            return
        except OSError:
            self._close()
            return
        if not data:
            self._close()
            return
        try:
            message = decode(data)
        except ValueError:
            message = None
        if not isinstance(message, dict):  # not our daemon
            for fd in fds:
                os.close(fd)
            self._close()
            return
        self._handle(self, message, fds)

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._waiting.clear()
            self._loop.forget(self._socket.fileno())
            self._socket.close()
            self._on_close(self)
