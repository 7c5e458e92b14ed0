"""Questions to the SQLite file, each answered from one moment of it, by a connection that only reads."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sampan.kube.store.database import meta, newest
from sampan.kube.store.ranges import end_of
from sampan.kube.store.store import Ahead, Batch, Change, Compacted, Entry, Page

LAST = "\U0010ffff"  # behind every key
PORTION = 8 << 20  # bytes of values that a replay holds at once

NOW = "SELECT key, revision, value FROM current WHERE key>=:start AND key<:end"
THEN = f"""
SELECT key, revision, value FROM ({NOW} AND revision<=:at
  UNION ALL
  SELECT key, was, value FROM history WHERE key>=:start AND key<:end AND revision>:at AND was<=:at AND was>0)
"""
# The row of the key's next write says what this one had written; if there is none yet, it is current.
CHANGES = """
SELECT h.revision, h.key, h.was, h.value, coalesce(
  (SELECT c.value FROM current c WHERE c.key=h.key AND c.revision=h.revision),
  (SELECT CASE WHEN n.was=h.revision THEN n.value END FROM history n
   WHERE n.key=h.key AND n.revision>h.revision ORDER BY n.revision LIMIT 1))
FROM history h WHERE h.revision>? AND h.revision<=? AND h.key>=? AND h.key<? ORDER BY h.revision
"""


@contextmanager
def moment(db: sqlite3.Connection) -> Iterator[None]:
    """Everything that is read inside is of one state."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


def entry(db: sqlite3.Connection, key: str) -> Entry | None:
    """What is at a key now."""
    row = db.execute("SELECT revision, value FROM current WHERE key=?", (key,)).fetchone()
    return None if row is None else Entry(key, row[0], row[1])


def page(db: sqlite3.Connection, prefix: str, revision: int, start: str, limit: int) -> Page:
    """As Store.list."""
    with moment(db):
        current = newest(db)
        _check(db, revision, current)
        query = NOW if revision in (0, current) else THEN
        at = revision or current
        names = {"start": max(prefix, start), "end": end_of(prefix) or LAST, "at": at}
        rows = db.execute(f"{query} ORDER BY key LIMIT {limit + 1 if limit else -1}", names).fetchall()
        remaining = 0
        if limit and len(rows) > limit:
            names["start"] = rows.pop()[0]
            remaining = db.execute(f"SELECT count(*) FROM ({query})", names).fetchone()[0]
        return Page([Entry(*row) for row in rows], at, remaining > 0, remaining)


def _check(db: sqlite3.Connection, revision: int, current: int) -> None:
    if revision > current:
        raise Ahead(current)
    oldest = meta(db, "compacted")
    if 0 < revision < oldest:
        raise Compacted(oldest)


def changes(db: sqlite3.Connection, prefix: str, after: int, until: int) -> Batch:
    """The first writes of those in (`after`, `until`], as many as are good to hold at once; all, if none."""
    with moment(db):
        oldest = meta(db, "compacted")
        if after < oldest:
            raise Compacted(oldest)
        found: Batch = []
        size = 0
        for revision, key, was, old, value in db.execute(
            CHANGES, (after, until, prefix, end_of(prefix) or LAST)
        ):
            found.append(Change(key, revision, value, Entry(key, was, old) if was else None))
            size += len(value or b"") + len(old or b"")
            if size > PORTION or len(found) >= 1000:
                break
        return found
