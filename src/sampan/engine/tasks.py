"""Work that goes on by itself: each such task has an owner, which hears how it ended, and ends it at last."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

log = logging.getLogger("sampan.tasks")
T = TypeVar("T")


class Tasks:
    """Of one owner. What a task raises is logged: nobody else waits for it."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a background task failed", exc_info=error)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """What it returns or raises; when the caller is cancelled, the work goes on without it."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._left)
        return await asyncio.shield(task)

    def _left(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # the caller's, or nobody's wish any more

    async def stop(self) -> None:
        """Cancel what is under way, and wait for its end; the same for what that begins."""
        told: set[asyncio.Task[Any]] = set()
        while self._running:
            for task in self._running - told:
                task.cancel()
            told |= self._running
            await asyncio.wait(self._running)
