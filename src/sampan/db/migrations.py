"""How a database of an earlier version becomes one of this: numbered steps over its rows, oldest first.

Version 1 is the first; step N brings version N - 1 to N. Never edit one: add another.
"""

import sqlite3
import time
from collections.abc import Callable
from datetime import datetime

import orjson

Migration = Callable[[sqlite3.Connection], None]


def image_times(db: sqlite3.Connection) -> None:
    """Version 2: images/<id> has `added` and `last_used`, nanoseconds since 1970.

    Of an image from before only its last naming is known; one that never had a name counts as new, so that
    no prune takes it for old.
    """
    now = time.time_ns()
    rows = db.execute("SELECT key, value FROM kv WHERE key >= 'images/' AND key < 'images0'").fetchall()
    for key, value in rows:
        row = orjson.loads(value)
        named = row.get("last_tagged")
        moment = int(datetime.fromisoformat(named).timestamp() * 10**9) if named else now
        changed = {**row, "added": moment, "last_used": moment}
        db.execute("UPDATE kv SET value=? WHERE key=?", (orjson.dumps(changed), key))


MIGRATIONS: dict[int, Migration] = {2: image_times}
NEWEST = max(MIGRATIONS)


def migrate(db: sqlite3.Connection, found: int) -> None:
    """Bring the rows of version `found` to the newest, in one transaction."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(found + 1, NEWEST + 1):
            MIGRATIONS[number](db)
        db.execute("UPDATE meta SET value=? WHERE name='schema'", (NEWEST,))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
