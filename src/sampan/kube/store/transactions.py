"""What is done to the SQLite file, a transaction each: writes, expiry, compaction, giving pages back.

Python's module lets go of the interpreter's lock at every step of a statement, and a busy event loop may keep
it for 5 ms (sys.getswitchinterval): so each statement here does the work of a whole batch, in one step.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from sampan.kube.store.store import Change, Entry, Mismatch

T = TypeVar("T")
KEYS = 64  # of one statement


@dataclass(frozen=True, slots=True)
class Wish:
    """A write that somebody waits for; `expiry` as in the file."""

    key: str
    value: bytes | None
    expected: int | None
    expiry: int | None


Outcome = int | Mismatch


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; what failed leaves no transaction open."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def write(
    db: sqlite3.Connection, wishes: Sequence[Wish], revision: int
) -> tuple[list[Outcome], list[Change]]:
    """Compare and write them, one after the other, in the caller's transaction. `revision` is the last."""
    states = _read(db, list({wish.key for wish in wishes}))
    outcomes: list[Outcome] = []
    changes: list[Change] = []
    last: dict[str, Wish] = {}
    for wish in wishes:
        key, state = wish.key, states[wish.key]
        if wish.expected is not None and wish.expected != (state.revision if state else 0):
            outcomes.append(Mismatch(key, state))
            continue
        if state is not None or wish.value is not None:
            revision += 1
            changes.append(Change(key, revision, wish.value, state))
            states[key] = None if wish.value is None else Entry(key, revision, wish.value)
            last[key] = wish
        outcomes.append(revision)
    _record(db, changes)
    _put(db, [(entry, last[key].expiry) for key in last if (entry := states[key]) is not None])
    _remove(db, [key for key in last if states[key] is None])
    return outcomes, changes


def _read(db: sqlite3.Connection, keys: list[str]) -> dict[str, Entry | None]:
    found: dict[str, Entry | None] = {}
    for some in _portions(keys):
        row = db.execute(_select(len(some)), [key for key in some for _ in range(2)]).fetchone()
        for at, key in enumerate(some):
            revision, value = row[2 * at : 2 * at + 2]
            found[key] = None if revision is None else Entry(key, revision, value)
    return found


def _record(db: sqlite3.Connection, changes: list[Change]) -> None:
    for some in _portions(changes):
        values: list[object] = []
        for change in some:
            was = change.previous
            values += (change.revision, change.key, was.revision if was else 0, was.value if was else None)
        db.execute(_insert(len(some)), values)


def _put(db: sqlite3.Connection, entries: list[tuple[Entry, int | None]]) -> None:
    for some in _portions(entries):
        values: list[object] = []
        for entry, expiry in some:
            values += (entry.key, entry.revision, entry.value, expiry)
        db.execute(_upsert(len(some)), values)


def _remove(db: sqlite3.Connection, keys: list[str]) -> None:
    for some in _portions(keys):
        db.execute(f"DELETE FROM current WHERE key IN ({_marks(len(some))})", some)


def _portions(items: list[T]) -> Iterator[list[T]]:
    for at in range(0, len(items), KEYS):
        yield items[at : at + KEYS]


@cache
def _select(count: int) -> str:
    one = "(SELECT revision FROM current WHERE key=?), (SELECT value FROM current WHERE key=?)"
    return f"SELECT {', '.join([one] * count)}"


@cache
def _insert(count: int) -> str:
    return f"INSERT INTO history VALUES {', '.join(['(?, ?, ?, ?)'] * count)}"


@cache
def _upsert(count: int) -> str:
    return (
        f"INSERT INTO current (key, revision, value, expiry) VALUES {', '.join(['(?, ?, ?, ?)'] * count)} "
        "ON CONFLICT (key) DO UPDATE "
        "SET revision=excluded.revision, value=excluded.value, expiry=excluded.expiry"
    )


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def expired(db: sqlite3.Connection, now: int, limit: int) -> list[str]:
    """Keys whose time is over, the oldest first."""
    rows = db.execute(
        "SELECT key FROM current WHERE expiry <= ? ORDER BY expiry LIMIT ?", (now, limit)
    ).fetchall()
    return [key for (key,) in rows]


def next_expiry(db: sqlite3.Connection) -> int | None:
    """When the first of all keys that expire does."""
    found: int | None = db.execute("SELECT min(expiry) FROM current WHERE expiry IS NOT NULL").fetchone()[0]
    return found


def promise(db: sqlite3.Connection, revision: int) -> None:
    """From here on nobody is told anything of before `revision`; its rows can go."""
    with transaction(db):
        db.execute("UPDATE meta SET value=? WHERE name='compacted' AND value<?", (revision, revision))


def forget(db: sqlite3.Connection, revision: int, rows: int) -> int:
    """Delete up to `rows` rows of history that are promised away; returns how many there were.

    History's revisions have no holes but where it was cut before, so a range of them is as many rows.
    """
    (first,) = db.execute("SELECT min(revision) FROM history").fetchone()
    if first is None or first > revision:
        return 0
    with transaction(db):
        last = min(revision, int(first) + rows - 1)
        db.execute("DELETE FROM history WHERE revision<=?", (last,))
    return last - int(first) + 1


def spare_pages(db: sqlite3.Connection) -> int:
    """How many free pages the file has beyond what it will soon need again: half as many as are in use."""
    pages: int = db.execute("PRAGMA page_count").fetchone()[0]
    free: int = db.execute("PRAGMA freelist_count").fetchone()[0]
    spare: int = max(0, free - max((pages - free) // 2, 256))
    return spare


def give_back(db: sqlite3.Connection, pages: int) -> None:
    """Move what is at the file's end into free pages, and make the file shorter."""
    db.executescript(
        f"PRAGMA incremental_vacuum({pages})"
    )  # execute() takes one step of it, which is one page
