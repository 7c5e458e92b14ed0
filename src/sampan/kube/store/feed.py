"""Writes of this process on their way to those who watch, in the order in which they became durable."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable

from sampan.errors import SampanError
from sampan.kube.store.store import Batch

PENDING = 20_000  # changes that a watcher may leave lying before they are read from the disk instead

Replay = Callable[[str, int, int], Awaitable[Batch]]  # prefix, after, until: some of them, in order


class Watcher:
    """One of those who watch. `behind`: what it needs next is no longer in its queue, only on the disk."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.behind = True
        self.queue: deque[Batch] = deque()
        self.idle = asyncio.Event()  # everything there is has been taken
        self._pending = 0
        self._wake: asyncio.Future[None] | None = None

    def add(self, changes: Batch) -> None:
        mine = [change for change in changes if change.key.startswith(self.prefix)]
        if mine and not self.behind:
            self._pending += len(mine)
            self.queue.append(mine)
            if self._pending > PENDING:
                self.skip()
            self.wake()

    def skip(self) -> None:
        self.behind = True
        self.queue.clear()
        self._pending = 0

    def go_live(self) -> None:
        self.behind = False

    def take(self) -> Batch:
        batch = self.queue.popleft()
        self._pending -= len(batch)
        return batch

    def wake(self) -> None:
        self.idle.clear()
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def wait(self) -> None:
        self.idle.set()
        self._wake = asyncio.get_running_loop().create_future()
        await self._wake


class Feed:
    """Hands each durable batch to all watchers; `revision` is the last that was handed out."""

    def __init__(self, revision: int, replay: Replay) -> None:
        self.revision = revision
        self._replay = replay
        self._watchers: set[Watcher] = set()
        self._closed: SampanError | None = None
        self._watched = asyncio.Event()

    def publish(self, changes: Batch) -> None:
        self.revision = changes[-1].revision
        for watcher in self._watchers:
            watcher.add(changes)

    async def watch(self, prefix: str, revision: int) -> AsyncGenerator[Batch, None]:
        """As Store.watch."""
        watcher = Watcher(prefix)
        self._watchers.add(watcher)
        self._watched.set()
        try:
            while True:
                if self._closed is not None:
                    raise self._closed
                if watcher.behind:
                    until = self.revision
                    watcher.go_live()  # before anything is awaited: what comes after `until` is queued
                    while revision < until and (batch := await self._replay(prefix, revision, until)):
                        yield batch
                        revision = batch[-1].revision
                    revision = max(revision, until)
                elif not watcher.queue:
                    await watcher.wait()
                else:
                    batch = [change for change in watcher.take() if change.revision > revision]
                    if batch:
                        yield batch
                        revision = batch[-1].revision
        finally:
            self._watchers.discard(watcher)
            watcher.idle.set()
            if not self._watchers:
                self._watched.clear()

    async def reached(self) -> int:
        """As Store.reached."""
        await self._watched.wait()
        revision = self.revision
        for watcher in tuple(self._watchers):
            await watcher.idle.wait()
        return revision

    def close(self, error: SampanError) -> None:
        """Whoever watches hears of the end."""
        self._closed = error
        for watcher in self._watchers:
            watcher.wake()
