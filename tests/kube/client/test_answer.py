"""Answers come in any pieces; what is none ends the connection."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client import answer
from sampan.kube.client.answer import HEAD, Answer, Malformed

COUNTED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\n\r\n"
TRAILED = CHUNKED[:-2] + b"Checksum: 1\r\nOther: 2\r\n\r\n"
INFORMED = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + COUNTED

# what comes, the status, the body, may the connection be used again?
ANSWERS = [
    (COUNTED, 200, b"hello", True),
    (CHUNKED, 201, b"hello", True),
    (TRAILED, 201, b"hello", True),
    (INFORMED, 200, b"hello", True),
    (b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", 204, b"", True),
    (b"HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", 200, b"", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello", 200, b"hello", True),
    (b"HTTP/1.1 409 Conflict\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", 409, b"hello", False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello", False),
]

MALFORMED = [
    b"SSH-2.0-OpenSSH\r\n\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    CHUNKED.replace(b"3\r\n", b"x\r\n"),
    CHUNKED.replace(b"3\r\n", b"-3\r\n"),
    CHUNKED.replace(b"3\r\n", b"2\r\n"),
    CHUNKED.replace(b"3\r\n", b"f" * 300),
    COUNTED + COUNTED,
    CHUNKED + b"\n",
    b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * HEAD,
    CHUNKED[:-2] + b"A: b\r\n" * HEAD,
]


def fed(data: bytes, cuts: list[int]) -> Answer:
    found = Answer()
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(bounds):
        found.feed(data[start:end])
    return found


@pytest.mark.parametrize(("data", "code", "body", "reusable"), ANSWERS)
@given(cuts=st.lists(st.integers(0, 200), max_size=8))
def test_an_answer_is_the_same_in_any_pieces(
    data: bytes, code: int, body: bytes, reusable: bool, cuts: list[int]
) -> None:
    found = fed(data, cuts)
    assert (found.code, found.done, found.reusable) == (code, True, reusable)
    assert b"".join(found.take()) == body


@pytest.mark.parametrize("data", MALFORMED, ids=range(len(MALFORMED)))
@given(cuts=st.lists(st.integers(0, 200), max_size=4))
def test_what_is_no_answer_is_refused(data: bytes, cuts: list[int]) -> None:
    with pytest.raises(Malformed):
        fed(data, cuts)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_refused(data: bytes) -> None:
    try:
        fed(b"HTTP/1.1 200 OK\r\n" + data, [7, 30])
    except Malformed:
        pass


@pytest.mark.parametrize("length", range(1, len(CHUNKED)))
def test_an_answer_that_breaks_off_is_none(length: int) -> None:
    found = fed(CHUNKED[:length], [])
    with pytest.raises(Malformed):
        found.end()


def test_a_body_without_a_length_goes_on_until_the_end() -> None:
    found = fed(b"HTTP/1.1 200 OK\r\n\r\nhello", [3])
    assert not found.done
    found.end()
    assert found.done and not found.reusable and found.take() == [b"hello"]


def test_a_body_that_nobody_could_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "LARGEST", 1000)
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    found = Answer()
    found.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
    with pytest.raises(Malformed):
        found.feed(chunk)


def test_what_has_been_taken_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "LARGEST", 1000)
    found = Answer()
    found.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(5):
        found.feed(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        assert len(b"".join(found.take())) == 1000
