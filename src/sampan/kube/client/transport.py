"""Connections to one API server: HTTP/1.1 on asyncio's protocols, kept open and used again.

One request at a time on a connection. Why not aiohttp's client: docs/decisions/cluster-client.md.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from sampan.errors import Invalid, Unavailable
from sampan.kube.client.answer import Answer, Malformed

IDLE = 60.0  # seconds after which a connection is not used again; the server keeps it for 90
CONNECT = 10.0  # seconds
REQUESTS = 100  # that may be under way: others wait, since a handshake costs as much as ten requests
AHEAD = 1 << 20  # bytes of a stream that may wait to be taken
# A stream may be silent for long: the kernel finds out whether anybody is still there, as for Go's clients.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 9))


class Dropped(Unavailable):
    """The connection ended before anything was answered."""


class Connection(asyncio.Protocol):
    """One connection, and what is being answered on it."""

    def __init__(self) -> None:
        self.open = True
        self.used = 0.0  # when it was used last
        self._answer: Answer | None = None
        self._whole = True
        self._paused = False
        self._failed: Unavailable | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport

    def send(self, request: bytes, *, whole: bool) -> Answer:
        """`whole`: nobody looks at the answer before all of it is here."""
        self._answer = answer = Answer()
        self._whole = whole
        self._transport.write(request)
        return answer

    async def more(self) -> None:
        """Until more has come. Raises Unavailable."""
        if self._failed is not None:
            raise self._failed
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        self._waiting = self._loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def fail(self, error: Unavailable) -> None:
        """The end: whoever waits hears why."""
        if self._failed is None:
            self._failed = error
        self.abort()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(self._failed)

    def expire(self) -> None:
        self.fail(Unavailable("no answer in time"))

    def abort(self) -> None:
        self.open = False
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:  # nobody has asked anything
            self.abort()
            return
        try:
            answer.feed(data)
        except Malformed as error:
            self.fail(error)
            return
        if answer.done or not self._whole:
            if answer.size > AHEAD and not self._whole and not self._paused:
                self._paused = True
                self._transport.pause_reading()
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        answer = self._answer
        if answer is None or answer.done:
            return
        if not answer.begun:
            self.fail(Dropped(f"the connection ended: {exc or 'closed by the server'}"))
            return
        try:
            answer.end()
        except Malformed as error:
            self.fail(error)
        else:
            self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


@dataclass(frozen=True)
class Stream:
    """An answer that is read while it comes."""

    _connection: Connection
    _answer: Answer

    @property
    def code(self) -> int:
        return self._answer.code

    async def parts(self) -> AsyncIterator[bytes]:
        """Raises Unavailable."""
        while True:
            for part in self._answer.take():
                yield part
            if not self._answer.size:
                if self._answer.done:
                    return
                await self._connection.more()


class Transport:
    """To the server at `url`. `context` is asked for again and again: when it gives another one than before,
    connections made with the earlier one are not used for further requests.
    """

    def __init__(self, url: str, context: Callable[[], ssl.SSLContext]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Invalid(f"{url!r} is no address of an API server")
        self.authority = parts.netloc
        self._host, self._port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        self._context = context if parts.scheme == "https" else None
        self._made_with: ssl.SSLContext | None = None
        self._idle: deque[Connection] = deque()  # the one used last is the last
        self._streams: set[Connection] = set()
        self._turns = asyncio.Semaphore(REQUESTS)

    async def close(self) -> None:
        for connection in (*self._idle, *self._streams):
            connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # the loop closes their sockets

    async def exchange(self, request: bytes, *, seconds: float, repeatable: bool) -> tuple[int, bytes]:
        """The status and the whole body. `repeatable`: it does no harm if the server gets it twice, which
        happens when it ends a kept connection at that moment. Raises Unavailable.
        """
        async with self._turns:
            if (connection := self._kept()) is not None:
                try:
                    return await self._exchange(connection, request, seconds)
                except Dropped:
                    if not repeatable:
                        raise
            return await self._exchange(await self._connect(), request, seconds)

    async def _exchange(self, connection: Connection, request: bytes, seconds: float) -> tuple[int, bytes]:
        answer = connection.send(request, whole=True)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds, connection.expire)
        try:
            while not answer.done:
                await connection.more()
        finally:
            timer.cancel()
            if answer.done and answer.reusable and connection.open:
                connection.used = loop.time()
                self._idle.append(connection)
            else:
                connection.abort()
        return answer.code, b"".join(answer.take())

    @asynccontextmanager
    async def stream(self, request: bytes, *, seconds: float) -> AsyncIterator[Stream]:
        """On a connection of its own. `seconds`: until its head must be here. Raises Unavailable."""
        connection = await self._connect()
        self._streams.add(connection)
        try:
            answer = connection.send(request, whole=False)
            timer = asyncio.get_running_loop().call_later(seconds, connection.expire)
            try:
                while not answer.code:
                    await connection.more()
            finally:
                timer.cancel()
            yield Stream(connection, answer)
        finally:
            self._streams.discard(connection)
            connection.abort()

    def _kept(self) -> Connection | None:
        """One that is open, if there is any."""
        if self._context is not None and self._context() is not self._made_with:
            self._let_go(len(self._idle))
        fresh = asyncio.get_running_loop().time() - IDLE
        while self._idle and self._idle[0].used < fresh:
            self._let_go(1)
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        return None

    def _let_go(self, count: int) -> None:
        for _ in range(count):
            self._idle.popleft().abort()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        context = self._made_with = self._context() if self._context is not None else None
        try:
            async with asyncio.timeout(CONNECT):
                transport, connection = await loop.create_connection(
                    Connection, self._host, self._port, ssl=context
                )
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"cannot connect: {error or 'no answer in time'}") from error
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        return connection
