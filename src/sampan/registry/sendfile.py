"""Blob bodies go from the file to the socket inside the kernel: sendfile(2).

aiohttp's FileResponse needs a loop with sendfile(), which uvloop has not, and several turns through a thread.
This writes to the connection's socket itself, once what the transport had to write is gone. TLS connections
get the bytes read and encrypted, in pieces.
"""

import asyncio
import os
import socket

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from sampan.registry.blobs import Blob
from sampan.registry.ranges import Span, names_etag, span

SMALL = 32 << 10  # read and sent with the head: two system calls instead of five
PIECE = 256 << 10
# To a client that reads as fast as we write, one call would go on to the end and hold up all others.
CALL = 1 << 20
TURN = 4 << 20  # bytes to a fast client before others get their turn


class BlobResponse(web.StreamResponse):
    """200, 206 or 304 for a whole blob. `sent` counts the body's bytes."""

    def __init__(
        self, request: web.BaseRequest, blob: Blob, headers: dict[str, str], patience: float
    ) -> None:
        """`patience`: how long a client may take nothing. Raises RangeUnsatisfiable."""
        super().__init__(headers=headers)
        self.sent = 0
        self._blob = blob
        self._patience = patience
        etag = f'"{blob.digest}"'
        self.headers["ETag"] = etag
        self._span = Span(0, blob.size)
        given = request.headers
        if "If-None-Match" in given and names_etag(given["If-None-Match"], etag):
            self.set_status(304)
            self._length_check = False
            return
        if "Range" in given and given.get("If-Range", etag) == etag:
            self._span = span(given["Range"], blob.size)
        self.headers["Accept-Ranges"] = "bytes"
        self.headers["Content-Type"] = "application/octet-stream"
        self.headers["Content-Length"] = str(self._span.length)
        if self._span.partial:
            self.set_status(206)
            self.headers["Content-Range"] = self._span.content_range(blob.size)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if self.prepared or self.status == 304:
            return await super().prepare(request)
        descriptor = os.open(self._blob.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            await self._send(request, descriptor)
        finally:
            os.close(descriptor)
        return self._payload_writer

    async def _send(self, request: web.BaseRequest, descriptor: int) -> None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("connection lost")
        if self._span.length <= SMALL:
            self._send_headers_immediately = False
            await super().prepare(request)
            await self._copy(descriptor)
        elif transport.get_extra_info("sslcontext") is not None:
            await super().prepare(request)
            await self._copy(descriptor)
        else:
            await super().prepare(request)
            await self._drained(transport)
            await self._sendfile(transport, descriptor)
        await super().write_eof()

    async def _copy(self, descriptor: int) -> None:
        at = self._span.start
        while at < self._span.end:
            data = os.pread(descriptor, min(PIECE, self._span.end - at), at)
            if not data:
                raise ConnectionResetError("the blob's file is too short")
            try:
                async with asyncio.timeout(self._patience):
                    await self.write(data)
            except TimeoutError:
                raise ConnectionResetError("client is not reading") from None
            at += len(data)
            self.sent += len(data)

    async def _drained(self, transport: asyncio.Transport) -> None:
        """Until the head is in the socket, so that the body comes after it."""
        deadline = asyncio.get_running_loop().time() + self._patience
        pause = 0.0  # as a rule the head goes out with the loop's next turn
        while transport.get_write_buffer_size():
            if transport.is_closing():
                raise ConnectionResetError("connection lost")
            if asyncio.get_running_loop().time() > deadline:
                raise ConnectionResetError("client is not reading")
            await asyncio.sleep(pause)
            pause = min(pause + 0.001, 0.02)

    async def _sendfile(self, transport: asyncio.Transport, descriptor: int) -> None:
        sock: socket.socket = transport.get_extra_info("socket")
        # A descriptor of our own: the loop knows the transport's already, and may close it.
        own = os.dup(sock.fileno())
        at, turn = self._span.start, 0
        try:
            while at < self._span.end:
                try:
                    count = os.sendfile(own, descriptor, at, min(CALL, self._span.end - at))
                except BlockingIOError:
                    await self._writable(own)
                    turn = 0
                    continue
                if count == 0:
                    raise ConnectionResetError("the blob's file is too short")
                at += count
                self.sent = at - self._span.start
                turn += count
                if turn > TURN:
                    turn = 0
                    await asyncio.sleep(0)
        finally:
            os.close(own)

    async def _writable(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        loop.add_writer(descriptor, _resolve, ready)
        try:
            async with asyncio.timeout(self._patience):
                await ready
        except TimeoutError:
            raise ConnectionResetError("client is not reading") from None
        finally:
            loop.remove_writer(descriptor)


def _resolve(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
