"""Those who wait for a number to grow."""

import asyncio
from heapq import heapify, heappop, heappush
from itertools import count


class Waiters:
    """The smallest numbers first, so that waking asks only those whose time it is."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    async def wait(self, number: int) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._heap, (number, next(self._order), future))
        try:
            await future
        finally:
            if future.cancelled():  # what nobody waits for must not stay: the number may be far away
                self._heap = [row for row in self._heap if row[2] is not future]
                heapify(self._heap)

    def wake(self, reached: int) -> None:
        """Those who wait for `reached` or less."""
        while self._heap and self._heap[0][0] <= reached:
            future = heappop(self._heap)[2]
            if not future.done():
                future.set_result(None)
