"""A bounded pipe from the event loop to a worker thread, and pieces from a thread to the event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
LIMIT = 4 << 20  # bytes in flight


class Aborted(Exception):
    """Raised in the thread when the stream ended before its end."""


class Feed:
    """The loop fills, the thread iterates."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        self._room = asyncio.Event()
        self._room.set()
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._ended = self._unread = False
        self._error: BaseException | None = None

    def run(self, work: Callable[[Iterable[bytes]], T]) -> T:
        """In the thread. Whatever `work` does, a filler that waits is let go."""
        try:
            return work(self)
        finally:
            self._unread = True
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._room.set)

    async def fill(self, chunks: AsyncIterator[bytes]) -> None:
        """Until the stream ends, or the thread does not want more."""
        async for chunk in chunks:
            if not chunk:
                continue
            with self._changed:
                self._chunks.append(chunk)
                self._size += len(chunk)
                if self._size >= LIMIT:
                    self._room.clear()
                self._changed.notify()
            if self._unread:
                return
            await self._room.wait()
        with self._changed:
            self._ended = True
            self._changed.notify()

    def fail(self, error: BaseException) -> None:
        """End the thread's iteration with an error."""
        with self._changed:
            self._error = error
            self._changed.notify()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                while not self._chunks and not self._ended and self._error is None:
                    self._changed.wait()
                if self._error is not None:
                    raise Aborted("the stream was cut off") from self._error
                if not self._chunks:
                    return
                chunk = self._chunks.popleft()
                full = self._size >= LIMIT
                self._size -= len(chunk)
            if full and self._size < LIMIT:
                self._loop.call_soon_threadsafe(self._room.set)
            yield chunk


async def pieces(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Each next piece is made in a thread while the one before is used; for pieces worth the trip (1 MB)."""
    iterator = iter(chunks)
    ahead = asyncio.ensure_future(asyncio.to_thread(next, iterator, None))
    try:
        while (piece := await asyncio.shield(ahead)) is not None:
            ahead = asyncio.ensure_future(asyncio.to_thread(next, iterator, None))
            yield piece
    finally:
        # The thread is inside the iterator: only after it may it be closed.
        await asyncio.gather(ahead, return_exceptions=True)
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
