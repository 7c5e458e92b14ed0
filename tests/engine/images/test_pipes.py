"""The pipe between the event loop and a worker thread never hangs, whoever ends first."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from sampan.engine.images.ingest import run_with_stream
from sampan.engine.images.pipes import LIMIT, pieces


async def source(count: int, size: int = 1000) -> AsyncIterator[bytes]:
    for index in range(count):
        yield bytes([index % 256]) * size
        yield b""


def measure(chunks: Iterable[bytes]) -> int:
    return sum(len(chunk) for chunk in chunks)


async def test_all_comes_through_in_order() -> None:
    joined = await run_with_stream(source(500), lambda chunks: b"".join(chunks))
    assert joined == b"".join([chunk async for chunk in source(500)])


async def test_a_slow_reader_holds_the_source_back() -> None:
    given = taken = most = 0

    async def fast() -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(100):
            given += LIMIT // 4
            yield bytes(LIMIT // 4)

    def slow(chunks: Iterable[bytes]) -> None:
        nonlocal taken, most
        for chunk in chunks:
            most = max(most, given - taken)
            taken += len(chunk)

    await run_with_stream(fast(), slow)
    assert taken == given and most <= 2 * LIMIT


async def test_a_reader_that_wants_no_more_ends_it() -> None:
    assert await asyncio.wait_for(
        run_with_stream(source(1000, LIMIT), lambda chunks: len(next(iter(chunks)))), 10
    )


async def test_a_reader_that_fails_ends_it() -> None:
    def fail(chunks: Iterable[bytes]) -> None:
        next(iter(chunks))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(run_with_stream(source(1000, LIMIT), fail), 10)


async def test_a_source_that_fails_ends_it() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(run_with_stream(broken(), measure), 10)


async def test_cancelling_waits_for_the_reader() -> None:
    ended = False

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0)

    def read(chunks: Iterable[bytes]) -> None:
        nonlocal ended
        try:
            measure(chunks)
        finally:
            ended = True

    task = asyncio.create_task(run_with_stream(endless(), read))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended


async def test_pieces_come_from_a_thread() -> None:
    assert [piece async for piece in pieces(iter([b"a", b"b"]))] == [b"a", b"b"]
