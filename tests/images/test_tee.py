"""A stream is handed on while another thread writes it: all of it, in order, or the error."""

import threading
from collections.abc import Iterator

import pytest

from sampan.images.tee import LIMIT, SMALL, tee

MB = 1 << 20


def stream(count: int, size: int = MB) -> Iterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * size


@pytest.mark.parametrize(("count", "size"), [(0, 0), (1, 10), (3, SMALL // 2), (40, MB), (1, 3 * LIMIT)])
def test_everything_is_written_in_order(count: int, size: int) -> None:
    written: list[bytes] = []
    assert b"".join(tee(stream(count, size), written.append)) == b"".join(stream(count, size))
    assert b"".join(written) == b"".join(stream(count, size))


def test_what_is_not_yet_written_is_bounded() -> None:
    gate, seen = threading.Event(), 0

    def slow(chunk: bytes) -> None:
        nonlocal seen
        if seen >= 2:
            gate.wait(30)
        seen += 1

    handed = 0
    for _ in tee(stream(60), slow):
        handed += 1
        if handed == 15:
            assert seen <= 3
            gate.set()
    assert (handed, seen) == (60, 60)


@pytest.mark.parametrize("at", [0, 1, 2, 5, 29])
def test_a_failed_write_is_raised(at: int) -> None:
    count = -1

    def fail(chunk: bytes) -> None:
        nonlocal count
        count += 1
        if count == at:
            raise ValueError("full")

    with pytest.raises(ValueError, match="full"):
        for _ in tee(stream(30), fail):
            pass
    assert count == at


def test_dropping_the_stream_stops_the_writer() -> None:
    before = threading.active_count()
    chunks = tee(stream(100), lambda chunk: None)
    for _ in range(5):
        next(chunks)
    chunks.close()
    assert threading.active_count() == before
