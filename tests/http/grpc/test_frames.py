"""Frames as anybody may send them: split anywhere, broken, endless. Connections without sockets."""

import asyncio
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hpack import Encoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.http.grpc import frames
from sampan.http.grpc.connection import CONNECTION_WINDOW, MAX_STREAMS, Connection
from sampan.http.grpc.stream import WINDOW, Stream

SETTINGS = frames.settings({})
HELLO = frames.PREFACE + SETTINGS
REQUEST = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/s/m"),
    (":authority", "a"),
    ("content-type", "application/grpc"),
)


class Wire(asyncio.Transport):
    """What a connection would have written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return len(self.written)  # nobody reads it

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


def server() -> tuple[Connection, Wire, list[Stream]]:
    streams: list[Stream] = []
    connection = Connection(streams.append)
    wire = Wire()
    connection.connection_made(wire)
    return connection, wire, streams


def open_stream(id: int = 1, *, end: bool = False) -> bytes:
    return frames.headers(id, Encoder().encode(REQUEST), end, frames.DEFAULT_FRAME)


def message(data: bytes) -> bytes:
    return b"\0" + len(data).to_bytes(4, "big") + data


def data(id: int, payload: bytes, flags: int = 0) -> bytes:
    return frames.frame(frames.DATA, flags, id, payload)


def sent_frames(wire: Wire) -> list[tuple[int, int, int, bytes]]:
    found, at = [], 0
    while at < len(wire.written):
        high, low, kind, flags, id = frames.HEAD.unpack_from(wire.written, at)
        size = high << 8 | low
        found.append((kind, flags, id, wire.written[at + 9 : at + 9 + size]))
        at += 9 + size
    return found


def test_frames_are_found_however_they_are_split() -> None:
    words = [b"", b"a", b"b" * 300, b"c" * 20_000]
    stream = b"".join(map(message, words))
    # Frames that break messages anywhere, padding in one.
    wire_bytes = HELLO + open_stream()
    wire_bytes += data(1, stream[:3]) + frames.frame(frames.PING, 0, 0, b"12345678")
    wire_bytes += data(1, b"\x04" + stream[3:8] + b"\0" * 4, frames.PADDED)
    wire_bytes += frames.frame(77, 3, 1, b"unknown") + data(1, stream[8:9000])
    wire_bytes += data(1, stream[9000:], frames.END_STREAM)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.integers(0, len(wire_bytes)), max_size=30))
    def check(cuts: list[int]) -> None:
        async def run() -> None:
            connection, _, streams = server()
            edges = [0, *sorted(cuts), len(wire_bytes)]
            for start, end in pairwise(edges):
                connection.data_received(wire_bytes[start:end])
            assert connection.error is None
            found = [await streams[0].take() for _ in range(5)]
            assert found == [*words, None]

        asyncio.run(run())

    check()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.builds(
                lambda kind, flags, id, payload: frames.frame(kind, flags, id, payload),
                st.integers(0, 12),
                st.integers(0, 255),
                st.integers(0, 6),
                st.binary(max_size=40),
            ),
            st.sampled_from([open_stream(1), open_stream(3, end=True), data(1, message(b"x")), SETTINGS]),
        ),
        max_size=12,
    )
)
def test_garbage_never_crashes(parts: list[bytes]) -> None:
    async def run() -> None:
        connection, wire, streams = server()
        connection.data_received(HELLO)
        for part in parts:
            connection.data_received(part)
        if connection.error is not None:
            assert wire.closed and not connection.streams
            assert all(stream.error is not None or stream.ended for stream in streams)

    asyncio.run(run())


def settings_of(key: int, value: int) -> bytes:
    return frames.settings({key: value})


BROKEN: list[tuple[str, bytes, frames.ErrorCode]] = [
    ("no HTTP/2 at all", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", frames.ErrorCode.PROTOCOL_ERROR),
    ("the preface, then no settings", frames.PREFACE + open_stream(), frames.ErrorCode.PROTOCOL_ERROR),
    ("the preface, then data", frames.PREFACE + data(1, b""), frames.ErrorCode.PROTOCOL_ERROR),
    ("a frame beyond the limit", HELLO + data(1, b"x" * 16385), frames.ErrorCode.FRAME_SIZE_ERROR),
    ("data for no stream", HELLO + data(1, b"x"), frames.ErrorCode.PROTOCOL_ERROR),
    ("data for stream 0", HELLO + data(0, b"x"), frames.ErrorCode.PROTOCOL_ERROR),
    ("headers for stream 0", HELLO + open_stream(0), frames.ErrorCode.PROTOCOL_ERROR),
    ("a stream of the server's", HELLO + open_stream(2), frames.ErrorCode.PROTOCOL_ERROR),
    (
        "headers that are no HPACK",
        HELLO + frames.frame(frames.HEADERS, frames.END_HEADERS, 1, b"\xff" * 20),
        frames.ErrorCode.COMPRESSION_ERROR,
    ),
    (
        "a bomb of headers",
        HELLO
        + frames.headers(
            1, Encoder().encode([("x", "y" * 4000)]) + b"\xbe" * 1000, False, frames.DEFAULT_FRAME
        ),
        frames.ErrorCode.COMPRESSION_ERROR,
    ),
    (
        "headers without end",
        HELLO
        + frames.frame(frames.HEADERS, 0, 1, b"")
        + frames.frame(frames.CONTINUATION, 0, 1, b"x" * 16000) * 17,
        frames.ErrorCode.ENHANCE_YOUR_CALM,
    ),
    (
        "empty continuations",
        HELLO + frames.frame(frames.HEADERS, 0, 1, b"") + frames.frame(frames.CONTINUATION, 0, 1, b""),
        frames.ErrorCode.ENHANCE_YOUR_CALM,
    ),
    (
        "another frame amid headers",
        HELLO + frames.frame(frames.HEADERS, 0, 1, b"") + frames.frame(frames.PING, 0, 0, b"12345678"),
        frames.ErrorCode.PROTOCOL_ERROR,
    ),
    (
        "data amid headers",
        HELLO + open_stream() + frames.frame(frames.HEADERS, 0, 3, b"") + data(1, b"x"),
        frames.ErrorCode.PROTOCOL_ERROR,
    ),
    ("a continuation of nothing", HELLO + frames.frame(9, 4, 1, b"x"), frames.ErrorCode.PROTOCOL_ERROR),
    (
        "more padding than frame",
        HELLO + open_stream() + data(1, b"\x09ab", 8),
        frames.ErrorCode.PROTOCOL_ERROR,
    ),
    ("half a setting", HELLO + frames.frame(4, 0, 0, b"123"), frames.ErrorCode.FRAME_SIZE_ERROR),
    ("settings for a stream", HELLO + frames.frame(4, 0, 1, b""), frames.ErrorCode.PROTOCOL_ERROR),
    ("too large a window", HELLO + settings_of(4, 1 << 31), frames.ErrorCode.FLOW_CONTROL_ERROR),
    ("too small a frame", HELLO + settings_of(5, 100), frames.ErrorCode.PROTOCOL_ERROR),
    ("push", HELLO + frames.frame(5, 4, 1, b"\0\0\0\2"), frames.ErrorCode.PROTOCOL_ERROR),
    ("a short ping", HELLO + frames.frame(6, 0, 0, b"123"), frames.ErrorCode.FRAME_SIZE_ERROR),
    (
        "the connection's window overflows",
        HELLO + frames.window_update(0, (1 << 31) - 1),
        frames.ErrorCode.FLOW_CONTROL_ERROR,
    ),
    (
        "a window that grows by nothing",
        HELLO + frames.window_update(0, 0),
        frames.ErrorCode.FLOW_CONTROL_ERROR,
    ),
    ("a window of no stream", HELLO + frames.window_update(9, 1), frames.ErrorCode.PROTOCOL_ERROR),
    (
        "a reset of no stream",
        HELLO + frames.reset(9, frames.ErrorCode.CANCEL),
        frames.ErrorCode.PROTOCOL_ERROR,
    ),
    (
        "empty frames without end",
        HELLO + open_stream() + data(1, b"") * 1001,
        frames.ErrorCode.ENHANCE_YOUR_CALM,
    ),
    (
        "more data than a stream's window",
        HELLO + open_stream() + data(1, message(b"x" * 16379)) * (WINDOW // 16384 + 70),
        frames.ErrorCode.FLOW_CONTROL_ERROR,
    ),
]


@pytest.mark.parametrize(("sent", "code"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
async def test_what_is_against_the_rules_ends_the_connection(sent: bytes, code: frames.ErrorCode) -> None:
    connection, wire, _ = server()
    for at in range(0, len(sent), 65536):
        connection.data_received(sent[at : at + 65536])
    last = sent_frames(wire)[-1]
    assert (last[0], frames.ErrorCode(struct.unpack_from(">LL", last[3])[1])) == (frames.GOAWAY, code)
    assert wire.closed and connection.closed.done() and not connection.streams
    connection.data_received(b"more")  # and nothing happens


STREAM_ERRORS: list[tuple[str, bytes]] = [
    ("data after the end", open_stream(end=True) + data(1, b"x")),
    ("a window that overflows", open_stream() + frames.window_update(1, (1 << 31) - 1)),
    ("headers amid messages", open_stream() + open_stream()),
    (
        "upper case in a name",
        frames.headers(1, Encoder().encode([("Upper", "x")]), False, frames.DEFAULT_FRAME),
    ),
]


@pytest.mark.parametrize("sent", [row[1] for row in STREAM_ERRORS], ids=[row[0] for row in STREAM_ERRORS])
async def test_a_streams_mistake_ends_only_the_stream(sent: bytes) -> None:
    connection, wire, streams = server()
    connection.data_received(HELLO + sent + open_stream(3))
    await asyncio.sleep(0)
    assert connection.error is None
    assert [id for kind, _, id, _ in sent_frames(wire) if kind == frames.RST_STREAM] == [1]
    assert streams[-1].id == 3 and list(connection.streams) == [3]


async def test_streams_beyond_the_limit_are_refused() -> None:
    connection, wire, streams = server()
    connection.data_received(HELLO + b"".join(open_stream(2 * n + 1) for n in range(MAX_STREAMS + 10)))
    await asyncio.sleep(0)
    assert len(streams) == MAX_STREAMS and connection.error is None
    refused = [body for kind, _, _, body in sent_frames(wire) if kind == frames.RST_STREAM]
    assert refused == [b"\0\0\0\x07"] * 10


async def test_pings_are_answered_until_nobody_reads_the_answers() -> None:
    connection, wire, _ = server()
    connection.data_received(HELLO + frames.frame(frames.PING, 0, 0, b"12345678"))
    await asyncio.sleep(0)
    assert (frames.PING, frames.ACK, 0, b"12345678") in sent_frames(wire)
    ping = frames.frame(frames.PING, 0, 0, b"12345678") * 10_000
    for _ in range(100):
        connection.data_received(ping)
        if wire.closed:
            break
    assert wire.closed and len(wire.written) < 10 << 20


async def test_windows_come_back_while_messages_are_taken() -> None:
    connection, wire, streams = server()
    connection.data_received(HELLO + open_stream())
    wire.written = b""
    chunk = data(1, message(b"x" * 10_000))
    for _ in range(1000):  # five windows
        connection.data_received(chunk)
        assert await streams[0].take() is not None
    await asyncio.sleep(0)
    given_back = [
        (id, int.from_bytes(body, "big"))
        for kind, _, id, body in sent_frames(wire)
        if kind == frames.WINDOW_UPDATE
    ]
    assert sum(size for id, size in given_back if id == 1) > 10_000_000 - WINDOW
    assert sum(size for id, size in given_back if id == 0) > 10_000_000 - CONNECTION_WINDOW
    assert len(given_back) < 20  # in large pieces


async def test_settings_change_windows_of_open_streams() -> None:
    connection, _, streams = server()
    connection.data_received(HELLO + open_stream())
    connection.data_received(settings_of(frames.INITIAL_WINDOW_SIZE, 10))
    assert streams[0].send_window == 10
    sending = asyncio.create_task(streams[0].send([b"x" * 100]))
    await asyncio.sleep(0)
    assert streams[0].send_window == 0 and not sending.done()
    connection.data_received(settings_of(frames.INITIAL_WINDOW_SIZE, 0))
    assert streams[0].send_window == -10
    connection.data_received(frames.window_update(1, 200))
    await asyncio.wait_for(sending, 5)


def test_status_messages_survive_any_text() -> None:
    from sampan.http.grpc import metadata as md
    from sampan.http.grpc.status import Code, GrpcError

    @given(st.text(), st.sampled_from([code for code in Code if code]))
    def check(text: str, code: Code) -> None:
        try:
            text.encode()
        except UnicodeEncodeError:
            return
        headers = {name: [value] for name, value in md.trailers(GrpcError(code, text), {})}
        found = md.status_of(headers)  # type: ignore[arg-type]
        assert found is not None and (found.code, found.message) == (code, text)

    check()


TIMEOUTS: list[tuple[str, float | None]] = [("", None), ("5S", 5), ("100m", 0.1), ("7u", 7e-6), ("1H", 3600)]


@pytest.mark.parametrize(("text", "seconds"), TIMEOUTS)
def test_timeouts_are_read(text: str, seconds: float | None) -> None:
    from sampan.http.grpc.metadata import timeout

    assert timeout(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("text", ["5", "S", "5x", "-5S", "1234567890S", "5.0S", "٣S"])
def test_bad_timeouts_are_refused(text: str) -> None:
    from sampan.http.grpc.metadata import timeout

    call: Callable[[str], float | None] = timeout
    with pytest.raises(ValueError):
        call(text)
