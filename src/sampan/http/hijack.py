"""Taking the connection out of HTTP: attach, exec start, and whatever else "upgrades".

The answer's head is written, then the socket itself leaves aiohttp: its descriptor is duplicated and the
transport closed, which closes only the transport's copy and shuts nothing down. What the client had sent
already comes along as `leftover`. A TLS connection cannot be given to another process, so there the caller
gets one end of a socketpair and this module pumps.
"""

import asyncio
import os
import socket
from dataclasses import dataclass

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from sampan.errors import Failed
from sampan.http.tlspump import pump

RAW = "application/vnd.docker.raw-stream"
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"


@dataclass
class Hijacked:
    """A connection that is ours. `leftover` was sent by the client before the hand-over."""

    socket: socket.socket
    leftover: bytes

    def close(self) -> None:
        """For whoever has it and hands it to nobody."""
        self.socket.close()


class Gone(web.StreamResponse):
    """The answer of a handler whose connection was taken: nothing more is written."""

    @property
    def keep_alive(self) -> bool | None:
        return False

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


async def hijack(request: web.Request, content_type: str = RAW, upgrade: str = "tcp") -> Hijacked:
    """Answer 101 (or 200 to a client that did not ask to upgrade) and take the connection.

    The handler must return `Gone()` afterwards. Raises Failed if the client has gone already.
    """
    transport = request.transport
    if transport is None or transport.is_closing():
        raise Failed("the client closed the connection")
    protocol = request.protocol
    # From here on the parser must not see what the client sends; with Upgrade it does not already.
    protocol._upgraded = True
    transport.write(head(request, content_type, upgrade))
    if transport.get_extra_info("sslcontext") is not None:
        return pump_tls(request, transport)
    await flushed(transport)
    transport.pause_reading()
    original = transport.get_extra_info("socket")
    sock = socket.socket(fileno=os.dup(original.fileno()))
    leftover, protocol._message_tail = bytes(protocol._message_tail), b""
    # The handler still runs: keep connection_lost from cancelling it.
    release(request)
    transport.abort()
    return Hijacked(sock, leftover)


def head(request: web.Request, content_type: str, upgrade: str) -> bytes:
    if request.headers.get("Upgrade"):
        lines = [
            "HTTP/1.1 101 UPGRADED",
            f"Content-Type: {content_type}",
            "Connection: Upgrade",
            f"Upgrade: {upgrade}",
        ]
    else:
        lines = ["HTTP/1.1 200 OK", f"Content-Type: {RAW}"]
    lines += [f"{name}: {value}" for name, value in request.get("headers", ())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def flushed(transport: asyncio.Transport) -> None:
    """The head fits any socket buffer, so this loop all but never waits."""
    while transport.get_write_buffer_size():
        if transport.is_closing():
            raise Failed("the client closed the connection")
        await asyncio.sleep(0.001)


def release(request: BaseRequest) -> None:
    """Make aiohttp forget the connection without cancelling the handler that took it."""
    protocol = request.protocol
    protocol._close = True
    manager = protocol._manager
    if manager is not None:
        manager._connections.pop(protocol, None)
    protocol._manager = None  # connection_lost() returns at once
    protocol._task_handler = None


def pump_tls(request: web.Request, transport: asyncio.Transport) -> Hijacked:
    protocol = request.protocol
    leftover, protocol._message_tail = bytes(protocol._message_tail), b""
    release(request)
    # aiohttp closes its transport when the handler returns; this one lives on.
    protocol.transport = None
    return Hijacked(pump(transport), leftover)
