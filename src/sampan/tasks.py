"""Work that goes on beside its owner, who hears how it ends, and ends it at last."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

log = logging.getLogger("sampan.tasks")
T = TypeVar("T")


class Tasks:
    """The tasks of one owner."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """For what nobody waits for: a failure is logged."""
        task = self._begin(work)
        task.add_done_callback(_log_failure)
        return task

    def share(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """For what others await, shielded, as one of them may leave: a failure is theirs."""
        task = self._begin(work)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """What it returns or raises; when the caller is cancelled, the work goes on without it."""
        return await asyncio.shield(self.share(work))

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def stop(self) -> None:
        """Cancel what is under way, what that begins as well, and wait for the end of all."""
        told: set[asyncio.Task[Any]] = set()
        while self._running:
            for task in self._running - told:
                task.cancel()
            told |= self._running
            await asyncio.wait(self._running)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a background task failed", exc_info=error)
