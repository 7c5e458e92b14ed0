"""Versioned keys in one SQLite file: the daemon's only metadata store.

    kv(key TEXT PRIMARY KEY, revision INTEGER, value BLOB)      current state, value is JSON
    meta(name TEXT PRIMARY KEY, value)                          schema version

Keys are paths: `containers/<id>`, `networks/<id>`, `volumes/<name>`, `images/<id>`, `references/<name>`.
`apply` is the only writer: all its changes become durable together (WAL, synchronous=FULL) before it
returns, or none does. A commit measured 0.2 ms here, so it runs on the caller's thread.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sampan.db.migrations import NEWEST, migrate
from sampan.errors import Failed

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kv (
  key TEXT PRIMARY KEY, revision INTEGER NOT NULL, value BLOB NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Put:
    """Insert or replace; `value` is what orjson can write, and `apply` raises TypeError for anything else."""

    key: str
    value: Any


@dataclass(frozen=True)
class Delete:
    """A key that is not there is no error."""

    key: str


Change = Put | Delete


class Store:
    """One open database. Not thread-safe: it belongs to the daemon's event loop."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)
        row = self._db.execute("SELECT value FROM meta WHERE name='schema'").fetchone()
        if row is None:
            self._db.execute("INSERT INTO meta VALUES ('schema', ?)", (NEWEST,))
        elif row[0] > NEWEST:
            self._db.close()
            raise RuntimeError(f"{path} has schema {row[0]}, newer than this version's {NEWEST}")
        elif row[0] < NEWEST:
            migrate(self._db, row[0])
        self._revision: int = self._db.execute("SELECT coalesce(max(revision), 0) FROM kv").fetchone()[0]

    def get(self, key: str) -> Any | None:
        row = self._db.execute("SELECT value FROM kv WHERE key=?", (key,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    def list(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Every (key, value) whose key starts with `prefix`, in key order."""
        # Keys are ASCII paths, so the first string after the whole prefix is prefix + U+FFFF.
        rows = self._db.execute(
            "SELECT key, value FROM kv WHERE key >= ? AND key < ? ORDER BY key", (prefix, prefix + "\uffff")
        ).fetchall()
        for key, value in rows:
            yield key, orjson.loads(value)

    def apply(self, changes: Iterable[Change], *, durable: bool = True) -> int:
        """Make all changes durable in one transaction; returns the new revision.

        `durable` false survives this process but not a power failure, and costs no disk write: for what the
        next start after one would throw away anyway. Raises Failed, and then nothing changed.
        """
        revision = self._revision + 1
        if not durable:
            self._db.execute("PRAGMA synchronous=NORMAL")
        try:
            self._commit(changes, revision)
        finally:
            if not durable:
                self._db.execute("PRAGMA synchronous=FULL")
        self._revision = revision
        return revision

    def _commit(self, changes: Iterable[Change], revision: int) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for change in changes:
                if isinstance(change, Put):
                    self._db.execute(
                        "INSERT INTO kv VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE "
                        "SET revision=excluded.revision, value=excluded.value",
                        (change.key, revision, orjson.dumps(change.value)),
                    )
                else:
                    self._db.execute("DELETE FROM kv WHERE key=?", (change.key,))
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise Failed(f"cannot write the metadata: {error}") from error
            raise

    def put(self, key: str, value: Any) -> int:
        return self.apply([Put(key, value)])

    def delete(self, key: str) -> int:
        return self.apply([Delete(key)])

    def close(self) -> None:
        self._db.close()
