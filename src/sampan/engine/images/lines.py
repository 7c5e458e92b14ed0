"""Progress lines to a client that may be slow: the work never waits for it, and what it misses is old."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sampan.engine.images.progress import Line, Send

T = TypeVar("T")
Put = Callable[[Line], None]


class Lines:
    """In order; a progress line nobody has read yet gives way to the next one of the same layer."""

    def __init__(self) -> None:
        self._waiting: deque[Line] = deque()
        self._progress: dict[str, Line] = {}
        self._changed = asyncio.Event()
        self._ended = False

    def put(self, line: Line) -> None:
        id = line.get("id", "")
        old = self._progress.get(id)
        if old is not None and "progress" in line and old["status"] == line["status"]:
            old.update(line)
            return
        line = dict(line)
        self._waiting.append(line)
        if "progress" in line:
            self._progress[id] = line
        else:
            self._progress.pop(id, None)
        self._changed.set()

    def end(self) -> None:
        self._ended = True
        self._changed.set()

    async def run(self, send: Send) -> None:
        """Until `end`, and all has been sent."""
        while True:
            while self._waiting:
                line = self._waiting.popleft()
                if self._progress.get(line.get("id", "")) is line:
                    del self._progress[line.get("id", "")]
                await send(line)
            if self._ended:
                return
            self._changed.clear()
            await self._changed.wait()


async def with_lines(send: Send, work: Callable[[Put], Awaitable[T]]) -> T:
    """Run `work`, whose lines go to `send`; a client that went away ends it."""
    lines = Lines()
    sender = asyncio.ensure_future(lines.run(send))
    main = asyncio.ensure_future(work(lines.put))
    try:
        await asyncio.wait({sender, main}, return_when=asyncio.FIRST_COMPLETED)
        if not main.done():
            sender.result()
        lines.end()
        await sender
        return await main
    finally:
        for task in (main, sender):
            task.cancel()
        await asyncio.wait({main, sender})
        if main.done() and not main.cancelled():
            main.exception()  # told by now, or outdone by the client's disappearance
