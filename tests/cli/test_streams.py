"""Attached streams: what is split, half-closed, detached from; against a real socket pair."""

from __future__ import annotations

import os
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.cli.errors import CliError
from sampan.cli.http import Client, Response, encode_query, escape
from sampan.cli.sockets import PlainSocket, split_address
from sampan.cli.streams import Demultiplexer, Detached, DetachFilter, Pump, parse_keys


def frame(stream, data):
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


@pytest.fixture
def outputs():
    """Two pipes to write to and a function that reads what arrived."""
    pipes = [os.pipe() for _ in range(2)]

    def collect():
        found = []
        for reader, writer in pipes:
            os.close(writer)
            with open(reader, "rb") as file:
                found.append(file.read())
        return found

    yield pipes[0][1], pipes[1][1], collect


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20)), max_size=8), st.integers(1, 7))
def test_output_is_split_however_it_is_cut(parts, step):
    class Sink(Demultiplexer):
        def __init__(self):
            super().__init__()
            self.seen = []

        def _deliver(self, stream, data):
            self.seen.append((stream, data))

    sink = Sink()
    wire = b"".join(frame(*part) for part in parts)
    for at in range(0, len(wire), step):
        sink.feed(wire[at : at + step])
    assert sink.seen == parts


def test_each_stream_goes_to_its_descriptor(outputs):
    out, err, collect = outputs
    Demultiplexer(out, err).feed(frame(1, b"a") + frame(2, b"b") + frame(1, b"c"))
    assert collect() == [b"ac", b"b"]


def test_an_error_in_the_stream_is_raised():
    with pytest.raises(CliError, match="error from daemon in stream: boom"):
        Demultiplexer().feed(frame(3, b"boom"))


def test_detach_keys():
    assert parse_keys("ctrl-p,ctrl-q") == b"\x10\x11"
    assert parse_keys("a,ctrl-@,ctrl-[") == b"a\x00\x1b"
    for bad in ("foo", "ctrl-", "ctrl-A", ""):
        with pytest.raises(CliError):
            parse_keys(bad)


@pytest.mark.parametrize(
    ("blocks", "sent"),
    [
        ([b"abc"], b"abc"),
        ([b"a\x10b"], b"a\x10b"),
        ([b"\x10", b"x"], b"\x10x"),
        ([b"\x10\x10", b"z"], b"\x10\x10z"),
    ],
)
def test_keys_that_do_not_detach_are_passed_on(blocks, sent):
    keys = DetachFilter(b"\x10\x11")
    assert b"".join(keys.feed(block) for block in blocks) == sent


@pytest.mark.parametrize("blocks", [[b"\x10\x11"], [b"ab\x10", b"\x11"], [b"\x10\x10\x11"]])
def test_keys_that_detach(blocks):
    keys = DetachFilter(b"\x10\x11")
    with pytest.raises(Detached):
        for block in blocks:
            keys.feed(block)


@pytest.fixture
def attached(monkeypatch):
    """A Pump on a socket pair whose stdin is a pipe: (start, other end, stdin writer)."""
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    saved = os.dup(0)
    os.dup2(reader, 0)
    os.close(reader)
    ends = [theirs]
    yield PlainSocket(fileno=ours.detach()), theirs, writer
    os.dup2(saved, 0)
    os.close(saved)
    for end in ends:
        end.close()


def test_input_reaches_the_container_and_its_end_too(attached):
    connection, theirs, writer = attached
    received = []

    def container():
        while data := theirs.recv(1 << 16):
            received.append(data)
        theirs.close()  # only after the end of input: the pump must have closed its half alone

    thread = threading.Thread(target=container)
    thread.start()
    os.write(writer, b"hello")
    os.close(writer)
    Pump(connection, b"", stdin=True, tty=False).run()
    thread.join()
    assert b"".join(received) == b"hello"


def test_a_container_that_reads_late_does_not_block_its_own_output(attached, capfd):
    connection, theirs, writer = attached
    size = 4 << 20  # more than both socket buffers hold

    def user():
        with open(writer, "wb") as file:
            file.write(bytes(size))

    def container():
        for _ in range(64):
            theirs.sendall(frame(1, bytes(1 << 15)))
        left = size
        while left:
            left -= len(theirs.recv(1 << 16))
        theirs.close()

    threads = [threading.Thread(target=work) for work in (user, container)]
    for thread in threads:
        thread.start()
    Pump(connection, b"", stdin=True, tty=False).run()
    for thread in threads:
        thread.join()
    assert len(capfd.readouterr().out) == 64 << 15


def exchange(answer, method="GET"):
    ours, theirs = socket.socketpair()
    theirs.sendall(answer)
    theirs.close()
    kept = []
    response = Response(PlainSocket(fileno=ours.detach()), kept.append, method == "HEAD")
    return response, kept


@pytest.mark.parametrize(
    ("answer", "body", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc", True),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            b"abcde",
            True,
        ),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", b"until the end", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", True),
    ],
)
def test_bodies_in_every_framing(answer, body, reusable):
    response, kept = exchange(answer)
    assert response.read() == body
    assert bool(kept) == reusable
    for connection in kept:
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
    ],
)
def test_a_broken_answer_is_an_error_not_a_traceback(answer):
    with pytest.raises(CliError):
        exchange(answer)[0].read()


def test_messages_arrive_as_json_values():
    parts = [b'{"a":1}\r\n', b'{"b"', b':"\xc3', b'\xa9"}\n']
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    response, kept = exchange(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert list(response.messages()) == [{"a": 1}, {"b": "\u00e9"}]
    for connection in kept:
        connection.close()


def test_addresses_and_queries():
    assert split_address("[::1]:99/x") == ("::1", 99)
    assert split_address("host") == ("host", 2375)
    assert escape("a/b c\udcff") == "a%2Fb%20c%FF"
    assert encode_query({"a": "1 2", "b": ["x", "y"]}) == "?a=1%202&b=x&b=y"
    with pytest.raises(CliError):
        Client("unix:///nowhere/at/all.sock").get("/info")
