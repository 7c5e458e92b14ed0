"""The client's side: calls on a connection, which was taken over or is one of our own.

    client = await connect(hijacked.socket, hijacked.leftover)      or  await dial("127.0.0.1", 2379)
    answer = await client.unary(schema.method("grpc.health.v1.Health", "Check"), request, seconds=5)
    async with client.call(method, metadata={"dir-name": ["context"]}) as call:
        await call.send(message)
        async for message in call: ...
    client.closed      # a future: done when the connection has ended
    client.close()

Leaving the `async with` before the call has ended cancels it at the server.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sampan.http.grpc import metadata as md
from sampan.http.grpc.call import CONTENT_TYPE, ClientCall, within
from sampan.http.grpc.connection import Connection, take_over
from sampan.http.grpc.metadata import Header, Metadata
from sampan.http.grpc.status import Code, GrpcError
from sampan.http.grpc.stream import Stream
from sampan.specs.protobuf import Method

NOTHING: Mapping[str, Any] = {}


class Client:
    """Calls on a connection where we are the client, as many at once as the server allows."""

    def __init__(self, connection: Connection, authority: str, scheme: str = "http") -> None:
        self._connection = connection
        self._authority = authority
        self._scheme = scheme
        connection.on_settled = self._wake
        connection.closed.add_done_callback(self._wake)
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def closed(self) -> "asyncio.Future[None]":
        """Done once the connection is of no use any more."""
        return self._connection.closed

    def close(self) -> None:
        """Every call that is under way fails."""
        self._connection.close()

    async def unary(
        self, method: Method, request: Any, *, metadata: Metadata = NOTHING, seconds: float | None = None
    ) -> Any:
        """One message there, one back. Raises GrpcError."""
        deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        return await within(deadline, self._unary(method, request, metadata, seconds))

    async def _unary(self, method: Method, request: Any, metadata: Metadata, seconds: float | None) -> Any:
        async with self.call(method, metadata=metadata, seconds=seconds) as call:
            return await _exchange(call, request)

    @asynccontextmanager
    async def call(
        self, method: Method, *, metadata: Metadata = NOTHING, seconds: float | None = None
    ) -> AsyncIterator[ClientCall]:
        """The server is told that it may take `seconds`, and ends the call then. Raises GrpcError."""
        stream = await self._open()
        call = ClientCall(stream, method.response)
        try:
            stream.send_headers(self._headers(method, metadata, seconds))
            yield call
        finally:
            call.cancel()

    def _headers(self, method: Method, metadata: Metadata, seconds: float | None) -> list[Header]:
        headers: list[Header] = [
            (":method", "POST"),
            (":scheme", self._scheme),
            (":path", method.path),
            (":authority", self._authority),
            ("te", "trailers"),
            ("content-type", CONTENT_TYPE),
            ("user-agent", "sampan"),
        ]
        if seconds is not None:
            headers.append(("grpc-timeout", md.timeout_header(seconds)))
        return headers + md.encode(metadata)

    async def _open(self) -> Stream:
        """Waits while as many calls are open as the server allows."""
        connection = self._connection
        while connection.error is None and len(connection.streams) >= connection.max_streams:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.add(waiter)
            try:
                await waiter
            finally:
                self._waiting.discard(waiter)
        return connection.open_stream()

    def _wake(self, _: object) -> None:
        """A call has ended, or the connection: everybody who waits looks again."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)


async def _exchange(call: ClientCall, request: Any) -> Any:
    await call.send(request)
    await call.end()
    answer = await call.receive()
    if answer is None:
        raise GrpcError(Code.INTERNAL, "the call ended without an answer")
    await call.receive()  # the status, which may say that it failed nevertheless
    return answer


async def connect(sock: socket.socket, leftover: bytes = b"", *, authority: str = "localhost") -> Client:
    """Begin to speak as a client; the socket now belongs to the connection."""
    connection = Connection(leftover=leftover)
    client = Client(connection, authority)
    await take_over(sock, connection)
    return client


async def dial(host: str, port: int, tls: ssl.SSLContext | None = None) -> Client:
    """A connection of its own; a `tls` context must offer "h2" by ALPN. Raises OSError."""
    connection = Connection()
    client = Client(connection, f"{host}:{port}", "https" if tls else "http")
    await asyncio.get_running_loop().create_connection(lambda: connection, host, port, ssl=tls)
    return client
