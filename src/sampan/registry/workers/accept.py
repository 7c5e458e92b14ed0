"""Taking connections from a socket that several processes listen on.

One connection for each turn of the event loop: whoever is idle is there first, so connections spread by load.
(asyncio's own server takes all that wait at once, and one worker ends up with everything.)
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable

log = logging.getLogger("sampan.registry")

HANDSHAKE_SECONDS = 20.0
PAUSE = 1.0  # seconds without accepting when descriptors or memory have run out
# To a client on this machine the kernel would queue tens of megabytes, which have left the CPU's caches by
# the time they are read: 64 MiB by sendfile cost both sides together 48 ms of CPU time, limited 32 ms.
NEAR_BUFFER = 256 << 10
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """Hands every connection to a new protocol until it is closed."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._listener = listener
        self._protocol = protocol
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        listener.setblocking(False)
        self._loop.add_reader(listener.fileno(), self._ready)

    def close(self) -> None:
        """Accept no more; handshakes in progress are given up."""
        self._closed = True
        self._loop.remove_reader(self._listener.fileno())
        for task in self._tasks:
            task.cancel()

    def _ready(self) -> None:
        try:
            sock, address = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process was faster, or the client has gone
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            log.error("cannot accept connections: %s", error.strerror)
            self._loop.remove_reader(self._listener.fileno())
            self._loop.call_later(PAUSE, self._resume)
            return
        if is_loopback(address):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NEAR_BUFFER)
        task = self._loop.create_task(self._connect(sock))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener.fileno(), self._ready)

    async def _connect(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        timeout = HANDSHAKE_SECONDS if self._context else None
        try:
            await self._loop.connect_accepted_socket(
                self._protocol, sock, ssl=self._context, ssl_handshake_timeout=timeout
            )
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            sock.close()  # no TLS, a certificate they do not like, a client that went away: theirs to notice


def is_loopback(address: object) -> bool:
    host = str(address[0]) if isinstance(address, tuple) else ""
    return host.startswith(("127.", "::ffff:127.")) or host == "::1"
