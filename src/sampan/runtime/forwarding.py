"""Forwards what arrives at a published port's socket to its container: streams, and datagrams with answers.

For what the kernel cannot rewrite (sampan.network.ports says what that is). Each connection has a buffer per
direction: a side is read only while the other has taken all that came before.
"""

from __future__ import annotations

import time

from sampan.linux import sockets
from sampan.runtime.loop import HANGUP, IN, OUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sampan.runtime.loop import Loop, Timer

CHUNK = 64 << 10
CONNECT_TIMEOUT = 10.0
CONNECTIONS = 2048  # of one port; two descriptors each
BREATHER = 0.5  # seconds to wait when the process has no descriptor left
UDP_IDLE = 90.0  # docker-proxy's
UDP_FLOWS = 1024


def carrier(loop: Loop, held: sockets.Socket, address: str, port: int) -> Streams | Datagrams:
    """Serves `held`, which becomes its own, until `close`."""
    held.setblocking(False)
    kind = Datagrams if held.type == sockets.SOCK_DGRAM else Streams
    return kind(loop, held, address, port)


class Streams:
    def __init__(self, loop: Loop, held: sockets.Socket, address: str, port: int) -> None:
        self._loop = loop
        self._held = held
        self._pause: Timer | None = None
        self._connections: set[_Connection] = set()
        self.target = (address, port)
        self._listen()

    def _listen(self) -> None:
        self._loop.watch(self._held.fileno(), IN, self._accept)

    def _accept(self, _events: int) -> None:
        for _ in range(64):  # then let others have a turn
            try:
                client = sockets.accept(self._held)
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError:
                # EMFILE and such. It stays in the queue, and without a pause the loop would only spin on it.
                self._loop.forget(self._held.fileno())
                self._pause = self._loop.later(BREATHER, self._listen)
                return
            if len(self._connections) >= CONNECTIONS:
                client.close()
                continue
            self._serve(client)

    def _serve(self, client: sockets.Socket) -> None:
        try:
            upstream = sockets.dial(*self.target, sockets.SOCK_STREAM)
        except OSError:  # no route, no descriptor
            client.close()
            return
        client.setblocking(False)
        self._connections.add(_Connection(self._loop, client, upstream, self._connections.discard))

    def close(self) -> None:
        self._loop.forget(self._held.fileno())
        self._held.close()
        if self._pause is not None:
            self._pause.cancel()
        for connection in list(self._connections):
            connection.close()


class _Side:
    """One socket of a connection: what waits to be written to it, and whether it has said its last."""

    __slots__ = ("ended", "other", "socket", "waiting")

    def __init__(self, socket: sockets.Socket) -> None:
        self.socket = socket
        self.waiting = memoryview(b"")
        self.ended = False
        self.other: _Side = self


class _Connection:
    def __init__(
        self,
        loop: Loop,
        client: sockets.Socket,
        upstream: sockets.Socket,
        on_end: Callable[[_Connection], None],
    ) -> None:
        self._loop = loop
        self._on_end = on_end
        self._client, self._upstream = _Side(client), _Side(upstream)
        self._client.other, self._upstream.other = self._upstream, self._client
        self._timer: Timer | None = loop.later(CONNECT_TIMEOUT, self.close)
        loop.watch(upstream.fileno(), OUT, self._connected)

    def _connected(self, _events: int) -> None:
        assert self._timer is not None
        self._timer.cancel()
        if sockets.error(self._upstream.socket):
            self.close()
            return
        for side in (self._client, self._upstream):
            self._watch(side)

    def _watch(self, side: _Side) -> None:
        wanted = OUT if side.waiting else 0
        if not side.ended and not side.other.waiting:
            wanted |= IN
        if wanted:
            self._loop.watch(side.socket.fileno(), wanted, lambda events: self._ready(side, events))
        else:
            self._loop.forget(side.socket.fileno())  # a hang-up would be told again and again

    def _ready(self, side: _Side, events: int) -> None:
        try:
            if side.waiting and events & (OUT | HANGUP):
                self._write(side)
            if not side.ended and not side.other.waiting and events & (IN | HANGUP):
                self._read(side)
        except OSError:
            self.close()
            return
        if side.ended and side.other.ended and not side.waiting and not side.other.waiting:
            self.close()
            return
        self._watch(side)
        self._watch(side.other)

    def _read(self, side: _Side) -> None:
        try:
            data = side.socket.recv(CHUNK)
        except BlockingIOError:
            return
        if data:
            side.other.waiting = memoryview(data)
            self._write(side.other)
        else:
            side.ended = True
            side.other.socket.shutdown(sockets.SHUT_WR)

    def _write(self, side: _Side) -> None:
        try:
            side.waiting = side.waiting[side.socket.send(side.waiting) :]
        except BlockingIOError:
            pass

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for side in (self._client, self._upstream):
            self._loop.forget(side.socket.fileno())
            side.socket.close()
        self._on_end(self)


class Datagrams:
    """Each client has a socket of its own towards the container, by which answers find back."""

    def __init__(self, loop: Loop, held: sockets.Socket, address: str, port: int) -> None:
        self._loop = loop
        self._held = held
        self._flows: dict[tuple[str, int], tuple[sockets.Socket, float]] = {}
        self.target = (address, port)
        loop.watch(held.fileno(), IN, self._receive)

    def _receive(self, _events: int) -> None:
        for _ in range(64):
            try:
                data, client = self._held.recvfrom(65536)
            except OSError:
                return
            try:
                self._flow(client).send(data)
            except OSError:  # nobody listens, or no descriptor is left: datagrams get lost
                continue

    def _flow(self, client: tuple[str, int]) -> sockets.Socket:
        now = time.monotonic()
        known = self._flows.pop(client, None)
        if known is None:
            self._expire(now)
            upstream = sockets.dial(*self.target, sockets.SOCK_DGRAM)
            self._loop.watch(upstream.fileno(), IN, lambda _events: self._answer(upstream, client))
        else:
            upstream = known[0]
        self._flows[client] = (upstream, now)
        return upstream

    def _answer(self, upstream: sockets.Socket, client: tuple[str, int]) -> None:
        try:
            self._held.sendto(upstream.recv(65536), client)
        except OSError:  # refused by the container, or the client is gone
            return

    def _expire(self, now: float) -> None:
        for client, (_, used) in list(self._flows.items()):
            if now - used < UDP_IDLE and len(self._flows) < UDP_FLOWS:
                break
            self._end(client)

    def _end(self, client: tuple[str, int]) -> None:
        upstream, _ = self._flows.pop(client)
        self._loop.forget(upstream.fileno())
        upstream.close()

    def close(self) -> None:
        self._loop.forget(self._held.fileno())
        self._held.close()
        for client in list(self._flows):
            self._end(client)
