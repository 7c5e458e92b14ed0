"""Objects in one SQLite file, durable before anybody hears of them.

    current(key TEXT PRIMARY KEY, revision, value, expires)     what there is
    history(until INTEGER PRIMARY KEY, key, revision, value)    what there was: from `revision` on, until
                                                                the write that replaced or deleted it
    meta(name TEXT PRIMARY KEY, value)                          format, revision, compacted

So a value is stored once, whether it is new or old; the state at a revision is what began before it and has
not ended by then; and what happened after one is what begins or ends later. Forgetting is deleting what ended
long ago.

All writing is done by one thread. What arrives while it commits goes into its next transaction: 16 clients at
once pay for one synchronous write to the disk, not for 16.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampan.errors import Failed, Unavailable
from sampan.kube.store.store import Ahead, Batch, Change, Compacted, Entry, Mismatch, Page

log = logging.getLogger("sampan.kube")

FORMAT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS current (
    key TEXT PRIMARY KEY, revision INTEGER NOT NULL, value BLOB NOT NULL, expires INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS current_revision ON current (revision);
CREATE INDEX IF NOT EXISTS current_expires ON current (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS history (
    until INTEGER PRIMARY KEY, key TEXT NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS history_revision ON history (revision);
CREATE INDEX IF NOT EXISTS history_key ON history (key, revision);
"""
KEEP = 300.0  # seconds of history, and between compactions
SWEEP = 1.0  # seconds between looks for what has expired
SLICE = 200  # rows that are forgotten at a time: under 20 ms, between commits
PAGES = 256  # pages given back to the file system at a time
MOST = 500  # writes of one transaction
FIRST_REVISION = 1


@dataclass(slots=True)
class _Write:
    key: str
    value: bytes | None
    expected: int | None
    ttl: int
    done: "asyncio.Future[int]"
    result: int | Exception = 0


Writes = list[_Write]
Passed = list[tuple[float, int]]


class SqliteStore:
    """Open with `await SqliteStore.open(path)`."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._wake = threading.Condition()
        self._pending: Writes = []
        self._closing = False
        self._compact_to = 0
        self._revision = FIRST_REVISION
        self._compacted = 0
        self._passed: Passed = []  # which revision it was when, for compaction
        self._watches: set[asyncio.Queue[Batch]] = set()
        self._reading = threading.Lock()
        self._reader = self._connect()
        self._thread = threading.Thread(target=self._write_all, name="kube-store", daemon=True)

    @classmethod
    async def open(cls, path: Path, clock: Callable[[], float] = time.time) -> "SqliteStore":
        """Raises Failed for a file that is none of ours, Unavailable for a disk that does not do."""
        store = cls(path, clock)
        try:
            store._prepare()
        except sqlite3.Error as error:
            raise _unavailable(path, error) from error
        store._thread.start()
        return store

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=16777216")
        connection.execute("PRAGMA cache_size=-4000")
        return connection

    def _prepare(self) -> None:
        self._path.chmod(0o600)
        self._reader.executescript(SCHEMA)
        meta = dict(self._reader.execute("SELECT name, value FROM meta"))
        if meta.setdefault("format", FORMAT) != FORMAT:
            raise Failed(f"{self._path} has format {meta['format']}; this version knows {FORMAT}")
        self._revision = meta.get("revision", FIRST_REVISION)
        self._compacted = meta.get("compacted", 0)
        rows = [("format", FORMAT), ("revision", self._revision), ("compacted", self._compacted)]
        self._reader.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", rows)

    # --- reading

    async def revision(self) -> int:
        return self._revision

    async def reached(self) -> int:
        return self._revision

    async def get(self, key: str) -> Entry | None:
        with self._reading:
            row = self._reader.execute("SELECT revision, value FROM current WHERE key=?", (key,)).fetchone()
        return Entry(key, row[0], row[1]) if row else None

    def watch(self, prefix: str, revision: int) -> AsyncIterator[Batch]:
        return self._watch(prefix, revision)

    async def list(self, prefix: str, *, revision: int = 0, start: str = "", limit: int = 0) -> Page:
        return await asyncio.to_thread(self._list, prefix, revision, start, limit)

    def _list(self, prefix: str, revision: int, start: str, limit: int) -> Page:
        with self._reading:
            self._reader.execute("BEGIN")
            try:
                newest, compacted = self._bounds(self._reader)
                at = revision or newest
                if at > newest:
                    raise Ahead(newest)
                if at < compacted:
                    raise Compacted(compacted)
                return self._page(prefix, at, max(start, prefix), limit)
            finally:
                self._reader.execute("COMMIT")

    @staticmethod
    def _bounds(connection: sqlite3.Connection) -> tuple[int, int]:
        meta = dict(connection.execute("SELECT name, value FROM meta"))
        return meta["revision"], meta["compacted"]

    def _page(self, prefix: str, at: int, start: str, limit: int) -> Page:
        where = (start, _end(prefix), at)
        old = "FROM history WHERE key >= ? AND key < ? AND revision <= ? AND until > ?"
        new = "FROM current WHERE key >= ? AND key < ? AND revision <= ?"
        query = f"SELECT key, revision, value {new} UNION ALL SELECT key, revision, value {old} ORDER BY key"
        rows = self._reader.execute(f"{query} LIMIT ?", (*where, *where, at, limit or -1))
        entries = [Entry(*row) for row in rows]
        if not limit or len(entries) < limit:
            return Page(entries, at, False, 0)
        count = f"SELECT (SELECT count(*) {new}) + (SELECT count(*) {old})"
        total = self._reader.execute(count, (*where, *where, at)).fetchone()[0]
        return Page(entries, at, total > len(entries), total - len(entries))

    async def _watch(self, prefix: str, revision: int) -> AsyncIterator[Batch]:
        queue: asyncio.Queue[Batch] = asyncio.Queue()
        self._watches.add(queue)
        try:
            backlog = await asyncio.to_thread(self._since, prefix, revision)
            last = backlog[-1].revision if backlog else revision
            if backlog:
                yield backlog
            while True:
                batch = await queue.get()
                found = [one for one in batch if one.revision > last and one.key.startswith(prefix)]
                last = max(last, batch[-1].revision)
                if found:
                    yield found
        finally:
            self._watches.discard(queue)

    def _since(self, prefix: str, revision: int) -> Batch:
        """Every write after `revision`, in order."""
        with self._reading:
            self._reader.execute("BEGIN")
            try:
                _, compacted = self._bounds(self._reader)
                if revision < compacted:
                    raise Compacted(compacted)
                bounds = (prefix, _end(prefix))
                ended = self._reader.execute(
                    "SELECT until, key, revision, value FROM history WHERE key >= ? AND key < ? AND until > ?",
                    (*bounds, revision),
                ).fetchall()
                begun = self._reader.execute(
                    "SELECT key, revision, value FROM current WHERE key >= ? AND key < ? AND revision > ?",
                    (*bounds, revision),
                ).fetchall()
            finally:
                self._reader.execute("COMMIT")
        return _changes(ended, begun, revision)

    # --- writing

    async def write(self, key: str, value: bytes | None, *, expected: int | None, ttl: int = 0) -> int:
        one = _Write(key, value, expected, ttl, self._loop.create_future())
        with self._wake:
            if self._closing:
                raise Unavailable(f"{self._path}: the store is closed")
            self._pending.append(one)
            self._wake.notify()
        return await one.done

    async def compact(self, revision: int) -> None:
        with self._wake:
            self._compact_to = max(self._compact_to, min(revision, self._revision))
            self._wake.notify()

    async def close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join)
        self._reader.close()

    def _write_all(self) -> None:
        """The thread: writes first, then what has expired, then a slice of forgetting."""
        connection = self._connect()
        sweep = self._clock()
        while True:
            with self._wake:
                idle = not self._pending and not self._closing and self._compact_to <= self._compacted
                if idle:
                    self._wake.wait(SWEEP)
                writes, self._pending = self._pending[:MOST], self._pending[MOST:]
                if self._closing and not writes:
                    break
            if writes:
                self._commit(connection, writes)
            now = self._clock()
            if now >= sweep or now < sweep - SWEEP:
                sweep = now + SWEEP
                self._expire(connection, now)
                self._plan_compaction(now)
            elif self._compact_to > self._compacted:
                self._forget(connection)
        connection.close()

    def _commit(self, connection: sqlite3.Connection, writes: Writes) -> None:
        changes: Batch = []
        revision = self._revision
        try:
            connection.execute("BEGIN IMMEDIATE")
            for one in writes:
                change = self._put(connection, one, revision + 1)
                if change is not None:
                    revision += 1
                    changes.append(change)
            connection.execute("UPDATE meta SET value=? WHERE name='revision'", (revision,))
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            log.error("%s: %s", self._path, error)
            for one in writes:
                one.result = _unavailable(self._path, error)
            changes, revision = [], self._revision
        self._call(self._tell, writes, changes, revision)

    def _put(self, connection: sqlite3.Connection, one: _Write, revision: int) -> Change | None:
        row = connection.execute("SELECT revision, value FROM current WHERE key=?", (one.key,)).fetchone()
        found = Entry(one.key, row[0], row[1]) if row else None
        if one.expected is not None and one.expected != (found.revision if found else 0):
            one.result = Mismatch(one.key, found)
            return None
        if found is None and one.value is None:
            one.result = revision - 1
            return None
        if found is not None:
            old = (revision, one.key, found.revision, found.value)
            connection.execute("INSERT INTO history VALUES (?, ?, ?, ?)", old)
        if one.value is None:
            connection.execute("DELETE FROM current WHERE key=?", (one.key,))
        else:
            expires = int(self._clock()) + one.ttl if one.ttl else None
            new = (one.key, revision, one.value, expires)
            connection.execute("INSERT OR REPLACE INTO current VALUES (?, ?, ?, ?)", new)
        one.result = revision
        return Change(one.key, revision, one.value, found)

    def _tell(self, writes: Writes, changes: Batch, revision: int) -> None:
        """On the event loop: watchers first, so that whoever has written finds its write in the cache."""
        self._revision = revision
        if changes:
            for queue in self._watches:
                queue.put_nowait(changes)
        for one in writes:
            if one.done.done():
                continue
            if isinstance(one.result, Exception):
                one.done.set_exception(one.result)
            else:
                one.done.set_result(one.result)

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        """On the event loop, and done when this returns: the next transaction counts on from it."""
        done = threading.Event()

        def call() -> None:
            try:
                function(*args)
            finally:
                done.set()

        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop has gone
            return
        while not done.wait(0.1):
            if self._loop.is_closed():
                return

    # --- forgetting

    def _expire(self, connection: sqlite3.Connection, now: float) -> None:
        try:
            rows = connection.execute(
                "SELECT key, revision FROM current WHERE expires <= ? ORDER BY expires LIMIT ?",
                (int(now), MOST),
            ).fetchall()
        except sqlite3.Error as error:
            log.error("%s: %s", self._path, error)
            return
        if rows:
            self._commit(
                connection, [_Write(key, None, revision, 0, _nobody(self._loop)) for key, revision in rows]
            )

    def _plan_compaction(self, now: float) -> None:
        """What was the newest five minutes ago may be forgotten, also where nothing is written any more."""
        if not self._passed or now - self._passed[-1][0] >= KEEP / 5:
            self._passed.append((now, self._revision))
        at = bisect_right(self._passed, now - KEEP, key=lambda one: one[0])
        if at:
            self._compact_to = max(self._compact_to, self._passed[at - 1][1])
            del self._passed[:at]

    def _forget(self, connection: sqlite3.Connection) -> None:
        target = self._compact_to
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE meta SET value=? WHERE name='compacted'", (target,))
            gone = connection.execute(
                "DELETE FROM history WHERE until IN (SELECT until FROM history WHERE until <= ? LIMIT ?)",
                (target, SLICE),
            ).rowcount
            connection.execute("COMMIT")
            if gone < SLICE:
                free = connection.execute("PRAGMA freelist_count").fetchone()[0]
                if free > PAGES:
                    connection.execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
                    return
                self._compacted = target
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            log.error("%s: %s", self._path, error)
            self._compact_to = self._compacted


def _nobody(loop: asyncio.AbstractEventLoop) -> "asyncio.Future[int]":
    """For a write that nobody waits for."""
    future: asyncio.Future[int] = asyncio.Future(loop=loop)
    future.add_done_callback(lambda done: done.exception())
    return future


def _changes(ended: list[Any], begun: list[Any], revision: int) -> Batch:
    """Writes after `revision`, of what has ended after it and what is there and began after it."""
    starts = {row[2]: (row[1], row[3]) for row in ended if row[2] > revision}
    starts.update({row[1]: (row[0], row[2]) for row in begun})
    found = []
    ends = {until: Entry(key, began, value) for until, key, began, value in ended}
    for number in sorted(starts.keys() | ends.keys()):
        previous = ends.get(number)
        key, value = starts.get(number) or (previous.key if previous else "", None)
        found.append(Change(key, number, value, previous))
    return found


def _end(prefix: str) -> str:
    """The first key that is behind all that begin with `prefix`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\U0010ffff"


def _unavailable(path: Path, error: sqlite3.Error) -> Unavailable:
    return Unavailable(
        f"cannot write to {path}: {error}", hint="is the disk full?" if "full" in str(error) else ""
    )
