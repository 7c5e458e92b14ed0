"""One worker's way to the database: quick reads on the event loop, writes on one thread.

Other workers use the same file: a write waits for theirs (busy_timeout) without holding up this one's loop,
and is durable (WAL, synchronous=FULL) before its caller goes on.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sampan.registry.errors import DiskFull, Unavailable
from sampan.registry.layout import Layout
from sampan.registry.reserve import Reserve
from sampan.registry.schema import migrate

T = TypeVar("T")
BUSY_MS = 30_000


def connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA foreign_keys=ON")
    return db


class Database:
    def __init__(self, layout: Layout) -> None:
        path = layout.database
        #: Room for what frees room; who brings something asks it first.
        self.reserve = Reserve(layout)
        self._writer_db = connect(path)
        self._durable = True
        migrate(self._writer_db)
        #: For reading, on the event loop's thread only; every statement sees what is committed.
        self.read = connect(path)
        self.read.execute("PRAGMA query_only=ON")
        self._thread = ThreadPoolExecutor(1, "database")

    async def write(
        self, change: Callable[[sqlite3.Connection], T], *, durable: bool = True, frees: bool = False
    ) -> T:
        """Run `change` in one transaction on the writing thread: all of it is kept, or none.

        It must be short, for all workers wait for it. Without `durable` it survives the process but not a
        power failure, and costs no wait for the disk. What `frees` room works on a full disk.

        Raises what `change` raises; DiskFull; Unavailable.
        """
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._thread, self.write_now, change, durable, frees)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            # The client has gone, but its files and locks are in use until the transaction is through.
            await finished(work)
            raise

    def write_now(
        self, change: Callable[[sqlite3.Connection], T], durable: bool = True, frees: bool = False
    ) -> T:
        """The same on the calling thread: for start-up and tests, when nothing else writes."""
        db = self._writer_db
        if frees:
            self.reserve.spend()
        try:
            if durable != self._durable:
                db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            db.execute("BEGIN IMMEDIATE")
            try:
                result = change(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise _translated(error) from error
        return result

    def close(self) -> None:
        self._thread.shutdown()
        self.read.close()
        self._writer_db.close()


async def finished(work: "asyncio.Future[T]") -> None:
    """Wait for a thread's work although this task is being cancelled. Its failure is nobody's to hear."""
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            continue
    if not work.cancelled():
        work.exception()


def _translated(error: sqlite3.OperationalError) -> Exception:
    code = error.sqlite_errorcode & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DiskFull("the registry's disk is full")
    # It cannot open what it needs when descriptors have run out.
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN):
        return Unavailable("the registry's database is busy; try again")
    return error
