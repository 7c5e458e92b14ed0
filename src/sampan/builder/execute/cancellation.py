"""Work in a thread that ends soon after nobody waits for it any more."""

import asyncio
import threading
from collections.abc import Awaitable, Iterable, Iterator
from typing import TypeVar

from sampan.errors import Failed

T = TypeVar("T")


class Stop:
    """Set from the event loop, asked in the thread."""

    def __init__(self) -> None:
        self._set = threading.Event()

    def check(self) -> None:
        """Raises Failed."""
        if self._set.is_set():
            raise Failed("canceled")

    def each(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.check()
            yield chunk

    async def ending(self, work: Awaitable[T]) -> T:
        """Await `work` to its end even when cancelled, which tells it to stop: it owns files meanwhile."""
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._set.set()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # seen: it was told to
            raise
