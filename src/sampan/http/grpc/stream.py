"""One HTTP/2 stream that carries gRPC messages: what has arrived, and what may be sent.

Messages are cut out of DATA frames as they arrive. The sender gets its window back as long as what nobody has
taken yet is little; so a reader that stops stops the sender, and a message may be larger than the window.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from sampan.http.grpc import frames, metadata
from sampan.http.grpc.frames import ErrorCode, ProtocolError
from sampan.http.grpc.metadata import Header, Metadata
from sampan.http.grpc.status import Code, GrpcError

PREFIX = 5  # bytes before a message: compressed or not, length
WINDOW = 2 << 20
QUEUED = 1 << 20  # bytes that may wait for a reader before the sender's window is left to run out
MAX_MESSAGE = 16 << 20  # as containerd and BuildKit


class Sender(Protocol):
    """The connection, as its streams need it: what may be sent now, and what to send."""

    send_window: int
    max_frame: int
    write_paused: bool
    writers: set["Stream"]  # those that wait for a window

    def write(self, data: bytes) -> None: ...

    def send_headers(self, stream: "Stream", headers: list[Header], end: bool) -> None: ...

    def settle(self, stream: "Stream") -> None:
        """Forget the stream if it is over."""

    def refuse(self, stream: "Stream", error: GrpcError) -> None:
        """End the stream, and tell the other side why."""


class Stream:
    def __init__(self, connection: Sender, id: int, send_window: int) -> None:
        self.id = id
        self.send_window = send_window
        self.headers: Metadata | None = None
        self.trailers: Metadata = {}
        self.ended = False  # the other side has said everything
        self.closed = False  # we have
        self.answered = False  # our headers are out
        self.error: GrpcError | None = None
        self._connection = connection
        self._inbox: deque[bytes] = deque()
        self._queued = 0
        self._window = WINDOW  # what the other side may still send
        self._owed = 0  # what it has sent and not got back
        self._partial: bytearray | None = None
        self._empty = 0
        self._arrived: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._sending = asyncio.Lock()
        self._senders = 0  # that hold the lock, or wait for it

    # What arrives

    def feed(self, data: bytes, start: int, end: int, charged: int) -> None:
        """The payload of a DATA frame, which counts as `charged` bytes (with its padding)."""
        self._window -= charged
        self._owed += charged
        if self._window < 0:
            raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, f"stream {self.id}: more data than its window")
        if start == end:
            self._empty += 1
            if self._empty > 1000:
                raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, "too many empty frames")
        if self._partial is not None:
            self._partial += memoryview(data)[start:end]
            data, start, end = self._unfinished()
        start = self._cut(data, start, end)
        if start < end and self.error is None:
            self._partial = bytearray(data[start:end])
        if self._owed >= WINDOW >> 1:
            self._credit()
        waiter = self._arrived
        if waiter is not None and self._inbox and not waiter.done():
            waiter.set_result(None)

    def _unfinished(self) -> tuple[bytes, int, int]:
        """What is there of a message that came in pieces: only looked at once it is whole."""
        partial = self._partial
        assert partial is not None
        if len(partial) < PREFIX or len(partial) < PREFIX + self._size(partial, 0):
            return b"", 0, 0
        self._partial = None
        return bytes(partial), 0, len(partial)

    def _size(self, data: bytes | bytearray, at: int) -> int:
        size = int.from_bytes(data[at + 1 : at + PREFIX], "big")
        if size > MAX_MESSAGE:
            self._refuse(
                Code.RESOURCE_EXHAUSTED, f"received message larger than max ({size} vs. {MAX_MESSAGE})"
            )
        elif data[at]:
            self._refuse(Code.UNIMPLEMENTED, "compressed messages are not supported")
        else:
            return size
        return 0

    def _cut(self, data: bytes, at: int, end: int) -> int:
        inbox = self._inbox
        while end - at >= PREFIX:
            size = int.from_bytes(data[at + 1 : at + PREFIX], "big")
            if data[at] or size > MAX_MESSAGE:
                self._size(data, at)
                return end
            stop = at + PREFIX + size
            if stop > end:
                break
            inbox.append(data[at + PREFIX : stop])
            self._queued += stop - at
            at = stop
        return at

    def _refuse(self, code: Code, message: str) -> None:
        """End the call from our side, whatever else may come."""
        self._partial = None
        self._connection.refuse(self, GrpcError(code, message))

    def _credit(self) -> None:
        if self._queued <= QUEUED and not self.ended and self.error is None:
            self._window += self._owed
            self._connection.write(frames.window_update(self.id, self._owed))
            self._owed = 0

    def end(self) -> None:
        """The other side has nothing more to say."""
        self.ended = True
        if self._partial is not None:
            self.error = GrpcError(Code.INTERNAL, "the stream ended inside a message")
        self._wake()

    def fail(self, error: GrpcError) -> None:
        """The stream is over before its time."""
        if self.error is None:
            self.error = error
        self.ended = self.closed = True
        self._partial = None
        self._wake()

    def _wake(self) -> None:
        for waiter in (self._arrived, self._writable):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def wake_reader(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def wake_writer(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    async def wait(self) -> None:
        """Until something has changed that a reader may want to see."""
        self._arrived = asyncio.get_running_loop().create_future()
        try:
            await self._arrived
        finally:
            self._arrived = None

    async def take(self) -> bytes | None:
        """The next message; None after the last. Raises GrpcError."""
        while not self._inbox:
            if self.error is not None:
                raise self.error
            if self.ended:
                return None
            await self.wait()
        message = self._inbox.popleft()
        self._taken(len(message) + PREFIX)
        return message

    async def take_all(self) -> list[bytes]:
        while not self._inbox:
            if self.error is not None:
                raise self.error
            if self.ended:
                return []
            await self.wait()
        messages = list(self._inbox)
        self._inbox.clear()
        self._taken(self._queued)
        return messages

    def _taken(self, size: int) -> None:
        self._queued -= size
        if self._owed >= WINDOW >> 1:
            self._credit()

    # What is sent

    async def send(self, messages: Sequence[bytes]) -> None:
        """Raises GrpcError once the other side will not have it."""
        parts: list[bytes] = []
        for message in messages:
            parts += (b"\0", len(message).to_bytes(4, "big"), message)
        data = b"".join(parts)
        at = 0 if self._senders else self._put(data, 0)
        if at == len(data):
            return
        self._senders += 1  # whoever sends at the same time must not get in between
        try:
            async with self._sending:
                while (at := self._put(data, at)) < len(data):
                    await self._wait_writable()
        finally:
            self._senders -= 1

    def _put(self, data: bytes, at: int) -> int:
        """As much as can be sent now."""
        connection = self._connection
        while at < len(data):
            if self.closed:
                raise self.error or GrpcError(Code.INTERNAL, "the stream is closed")
            room = min(len(data) - at, self.send_window, connection.send_window, connection.max_frame)
            if room <= 0 or connection.write_paused:
                break
            self.send_window -= room
            connection.send_window -= room
            connection.write(frames.frame(frames.DATA, 0, self.id, data[at : at + room]))
            at += room
        return at

    async def _wait_writable(self) -> None:
        """More window (ours or the connection's), more room in the socket, or the end."""
        self._writable = asyncio.get_running_loop().create_future()
        self._connection.writers.add(self)
        try:
            await self._writable
        finally:
            self._connection.writers.discard(self)
            self._writable = None

    def send_headers(self, headers: list[Header], end: bool = False) -> None:
        if not self.closed:
            self.answered = True
            self._connection.send_headers(self, headers, end)
            if end:
                self._finish()

    def send_end(self) -> None:
        if not self.closed:
            self._connection.write(frames.frame(frames.DATA, frames.END_STREAM, self.id))
            self._finish()

    def _finish(self) -> None:
        self.closed = True
        self._connection.settle(self)

    def reset(self, code: ErrorCode, error: GrpcError) -> None:
        """Break it off."""
        if not (self.ended and self.closed):
            self._connection.write(frames.reset(self.id, code))
        self.fail(error)
        self._connection.settle(self)

    def status(self) -> GrpcError | None:
        """For the client's side, once it has ended: what the trailers say."""
        return self.error or metadata.status_of(self.trailers)
