"""One call, seen from either side: messages in, messages out, metadata."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from sampan.http.grpc import metadata as md
from sampan.http.grpc.frames import ErrorCode
from sampan.http.grpc.metadata import Header, Metadata
from sampan.http.grpc.status import Code, GrpcError
from sampan.http.grpc.stream import Stream

CONTENT_TYPE = "application/grpc"


class Call:
    """What ServerCall and ClientCall have in common."""

    def __init__(self, stream: Stream, receives: Any) -> None:
        self._stream = stream
        self._receives = receives

    async def receive(self) -> Any:
        """The next message; None after the last.

        Raises GrpcError (CANCELLED, UNAVAILABLE, ...) when the call has ended otherwise than by the other
        side's end of messages.
        """
        data = await self._stream.take()
        return None if data is None else self._decode(data)

    async def receive_raw(self) -> list[bytes]:
        """All messages that are there, undecoded; waits for one; [] after the last. For many small ones."""
        return await self._stream.take_all()

    def _decode(self, data: bytes) -> Any:
        try:
            return self._receives.FromString(data)
        except DecodeError as error:
            raise GrpcError(Code.INTERNAL, f"failed to unmarshal the received message: {error}") from None

    async def send(self, message: Any) -> None:
        """Waits only while the other side's window, or the socket's buffer, is full. Raises GrpcError."""
        await self.send_raw((message.SerializeToString(),))

    async def send_raw(self, messages: Sequence[bytes]) -> None:
        """Several encoded messages at once."""
        await self._stream.send(messages)

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (message := await self.receive()) is not None:
            yield message


class ServerCall(Call):
    """A call that a handler answers; `path` and `metadata` are the client's."""

    def __init__(self, stream: Stream, receives: Any, deadline: float | None) -> None:
        super().__init__(stream, receives)
        headers = stream.headers or {}
        self.path = md.first(headers, ":path")
        self.metadata: Metadata = md.custom(headers)
        self.deadline = deadline  # of the event loop's clock
        self._trailers: Metadata = {}

    def expect(self, receives: Any) -> None:
        """The class of what comes, once the method is known."""
        self._receives = receives

    async def send_raw(self, messages: Sequence[bytes]) -> None:
        if not self._stream.answered:
            self._answer({})
        await super().send_raw(messages)

    async def send_metadata(self, metadata: Metadata) -> None:
        """Initial metadata; sent by itself with the first message otherwise."""
        if not self._stream.answered:
            self._answer(metadata)

    def _answer(self, metadata: Metadata) -> None:
        self._stream.send_headers([*HEAD, *md.encode(metadata)])

    def set_trailers(self, metadata: Metadata) -> None:
        """Metadata that goes out with the status."""
        self._trailers = metadata

    def finish(self, error: GrpcError | None) -> None:
        """The last word. Before anything else was said, it is the only one."""
        head = [] if self._stream.answered else HEAD
        self._stream.send_headers([*head, *md.trailers(error, self._trailers)], end=True)


HEAD: list[Header] = [(":status", "200"), ("content-type", CONTENT_TYPE)]


class ClientCall(Call):
    """After the last message, `trailers` is what came with the status."""

    async def opened(self) -> Metadata:
        """The server's initial metadata, which may come long before its first message. Raises GrpcError."""
        stream = self._stream
        while stream.headers is None:
            if stream.error is not None:
                raise stream.error
            await stream.wait()
        return md.custom(stream.headers)

    @property
    def trailers(self) -> Metadata:
        """What came with the status, without gRPC's own."""
        return md.custom(self._stream.trailers)

    async def receive(self) -> Any:
        """The next message, None after the last; raises GrpcError when the server did not end it well."""
        message = await super().receive()
        if message is None:
            self._check()
        return message

    async def receive_raw(self) -> list[bytes]:
        """What has come, nothing after the last; raises as `receive` does."""
        messages = await super().receive_raw()
        if not messages:
            self._check()
        return messages

    def _check(self) -> None:
        error = self._stream.status()
        if error is not None:
            raise error

    async def send_raw(self, messages: Sequence[bytes]) -> None:
        try:
            await super().send_raw(messages)
        except GrpcError as error:
            if self._stream.ended:  # the server has said why it wants no more
                raise self._stream.status() or error from None
            raise

    async def end(self) -> None:
        """No more messages from here."""
        self._stream.send_end()

    def cancel(self) -> None:
        """Nothing happens if it is over already."""
        if not (self._stream.ended and self._stream.closed):
            self._stream.reset(ErrorCode.CANCEL, GrpcError(Code.CANCELLED, "the call was cancelled"))


async def within(deadline: float | None, coroutine: Any) -> Any:
    """The coroutine's result, or DEADLINE_EXCEEDED."""
    timer = asyncio.timeout_at(deadline)
    try:
        async with timer:
            return await coroutine
    except TimeoutError:
        if not timer.expired():
            raise
        raise GrpcError(Code.DEADLINE_EXCEEDED, "context deadline exceeded") from None
