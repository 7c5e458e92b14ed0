"""Taking connections from a socket that several processes listen on.

One connection for each turn of the event loop: whoever is idle is there first, so connections spread by load.
(asyncio's own server takes all that wait at once, and one worker ends up with everything.)
"""

import asyncio
import errno
import logging
import socket
import ssl
from contextlib import suppress

from sampan.http.app import BACKLOG
from sampan.registry.workers.connections import Connections, is_late, room
from sampan.tasks import Tasks

log = logging.getLogger("sampan.registry")

HANDSHAKE_SECONDS = 20.0
PAUSE = 0.1  # seconds without accepting when there is no room, or descriptors or memory have run out
# To a client on this machine the kernel would queue tens of megabytes, which have left the CPU's caches by
# the time they are read: 64 MiB by sendfile cost both sides together 48 ms of CPU time, limited 32 ms.
NEAR_BUFFER = 256 << 10
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """Hands every connection to `connections` until it is closed; the listener is its own."""

    def __init__(
        self,
        listener: socket.socket,
        connections: Connections,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._listener = listener
        self._connections = connections
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._tasks = Tasks()
        self._handshakes: dict[asyncio.Task[None], float] = {}
        self._room = room()
        self._closed = False
        listener.setblocking(False)
        self._loop.add_reader(listener.fileno(), self._ready)

    def close(self) -> None:
        """Take what waits already, then refuse: new connections at once, once no process listens any more."""
        self._closed = True
        self._loop.remove_reader(self._listener.fileno())
        with suppress(OSError):  # no descriptor is left
            for _ in range(BACKLOG + 1):
                if not self._accept():
                    break
        self._listener.close()

    def close_waiting(self, patience: float) -> bool:
        """Give up handshakes older than `patience` seconds; whether there are others."""
        since = self._loop.time() - patience
        for task, begun in self._handshakes.items():
            if begun <= since:
                task.cancel()
        return any(begun > since for begun in self._handshakes.values())

    async def stop(self) -> None:
        """Wait until no handshake is left."""
        await self._tasks.stop()

    def _ready(self) -> None:
        if not self._make_room():
            self._pause()
            return
        try:
            self._accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            log.error("cannot accept connections: %s", error.strerror)
            self._shed()
            self._pause()

    def _accept(self) -> bool:
        """Whether there was one."""
        try:
            sock, address = self._listener.accept()
        except (InterruptedError, ConnectionAbortedError):
            return True  # the client has gone
        except BlockingIOError:
            return False  # another process was faster
        if is_loopback(address):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NEAR_BUFFER)
        task = self._tasks.spawn(self._connect(sock))
        self._handshakes[task] = self._loop.time()
        task.add_done_callback(self._handshakes.pop)
        return True

    def _make_room(self) -> bool:
        """Whether another connection can be had, perhaps for the idlest."""
        if self._connections.descriptors + len(self._handshakes) < self._room:
            return True
        return self._shed()

    def _shed(self) -> bool:
        """Close what has waited longest. False when nothing waits: all are being answered."""
        idlest = self._connections.idlest()
        task, begun = next(iter(self._handshakes.items()), (None, 0.0))
        if task is not None and is_late(begun, self._loop.time()) and (idlest is None or begun < idlest[1]):
            return task.cancel()
        if idlest is not None:
            self._connections.shed(idlest[0])
        return idlest is not None

    def _pause(self) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._loop.call_later(PAUSE, self._resume)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener.fileno(), self._ready)

    async def _connect(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        timeout = HANDSHAKE_SECONDS if self._context else None
        try:
            await self._loop.connect_accepted_socket(
                self._connections, sock, ssl=self._context, ssl_handshake_timeout=timeout
            )
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            sock.close()  # no TLS, a certificate they do not like, a client that went away: theirs to notice


def is_loopback(address: object) -> bool:
    host = str(address[0]) if isinstance(address, tuple) else ""
    return host.startswith(("127.", "::ffff:127.")) or host == "::1"
