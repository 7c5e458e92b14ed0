"""Work nobody waits for any more stops at the next piece, and is waited for until then."""

import asyncio
import threading

import pytest

from sampan.builder.execute.cancellation import Stop
from sampan.errors import Failed


async def test_a_cancelled_stream_ends_at_its_next_piece() -> None:
    stop, started, taken = Stop(), threading.Event(), []

    def endless():  # type: ignore[no-untyped-def]
        while True:
            started.set()
            yield b"x"

    def work() -> None:
        try:
            for chunk in stop.each(endless()):
                taken.append(chunk)
        finally:
            taken.append(b"ended")

    waiting = asyncio.ensure_future(stop.ending(asyncio.to_thread(work)))
    await asyncio.to_thread(started.wait)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert taken[-1] == b"ended"


async def test_what_it_raises_is_raised() -> None:
    def broken() -> None:
        raise Failed("why")

    with pytest.raises(Failed, match="why"):
        await Stop().ending(asyncio.to_thread(broken))
