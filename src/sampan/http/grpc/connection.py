"""One HTTP/2 connection, either role: reads frames, keeps windows, hands headers and messages to streams.

Written for gRPC on a socket that was taken over: no push, no priorities. What the other side does wrong ends
the connection with GOAWAY and one error; a stream's own mistakes end only the stream. RFC 9113. The limits
below bound what a hostile peer can make us keep.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from typing import cast

from hpack import Decoder, Encoder, HPACKError

from sampan.http.grpc import frames, metadata
from sampan.http.grpc.frames import ErrorCode, ProtocolError
from sampan.http.grpc.metadata import Header, Metadata
from sampan.http.grpc.status import Code, GrpcError
from sampan.http.grpc.stream import WINDOW, Stream

logger = logging.getLogger(__name__)

CONNECTION_WINDOW = 16 << 20
MAX_HEADERS = 256 << 10  # of one header block, packed; hpack limits it unpacked as well
MAX_STREAMS = 128
MAX_UNREAD = 8 << 20  # answers that wait in us because the other side does not read
WRITE_BUFFER = 1 << 20
FLUSH = 256 << 10
# The error that a reset stands for. doc/PROTOCOL-HTTP2.md, "Errors"
RESETS = {
    ErrorCode.REFUSED_STREAM: Code.UNAVAILABLE,
    ErrorCode.CANCEL: Code.CANCELLED,
    ErrorCode.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED,
    ErrorCode.INADEQUATE_SECURITY: Code.PERMISSION_DENIED,
}


class Connection(asyncio.Protocol):
    """`opened` is called with every stream that the other side opens; None: we are the client.

    `leftover`: what was read of the socket before.
    """

    def __init__(self, opened: Callable[[Stream], None] | None = None, leftover: bytes = b"") -> None:
        self.streams: dict[int, Stream] = {}
        self.writers: set[Stream] = set()  # those that wait for a window
        self.send_window = frames.DEFAULT_WINDOW
        self.max_frame = frames.DEFAULT_FRAME
        self.max_streams = MAX_STREAMS  # that the other side allows us
        self.write_paused = False
        self.error: GrpcError | None = None  # why it is of no use any more
        self.going = False  # GOAWAY came: no new streams
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_settled: Callable[[Stream], None] | None = None
        self._opened = opened
        self._next_id = 1
        self._last_id = 0  # the newest stream of the other side
        self._stream_window = frames.DEFAULT_WINDOW
        self._owed = 0
        self._window = CONNECTION_WINDOW
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._out: list[bytes] = []
        self._unread = 0
        self._flush_due = False
        self._rest = b""
        self._leftover = leftover
        self._preface = len(frames.PREFACE) if opened is not None else 0
        self._settings_seen = False
        self._block: tuple[int, int, bytearray] | None = None  # stream, flags, header block so far
        self._encoder = Encoder()
        self._decoder = Decoder(max_header_list_size=MAX_HEADERS)

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        self._transport.set_write_buffer_limits(WRITE_BUFFER)
        if self._opened is None:
            self.write(frames.PREFACE)
        values = {frames.INITIAL_WINDOW_SIZE: WINDOW, frames.MAX_HEADER_LIST_SIZE: MAX_HEADERS}
        values[frames.ENABLE_PUSH] = 0
        if self._opened is not None:
            values[frames.MAX_CONCURRENT_STREAMS] = MAX_STREAMS
        self.write(frames.settings(values))
        self.write(frames.window_update(0, CONNECTION_WINDOW - frames.DEFAULT_WINDOW))
        if self._leftover:
            self.data_received(self._leftover)
            self._leftover = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self.abandon(GrpcError(Code.UNAVAILABLE, "the connection ended"))

    def pause_writing(self) -> None:
        self.write_paused = True

    def resume_writing(self) -> None:
        self.write_paused = False
        self._wake_writers()

    def eof_received(self) -> bool:
        return False  # nobody half-closes HTTP/2

    def data_received(self, data: bytes) -> None:
        if self.error is not None:
            return
        try:
            self._read(self._rest + data if self._rest else bytes(data))
        except ProtocolError as error:
            self.break_off(error.code, error.message)

    # Frames

    def _read(self, data: bytes) -> None:
        at = self._read_preface(data) if self._preface else 0
        end = len(data)
        unpack = frames.HEAD.unpack_from
        while end - at >= frames.HEAD_SIZE:
            high, low, kind, flags, id = unpack(data, at)
            start = at + frames.HEAD_SIZE
            stop = start + (high << 8 | low)
            if stop - start > frames.DEFAULT_FRAME:
                raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, f"a frame of {stop - start} bytes")
            if stop > end:
                break
            at = stop
            id &= 0x7FFFFFFF
            if kind == frames.DATA and not self._block:
                self._on_data(flags, id, data, start, stop)
            else:
                self._on_frame(kind, flags, id, data[start:stop])
            if self.error is not None:
                return
        self._rest = data[at:]

    def _read_preface(self, data: bytes) -> int:
        """How much of `data` still belongs to what every client says first."""
        wanted = frames.PREFACE[-self._preface :]
        got = data[: len(wanted)]
        if not wanted.startswith(got):
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "this is not HTTP/2")
        self._preface -= len(got)
        return len(got)

    def _on_data(self, flags: int, id: int, data: bytes, start: int, stop: int) -> None:
        charged = stop - start
        self._window -= charged
        if self._window < 0:
            raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "more data than the connection's window")
        self._owed += charged
        if self._owed >= CONNECTION_WINDOW >> 1:
            self._window += self._owed
            self.write(frames.window_update(0, self._owed))
            self._owed = 0
        if not self._settings_seen:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        stream = self.streams.get(id)
        if stream is None:
            self._check_known(id, "DATA")
            return
        if stream.ended:
            stream.reset(ErrorCode.STREAM_CLOSED, GrpcError(Code.INTERNAL, "data after the end"))
            return
        if flags & frames.PADDED:
            data = frames.unpadded(flags & frames.PADDED, data[start:stop])
            start, stop = 0, len(data)
        stream.feed(data, start, stop, charged)
        if flags & frames.END_STREAM and not stream.ended:
            stream.end()
            self.settle(stream)

    def _on_frame(self, kind: int, flags: int, id: int, payload: bytes) -> None:
        if not self._settings_seen and (kind != frames.SETTINGS or flags & frames.ACK):
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if self._block is not None and kind != frames.CONTINUATION:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "another frame inside a header block")
        handler = HANDLERS.get(kind)
        if handler is not None:  # unknown ones are to be ignored
            handler(self, flags, id, payload)

    def _check_known(self, id: int, what: str) -> None:
        """A frame for a stream that is over is nothing; for one that never was it is an error."""
        ours = id % 2 == (1 if self._opened is None else 0)
        newest = self._next_id - 2 if ours else self._last_id
        if id == 0 or id > newest:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, f"{what} for stream {id}, which is not open")

    def _on_headers(self, flags: int, id: int, payload: bytes) -> None:
        if id == 0:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "HEADERS for stream 0")
        payload = frames.unpadded(flags & (frames.PADDED | frames.WITH_PRIORITY), payload)
        self._block = (id, flags, bytearray(payload))
        if flags & frames.END_HEADERS:
            self._finish_block()

    def _on_continuation(self, flags: int, id: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of nothing")
        if not payload and not flags & frames.END_HEADERS:
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, "an empty CONTINUATION")
        self._block[2].extend(payload)
        if len(self._block[2]) > MAX_HEADERS:
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, f"more than {MAX_HEADERS} bytes of headers")
        if flags & frames.END_HEADERS:
            self._finish_block()

    def _finish_block(self) -> None:
        assert self._block is not None
        id, flags, block = self._block
        self._block = None
        try:
            headers = self._decoder.decode(bytes(block), raw=True)
        except (HPACKError, ValueError, IndexError) as error:
            raise ProtocolError(ErrorCode.COMPRESSION_ERROR, f"bad headers: {error}") from None
        ended = bool(flags & frames.END_STREAM)
        stream = self.streams.get(id)
        if stream is None:
            if self._opened is None or id % 2 == 0 or id <= self._last_id:
                self._check_known(id, "HEADERS")
                return
            self._last_id = id
            stream = self._accept(id)
            if stream is None:
                return
        try:
            found = metadata.decode(headers)
        except ValueError as error:
            stream.reset(ErrorCode.PROTOCOL_ERROR, GrpcError(Code.INTERNAL, f"bad headers: {error}"))
            return
        self._deliver(stream, found, ended)

    def _accept(self, id: int) -> Stream | None:
        if len(self.streams) >= MAX_STREAMS or self.going:
            self.write(frames.reset(id, ErrorCode.REFUSED_STREAM))
            return None
        stream = self.streams[id] = Stream(self, id, self._stream_window)
        return stream

    def _deliver(self, stream: Stream, headers: Metadata, ended: bool) -> None:
        new = stream.headers is None
        if new:
            if headers.get(":status", [""])[0] == "100":
                return
            stream.headers = headers
            if ended:
                stream.trailers = headers  # trailers only
        elif not ended:
            stream.reset(ErrorCode.PROTOCOL_ERROR, GrpcError(Code.INTERNAL, "headers amid messages"))
            return
        else:
            stream.trailers = headers
        if ended:
            stream.end()
        stream.wake_reader()
        if new and self._opened is not None:
            self._opened(stream)
        if ended:
            self.settle(stream)

    def _on_reset(self, flags: int, id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM has 4 bytes")
        stream = self.streams.get(id)
        if stream is None:
            self._check_known(id, "RST_STREAM")
            return
        number = int.from_bytes(payload, "big")
        code = ErrorCode(number) if number <= 13 else ErrorCode.INTERNAL_ERROR
        stream.fail(
            GrpcError(
                RESETS.get(code, Code.INTERNAL),
                f"stream terminated by RST_STREAM with error code: {code.name}",
            )
        )
        self.settle(stream)

    def _on_settings(self, flags: int, id: int, payload: bytes) -> None:
        if id != 0:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "SETTINGS for a stream")
        if flags & frames.ACK:
            if payload:
                raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "an acknowledgement with settings")
            return
        if len(payload) % 6:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "half a setting")
        self._settings_seen = True
        for key, value in struct.iter_unpack(">HL", payload):
            self._set(key, value)
        self.write(frames.frame(frames.SETTINGS, frames.ACK, 0))

    def _set(self, key: int, value: int) -> None:
        if key == frames.INITIAL_WINDOW_SIZE:
            if value > frames.MAX_WINDOW:
                raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, f"a window of {value} bytes")
            change, self._stream_window = value - self._stream_window, value
            for stream in self.streams.values():
                stream.send_window += change
                if stream.send_window > frames.MAX_WINDOW:
                    raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "the window overflows")
            self._wake_writers()
        elif key == frames.MAX_FRAME_SIZE:
            if not frames.DEFAULT_FRAME <= value < 1 << 24:
                raise ProtocolError(ErrorCode.PROTOCOL_ERROR, f"frames of {value} bytes")
            self.max_frame = min(value, 1 << 17)
        elif key == frames.HEADER_TABLE_SIZE:
            self._encoder.header_table_size = min(value, 4096)
        elif key == frames.MAX_CONCURRENT_STREAMS:
            self.max_streams = value
        elif key == frames.ENABLE_PUSH and value > 1:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")

    def _on_ping(self, flags: int, id: int, payload: bytes) -> None:
        if id != 0:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "PING for a stream")
        if len(payload) != 8:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "PING has 8 bytes")
        if not flags & frames.ACK:
            self.write(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _on_goaway(self, flags: int, id: int, payload: bytes) -> None:
        if id != 0 or len(payload) < 8:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "malformed GOAWAY")
        last, number = struct.unpack_from(">LL", payload)
        self.going = True
        if self._opened is None:
            reason = payload[8:264].decode(errors="replace")
            error = GrpcError(Code.UNAVAILABLE, f"the server is going away ({number}): {reason}".rstrip(": "))
            for stream in [s for s in self.streams.values() if s.id > last & 0x7FFFFFFF]:
                stream.fail(error)
                self.settle(stream)
        if number != ErrorCode.NO_ERROR and self._transport is not None:
            self._transport.close()  # they have given up on us

    def _on_window_update(self, flags: int, id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE has 4 bytes")
        increment = int.from_bytes(payload, "big") & 0x7FFFFFFF
        if id == 0:
            self.send_window += increment
            if not increment or self.send_window > frames.MAX_WINDOW:
                raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "the connection's window overflows")
            self._wake_writers()
            return
        stream = self.streams.get(id)
        if stream is None:
            self._check_known(id, "WINDOW_UPDATE")
            return
        stream.send_window += increment
        if not increment or stream.send_window > frames.MAX_WINDOW:
            stream.reset(ErrorCode.FLOW_CONTROL_ERROR, GrpcError(Code.INTERNAL, "the window overflows"))
        else:
            stream.wake_writer()

    def _on_push(self, flags: int, id: int, payload: bytes) -> None:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "push is off")

    # What we send

    def write(self, data: bytes) -> None:
        """All of one turn of the event loop goes out at once."""
        self._out.append(data)
        self._unread += len(data)
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)
        if self._unread > FLUSH and self._transport is not None:
            self._flush()
            if self._transport.get_write_buffer_size() > MAX_UNREAD:
                # Streams wait for room; so these are answers to PINGs and the like, which nobody reads.
                self._transport.abort()

    def _flush(self) -> None:
        self._flush_due = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()
        self._unread = 0

    def _wake_writers(self) -> None:
        for stream in tuple(self.writers):
            stream.wake_writer()

    def open_stream(self) -> Stream:
        """As a client. Raises GrpcError when the connection is of no use any more."""
        if self.error is not None:
            raise self.error
        if self.going or self._next_id > frames.MAX_WINDOW:
            raise GrpcError(Code.UNAVAILABLE, "the connection is going away")
        stream = self.streams[self._next_id] = Stream(self, self._next_id, self._stream_window)
        self._next_id += 2
        return stream

    def send_headers(self, stream: Stream, headers: list[Header], end: bool) -> None:
        # Huffman's code saves a quarter, and takes hpack minutes for a megabyte of error message.
        block = self._encoder.encode(headers, huffman=False)
        self.write(frames.headers(stream.id, block, end, self.max_frame))

    def settle(self, stream: Stream) -> None:
        """Forget a stream that is over. A server's last word ends it even if the client has more to say."""
        if stream.id not in self.streams:
            return
        if not (stream.ended and stream.closed):
            if stream.closed and self._opened is not None:
                self.write(frames.reset(stream.id, ErrorCode.NO_ERROR))
            elif stream.ended and self._opened is None:
                self.write(frames.reset(stream.id, ErrorCode.NO_ERROR))
                stream.closed = True
                stream.wake_writer()
            else:
                return
        del self.streams[stream.id]
        if self.on_settled is not None:
            self.on_settled(stream)

    def refuse(self, stream: Stream, error: GrpcError) -> None:
        """What came is not acceptable: as a server say why, as a client break it off."""
        if self._opened is not None and not stream.closed:
            headers: list[Header] = []
            if not stream.answered:
                headers = [(":status", "200"), ("content-type", "application/grpc")]
            self.send_headers(stream, headers + metadata.trailers(error, {}), True)
            stream.fail(error)
            self.write(frames.reset(stream.id, ErrorCode.NO_ERROR))
            self.settle(stream)
        else:
            stream.reset(ErrorCode.CANCEL, error)

    # The end

    def break_off(self, code: ErrorCode, message: str) -> None:
        """Say what is wrong, and close."""
        logger.debug("gRPC connection: %s: %s", code.name, message)
        self.write(frames.goaway(self._last_id, code, message))
        self._flush()
        self.abandon(GrpcError(Code.UNAVAILABLE, f"the connection broke: {message}"))

    def close(self) -> None:
        if self.error is None:
            self.write(frames.goaway(self._last_id, ErrorCode.NO_ERROR, ""))
            self._flush()
            self.abandon(GrpcError(Code.UNAVAILABLE, "the connection was closed"))

    def abandon(self, error: GrpcError) -> None:
        """Every stream fails. The socket is closed after what is still to be written, within a moment."""
        if self.error is None:
            self.error = error
            for stream in list(self.streams.values()):
                stream.fail(error)
                self.settle(stream)
            self._rest = b""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            self._loop.call_later(1, self._transport.abort)  # whether or not it is read
        if not self.closed.done():
            self.closed.set_result(None)


HANDLERS: dict[int, Callable[[Connection, int, int, bytes], None]] = {
    frames.HEADERS: Connection._on_headers,
    frames.RST_STREAM: Connection._on_reset,
    frames.SETTINGS: Connection._on_settings,
    frames.PUSH_PROMISE: Connection._on_push,
    frames.PING: Connection._on_ping,
    frames.GOAWAY: Connection._on_goaway,
    frames.WINDOW_UPDATE: Connection._on_window_update,
    frames.CONTINUATION: Connection._on_continuation,
}


async def take_over(sock: socket.socket, connection: Connection) -> None:
    """Begin to speak on a connected socket, which is closed whatever comes."""
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, sock)
    except BaseException:
        sock.close()
        raise
