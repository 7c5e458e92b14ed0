"""Carries what the kernel cannot rewrite from a held port to its container: see ports.py.

That is connections from [::1], those from IPv6 to a container that has only IPv4, and, in the instant after
somebody flushed the firewall, any. Like docker-proxy, but in the daemon: such connections end with it.
"""

import asyncio
import contextlib
import errno
import socket
from dataclasses import dataclass, field

from sampan.linux.rtnetlink import Address

BUFFER = 64 << 10
CONNECT_TIMEOUT = 10.0
UDP_IDLE = 90.0  # docker-proxy's
UDP_FLOWS = 1024
CONNECTIONS = 2048  # of one port; two descriptors each
BREATHER = 0.5  # seconds to wait when the process has no descriptor left


async def _copy(source: socket.socket, sink: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    buffer = bytearray(BUFFER)
    view = memoryview(buffer)
    with contextlib.suppress(OSError):
        while count := await loop.sock_recv_into(source, view):
            await loop.sock_sendall(sink, view[:count])
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@dataclass
class Relay:
    """Serves one held socket until `close`."""

    held: socket.socket
    target: Address
    port: int
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _resume: asyncio.TimerHandle | None = None
    _flows: dict[tuple[str, int], tuple[socket.socket, float]] = field(default_factory=dict)

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        datagrams = self.held.type == socket.SOCK_DGRAM
        loop.add_reader(self.held, self._datagrams if datagrams else self._accept)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.held)
        if self._resume is not None:
            self._resume.cancel()
        for task in self._tasks:
            task.cancel()
        for client in list(self._flows):
            self._end_flow(client)

    def _accept(self) -> None:
        for _ in range(64):
            try:
                client, _ = self.held.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._pause()
                return
            if len(self._tasks) >= CONNECTIONS:
                client.close()
                continue
            client.setblocking(False)
            task = asyncio.get_running_loop().create_task(self._serve(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _pause(self) -> None:
        """The connection stays in the queue; without a pause the loop would only spin on it."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.held)
        self._resume = loop.call_later(BREATHER, self.start)

    def _open(self, kind: int) -> socket.socket:
        family = socket.AF_INET if self.target.version == 4 else socket.AF_INET6
        upstream = socket.socket(family, kind)
        upstream.setblocking(False)
        return upstream

    async def _serve(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with client, self._open(socket.SOCK_STREAM) as upstream:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await loop.sock_connect(upstream, (str(self.target), self.port))
            except (OSError, TimeoutError):
                return
            await asyncio.gather(_copy(client, upstream), _copy(upstream, client))

    def _datagrams(self) -> None:
        """From clients to the container; each client has a socket of its own, by which answers find back."""
        for _ in range(64):
            try:
                data, client = self.held.recvfrom(65536)
            except OSError:
                return
            upstream = self._flow(client)
            with contextlib.suppress(OSError):
                upstream.send(data)

    def _flow(self, client: tuple[str, int]) -> socket.socket:
        loop = asyncio.get_running_loop()
        now = loop.time()
        known = self._flows.pop(client, None)
        if known is None:
            self._expire(now)
            upstream = self._open(socket.SOCK_DGRAM)
            upstream.connect((str(self.target), self.port))
            loop.add_reader(upstream, self._answer, upstream, client)
        else:
            upstream = known[0]
        self._flows[client] = (upstream, now)
        return upstream

    def _answer(self, upstream: socket.socket, client: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            self.held.sendto(upstream.recv(65536), client)

    def _expire(self, now: float) -> None:
        for client, (_, used) in list(self._flows.items()):
            if now - used < UDP_IDLE and len(self._flows) < UDP_FLOWS:
                break
            self._end_flow(client)

    def _end_flow(self, client: tuple[str, int]) -> None:
        upstream, _ = self._flows.pop(client)
        asyncio.get_running_loop().remove_reader(upstream)
        upstream.close()
