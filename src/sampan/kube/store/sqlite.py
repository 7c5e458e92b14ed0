"""The store in one SQLite file: reads beside the writer, writes by a thread of their own (commits.py).

`await SqliteStore.open(path)`; the rest is store.py's interface.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sampan.errors import Invalid, Unavailable
from sampan.kube.store import database, reads
from sampan.kube.store.commits import Committer
from sampan.kube.store.feed import Feed
from sampan.kube.store.store import Ahead, Batch, Compacted, Entry, Page
from sampan.kube.store.transactions import Outcome, Wish

T = TypeVar("T")
SECOND = 10**9


class SqliteStore:
    """Belongs to the event loop that opened it."""

    def __init__(self, path: Path, db: sqlite3.Connection, clock: Callable[[], int], lock: int) -> None:
        self._lock = lock
        self.path = path
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._inline = database.reader(path)  # of the event loop, for what is quick
        self._beside = database.reader(path)  # of the thread for what is not
        self._thread = ThreadPoolExecutor(1, "kube-store-reads")
        self._commits = Committer(db, path, clock, self._deliver_soon)
        self._feed = Feed(self._commits.revision, self._replay)
        self._waiting: set[asyncio.Future[Any]] = set()
        self._closed = False
        self._commits.start()

    @classmethod
    async def open(cls, path: Path, *, clock: Callable[[], int] = time.time_ns) -> "SqliteStore":
        """`clock`: nanoseconds since 1970, for what expires. Raises Unavailable and Unsupported."""
        lock = database.lock(path)
        try:
            return cls(path, await asyncio.to_thread(database.open_file, path), clock, lock)
        except BaseException:
            os.close(lock)
            raise

    async def revision(self) -> int:
        return self._feed.revision

    async def get(self, key: str) -> Entry | None:
        self._check_open()
        try:  # some 15 us while the pages are in memory: a hand-over to a thread takes longer
            return reads.entry(self._inline, _encodable(key))
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    async def list(self, prefix: str, *, revision: int = 0, start: str = "", limit: int = 0) -> Page:
        _encodable(prefix + start)
        return await self._read(lambda: reads.page(self._beside, prefix, revision, start, limit))

    async def write(self, key: str, value: bytes | None, *, expected: int | None, ttl: int = 0) -> int:
        self._check_open()
        # To whole seconds, so that a sweep finds many at a time.
        expiry = (self._clock() // SECOND + ttl + 1) * SECOND if ttl and value is not None else None
        future: asyncio.Future[int] = self._loop.create_future()
        self._commits.put(Wish(_encodable(key), value, expected, expiry), future)
        return await future

    def watch(self, prefix: str, revision: int) -> AsyncGenerator[Batch, None]:
        return self._feed.watch(prefix, revision)

    async def reached(self) -> int:
        return await self._feed.reached()

    async def compact(self, revision: int) -> None:
        self._check_open()
        if revision > self._feed.revision:
            raise Ahead(self._feed.revision)
        oldest = await self._read(lambda: database.meta(self._beside, "compacted"))
        if revision <= oldest:
            raise Compacted(oldest)
        future: asyncio.Future[None] = self._loop.create_future()

        def done(failed: Exception | None) -> None:
            self._loop.call_soon_threadsafe(_settle, future, failed)

        self._commits.compact(revision, done)
        await future

    def wake(self) -> None:
        """Look at the clock, which may have moved more than time has passed."""
        self._commits.wake()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._commits.stop)
        await asyncio.sleep(0)  # what the thread has delivered last
        self._feed.close(self._gone())
        await asyncio.to_thread(self._thread.shutdown)
        self._inline.close()
        self._beside.close()
        os.close(self._lock)

    # What the committer's thread calls, and what that leads to on the event loop

    def _deliver_soon(
        self, tokens: Sequence[Any], outcomes: Sequence[Outcome | Exception], changes: Batch
    ) -> None:
        self._loop.call_soon_threadsafe(self._deliver, tokens, outcomes, changes)

    def _deliver(
        self, tokens: Sequence[Any], outcomes: Sequence[Outcome | Exception], changes: Batch
    ) -> None:
        if changes:  # watchers first: they run before any of the writers does
            self._feed.publish(changes)
        for future, outcome in zip(tokens, outcomes, strict=True):
            if not future.done():
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    # Reads

    async def _replay(self, prefix: str, after: int, until: int) -> Batch:
        return await self._read(lambda: reads.changes(self._beside, prefix, after, until))

    async def _read(self, question: Callable[[], T]) -> T:
        self._check_open()
        try:
            return await self._loop.run_in_executor(self._thread, question)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.Error) -> Unavailable:
        return Unavailable(f"cannot read the store {self.path}: {error}")

    def _check_open(self) -> None:
        if self._closed:
            raise self._gone()

    def _gone(self) -> Unavailable:
        return Unavailable(f"the store {self.path} is closed")


def _settle(future: "asyncio.Future[None]", failed: Exception | None) -> None:
    if future.done():
        return
    if failed is None:
        future.set_result(None)
    else:
        future.set_exception(failed)


def _encodable(key: str) -> str:
    """Raises Invalid for what no store could keep: halves of surrogate pairs."""
    try:
        key.encode()
    except UnicodeEncodeError:
        raise Invalid(f"{key!r} is no key: not UTF-8") from None
    return key
