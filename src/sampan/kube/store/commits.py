"""The thread that alone writes to the SQLite file.

Whatever arrives while a commit runs goes into the next: so the number of syncs follows the disk, not the
writers. Between commits it does in small slices what keeps the file healthy: keys that expire, compaction,
giving pages back, checkpoints. Each has a transaction of its own, and what fails is tried again.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from sampan.errors import SampanError, Unavailable
from sampan.kube.store import transactions
from sampan.kube.store.database import PAGE, meta, newest
from sampan.kube.store.store import Batch
from sampan.kube.store.transactions import Outcome, Wish, transaction

logger = logging.getLogger(__name__)

AT_ONCE = 512  # writes of one commit
BYTES_AT_ONCE = 8 << 20
IDLE_SLICE = 0.008  # seconds that a slice may take, when nobody waits
BUSY_SLICE = 0.003  # and between two commits under load
LOG_PAGES = 1024  # of the write-ahead log, about, before they are copied into the file
LOG_LIMIT = 16 << 20  # bytes: a log that had to grow beyond this is cut back
EXPIRED_AT_ONCE = 500
RETRY = 1.0  # seconds until housekeeping that failed is tried again
LONGEST_SLEEP = 60.0  # clocks are set, machines sleep: look again

# Told what became of some writes: their tokens, an outcome for each (or the error of all), and the changes.
Deliver = Callable[[Sequence[Any], Sequence[Outcome | Exception], Batch], None]


@dataclass(frozen=True, slots=True)
class Compaction:
    revision: int
    done: Callable[[Exception | None], None]


class Slice:
    """How much work fits into so many seconds, learnt as it goes."""

    def __init__(self, amount: int, least: int, most: int) -> None:
        self.amount = amount
        self._least = least
        self._most = most

    def learn(self, took: float, wanted: float) -> None:
        factor = min(2.0, max(0.25, wanted / max(took, 1e-6)))
        self.amount = min(self._most, max(self._least, int(self.amount * factor)))


class Committer:
    """Owns the connection `db`. What it is given is done in order; `deliver` is called in its thread."""

    def __init__(
        self, db: sqlite3.Connection, path: Path, clock: Callable[[], int], deliver: Deliver
    ) -> None:
        self.revision = newest(db)
        self._db = db
        self._path = path
        self._clock = clock
        self._deliver = deliver
        self._queue: SimpleQueue[tuple[Wish, Any] | Compaction | None] = SimpleQueue()
        self._wishes: list[tuple[Wish, Any]] = []
        self._stopping = False
        self._busy = False
        self._forget = meta(db, "compacted")  # what is promised away: its rows are to go
        self._shrink = True
        self._log = 0  # pages written to the log since it was last copied, about
        self._paused = 0.0
        self._expiry: int | None = transactions.next_expiry(db)
        self._rows = Slice(200, 20, 5000)
        self._pages = Slice(50, 5, 2000)
        db.execute(f"PRAGMA journal_size_limit={LOG_LIMIT}")
        self._thread = threading.Thread(target=self._run, name="kube-store", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, wish: Wish, token: Any) -> None:
        """Have it written; `token` comes back with the outcome."""
        self._queue.put((wish, token))

    def compact(self, revision: int, done: Callable[[Exception | None], None]) -> None:
        """Promise away what is before; `done` is called in the thread, the rows go later."""
        self._queue.put(Compaction(revision, done))

    def wake(self) -> None:
        """Look at the clock."""
        self._queue.put(None)

    def stop(self) -> None:
        """What was put before is still done; returns when it is."""
        self._stopping = True
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()
        self._db.close()

    # The thread

    def _run(self) -> None:
        while not (self._stopping and self._queue.empty() and not self._wishes):
            self._collect(self._patience())
            self._busy = bool(self._wishes)
            if self._wishes:
                self._commit()
            if time.monotonic() >= self._paused:
                self._keep_house()

    def _patience(self) -> float | None:
        """How long the queue may stay empty before there is something else to do; None: for ever."""
        if self._wishes or self._stopping:
            return 0
        if self._forget or self._shrink or self._log > LOG_PAGES:
            return max(0.0, self._paused - time.monotonic())
        if self._expiry is None:
            return None
        left = (self._expiry - self._clock()) / 1e9
        return min(max(left, self._paused - time.monotonic(), 0.0), LONGEST_SLEEP)

    def _collect(self, patience: float | None) -> None:
        size = 0
        try:
            item = self._queue.get(timeout=patience) if patience != 0 else self._queue.get_nowait()
            while True:
                if isinstance(item, Compaction):
                    self._promise(item)
                elif item is not None:
                    self._wishes.append(item)
                    size += len(item[0].value or b"")
                if len(self._wishes) >= AT_ONCE or size >= BYTES_AT_ONCE:
                    return
                item = self._queue.get_nowait()
        except Empty:
            return

    def _commit(self) -> None:
        some, self._wishes = self._wishes, []
        tokens = [token for _, token in some]
        try:
            outcomes, changes = self._write([wish for wish, _ in some])
        except Exception as error:
            failure = error if isinstance(error, SampanError) else self._unexpected(error)
            self._deliver(tokens, [failure] * len(some), [])
            return
        self._deliver(tokens, outcomes, changes)

    def _write(self, wishes: list[Wish]) -> tuple[list[Outcome], Batch]:
        try:
            with transaction(self._db):
                outcomes, changes = transactions.write(self._db, wishes, self.revision)
        except sqlite3.Error as error:
            raise Unavailable(f"cannot write to the store {self._path}: {error}") from error
        if changes:
            self.revision = changes[-1].revision
        for wish in wishes:
            self._log += 3 + 2 * len(wish.value or b"") // PAGE
            if wish.expiry is not None:
                self._expiry = wish.expiry if self._expiry is None else min(self._expiry, wish.expiry)
        return outcomes, changes

    def _unexpected(self, error: Exception) -> SampanError:
        logger.error("the store's thread", exc_info=error)
        return Unavailable(f"cannot write to the store {self._path}: {error!r}")

    def _promise(self, compaction: Compaction) -> None:
        failed: Exception | None = None
        try:
            transactions.promise(self._db, compaction.revision)
            self._forget = max(self._forget, compaction.revision)
        except sqlite3.Error as error:
            failed = Unavailable(f"cannot write to the store {self._path}: {error}")
        compaction.done(failed)

    # Housekeeping

    def _keep_house(self) -> None:
        try:
            if self._expiry is not None and self._expiry <= self._clock():
                self._sweep()
            if self._forget:
                self._cut()
            elif self._shrink and not self._busy:
                self._give_back()
            if self._log > LOG_PAGES:
                self._checkpoint()
        except (sqlite3.Error, Unavailable) as error:
            logger.warning("housekeeping of the store %s: %s", self._path, error)
            self._paused = time.monotonic() + RETRY

    def _sweep(self) -> None:
        keys = transactions.expired(self._db, self._clock(), EXPIRED_AT_ONCE)
        if keys:
            _, changes = self._write([Wish(key, None, None, None) for key in keys])
            self._deliver([], [], changes)
        self._expiry = transactions.next_expiry(self._db)

    def _cut(self) -> None:
        begun = time.perf_counter()
        gone = transactions.forget(self._db, self._forget, self._rows.amount)
        if not gone:
            self._forget, self._shrink = 0, True
            return
        self._log += 2 * gone
        self._rows.learn(time.perf_counter() - begun, self._wanted())

    def _give_back(self) -> None:
        spare = transactions.spare_pages(self._db)
        if not spare:
            self._shrink = False
            self._cut_log()
            return
        begun = time.perf_counter()
        pages = min(spare, self._pages.amount)
        transactions.give_back(self._db, pages)
        self._log += pages
        self._pages.learn(time.perf_counter() - begun, self._wanted())

    def _cut_log(self) -> None:
        """Copy all of the log and make it empty, unless somebody reads from it."""
        self._db.execute("PRAGMA busy_timeout=0")
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._db.execute("PRAGMA busy_timeout=10000")

    def _wanted(self) -> float:
        return BUSY_SLICE if self._busy else IDLE_SLICE

    def _checkpoint(self) -> None:
        """Copy the log into the file. Nobody waits but the next commit; readers hold up only its end."""
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        self._log = 0
