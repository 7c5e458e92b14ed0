"""The daemon's end of a connection to a shim or a task, on asyncio. protocol.py has the messages."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from sampan import errors
from sampan.runtime.protocol import ErrorReply

_MESSAGE = 1 << 18


def raise_reply(reply: ErrorReply) -> None:
    """The failure as the exception it was (`kind` names a class of sampan.errors)."""
    kind = getattr(errors, reply["kind"], None)
    if not (isinstance(kind, type) and issubclass(kind, errors.SampanError)):
        kind = errors.Failed  # what is said in a container may come from one who traces the speaker
    raise kind(reply["message"])


class Channel:
    """One end of a SOCK_SEQPACKET connection: JSON objects, with descriptors going out."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self.on_message: Callable[[dict[str, Any]], None] = lambda message: None
        self.on_close: Callable[[], None] = lambda: None
        self._loop.add_reader(connection.fileno(), self._readable)
        self.closed = False

    def _readable(self) -> None:
        for _ in range(64):  # then let others have a turn
            if self.closed:
                return
            try:
                data = self._socket.recv(_MESSAGE)
            except BlockingIOError:
                return
            except ConnectionResetError:
                continue  # it left something of ours unread: said once, before what it has sent
            except OSError:
                data = b""
            if not data:
                self.close()
                self.on_close()
                return
            self.on_message(orjson.loads(data))

    async def send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Raises Unavailable when nobody is there to receive."""
        data = orjson.dumps(message)
        while True:
            if self.closed:
                raise errors.Unavailable("the container's shim is gone")
            try:
                socket.send_fds(self._socket, [data], fds)
                return
            except BlockingIOError:
                await self._writable()
            except OSError as error:
                raise errors.Unavailable(f"the container's shim does not answer: {error.strerror}") from None

    async def _writable(self) -> None:
        ready = self._loop.create_future()
        descriptor = self._socket.fileno()
        self._loop.add_writer(descriptor, lambda: None if ready.done() else ready.set_result(None))
        try:
            await ready
        finally:
            self._loop.remove_writer(descriptor)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
