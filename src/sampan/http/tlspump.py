"""A hijacked TLS connection: copied to and from a socketpair, whose other end can go to another process.

asyncio's own TLS transport closes as soon as the peer says it will send no more; Docker's clients say so at
once when they have no input, and then read on (RFC 8446, 6.1 allows it). So after the hijack its TLS object
is driven here, on the plain transport underneath. The attributes of asyncio.sslproto used are the same since
Python 3.11.
"""

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Any

from sampan.tasks import Tasks

CHUNK = 64 << 10
HIGH, LOW = 16, 4  # chunks waiting for the container before the client is made to wait


def pump(transport: asyncio.Transport) -> socket.socket:
    """Take a TLS transport over; returns the plain end. The pump lives as long as both sides do."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    layer: Any = transport._ssl_protocol  # type: ignore[attr-defined]
    made = TlsPump(layer._transport, layer._sslobj, layer._incoming, layer._outgoing, ours)
    transport._closed = True  # type: ignore[attr-defined] # or it would complain when it is collected
    layer._transport.set_protocol(made)
    made.start()
    return theirs


class TlsPump(asyncio.Protocol):
    def __init__(
        self,
        transport: asyncio.Transport,
        tls: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        ours: socket.socket,
    ) -> None:
        self._transport = transport
        self._tls = tls
        self._incoming = incoming
        self._outgoing = outgoing
        self._socket = ours
        self._plain: asyncio.Queue[bytes] = asyncio.Queue()  # b"": the client sends no more
        self._ended = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._tasks = Tasks()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = self._tasks.spawn(self._run())
        self._transport.resume_reading()
        self._decrypt()

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        self._decrypt()

    def eof_received(self) -> bool:
        self._end()
        return True  # we may still have something to say

    def _decrypt(self) -> None:
        try:
            while data := self._tls.read(CHUNK):
                self._plain.put_nowait(data)
            self._end()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:  # SSLZeroReturnError among them
            self._end()
        self._flush()
        if self._plain.qsize() >= HIGH:
            self._transport.pause_reading()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._plain.put_nowait(b"")

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._transport.write(data)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._running is not None:
            self._running.cancel()

    async def _run(self) -> None:
        """Both directions, until both are at their end or the connection is lost."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._to_container())
                group.create_task(self._to_client())
        finally:
            self._socket.close()

    async def _to_container(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while data := await self._plain.get():
                await loop.sock_sendall(self._socket, data)
                if self._plain.qsize() < LOW:
                    self._transport.resume_reading()
            self._socket.shutdown(socket.SHUT_WR)

    async def _to_client(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError, ssl.SSLError):
            while data := await loop.sock_recv(self._socket, CHUNK):
                self._tls.write(data)
                self._flush()
                await self._writable.wait()
        with suppress(ssl.SSLError):
            self._tls.unwrap()  # our close_notify; the client's answer need not be awaited
        self._flush()
        self._transport.close()
