"""The file of the SQLite store: its tables, its version, how it is opened.

    current(key, revision, value, expiry)     what there is now; expiry: nanoseconds since 1970, NULL: never
    history(revision, key, was, value)        what write `revision` of `key` replaced: the state of revision
                                              `was`, or nothing (0, NULL)
    meta(name, value)                         schema: version of these tables;
                                              compacted: history up to this revision is forgotten

    state at R  =  current rows of revision <= R,  and history rows of revision > R with was <= R
    write W     =  the history row W, and as new value the one row, of either table, whose state is W's

So a value is stored once, forgetting is cutting off the beginning of history, and every write leaves a row:
the newest revision is that of history's last row, or `compacted`.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from sampan.errors import Unavailable, Unsupported

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE current (
  id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL,
  expiry INTEGER
);
CREATE INDEX current_expiry ON current (expiry) WHERE expiry IS NOT NULL;
CREATE TABLE history (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, was INTEGER NOT NULL, value BLOB);
CREATE INDEX history_key ON history (key, revision);
"""
# With an id of their own, rows keep values of up to a page in the tree itself: WITHOUT ROWID moves all beyond
# a quarter of it to a page alone. Pages of 8 KB: 10,000 values of 2 KB take 27 MB, with 4 KB 40 MB.
PAGE = 8192
FIRST = 1  # an empty etcd's revision as well; 0 has a meaning of its own in requests

Migration = Callable[[sqlite3.Connection], None]
MIGRATIONS: dict[int, Migration] = {}  # step N brings version N - 1 to N; never edit one, add another
NEWEST = max(MIGRATIONS, default=1)


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a file that exists, for one thread at a time."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA cache_size=-8000")
    # Debian's default overwrites what is deleted, which costs a write of each page that compaction frees.
    db.execute("PRAGMA secure_delete=FAST")
    db.execute("PRAGMA wal_autocheckpoint=0")  # checkpoint.py does it
    db.execute("PRAGMA busy_timeout=10000")
    return db


def lock(path: Path) -> int:
    """A descriptor: whoever holds it may write. Raises Unavailable if another process does.

    On a file of its own: closing one that SQLite has open as well would drop its locks (fcntl(2)).
    """
    try:
        descriptor = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(f"cannot open the store {path}: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Unavailable(f"cannot open the store {path}: another process has it") from None
    return descriptor


def reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    db = connect(path)
    db.execute("PRAGMA query_only=1")
    return db


def open_file(path: Path) -> sqlite3.Connection:
    """The connection that writes; the file is made if there is none. Raises Unavailable and Unsupported."""
    try:
        created = not path.exists()
        if created:  # SQLite makes the log like it
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        db = connect(path)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
        if created:
            sync_directory(path.parent)
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(f"cannot open the store {path}: {error}") from error
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    if db.execute("SELECT 1 FROM sqlite_schema WHERE name='meta'").fetchone() is None:
        db.execute(f"PRAGMA page_size={PAGE}")
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        db.execute("PRAGMA journal_mode=WAL")
        rows = f"INSERT INTO meta VALUES ('schema', {NEWEST}), ('compacted', {FIRST});"
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} {rows} COMMIT;")
        return
    found = meta(db, "schema")
    if found > NEWEST:
        raise Unsupported(f"the store {path} has version {found}, newer than this program's {NEWEST}")
    if found < NEWEST:
        migrate(db, found)


def migrate(db: sqlite3.Connection, found: int) -> None:
    """Bring version `found` to the newest, in one transaction."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(found + 1, NEWEST + 1):
            MIGRATIONS[number](db)
        db.execute("UPDATE meta SET value=? WHERE name='schema'", (NEWEST,))
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def meta(db: sqlite3.Connection, name: str) -> int:
    """One of the numbers that the file keeps about itself."""
    row = db.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
    if row is None:
        raise Unsupported(f"this is no store of Sampan's: it does not say its {name}")
    return int(row[0])


def newest(db: sqlite3.Connection) -> int:
    """The revision of the last write."""
    found: int = db.execute(
        "SELECT max((SELECT value FROM meta WHERE name='compacted'),"
        " (SELECT coalesce(max(revision), 0) FROM history))"
    ).fetchone()[0]
    return found


def sync_directory(path: Path) -> None:
    """New names in it survive a power failure: SQLite syncs what it writes, not who names it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
