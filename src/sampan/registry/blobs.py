"""Blobs: files named by their digest, and which repository may read which.

A blob's file appears and disappears only inside a write transaction, so that no worker's collection can take
what another's upload has just brought.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sampan.registry.database import Database
from sampan.registry.errors import BlobUnknown, InUse
from sampan.registry.layout import Layout, sync_directory
from sampan.registry.repositories import Quotas, find_id, make_id

Clock = Callable[[], float]

_FIND = """
SELECT b.size, l.refs, l.used FROM repositories AS r
  JOIN links AS l ON l.repository = r.id JOIN blobs AS b ON b.digest = l.digest
  WHERE r.name = ? AND l.digest = ?
"""


@dataclass(frozen=True)
class Blob:
    digest: str
    size: int
    path: Path


def unknown(name: str, digest: str) -> BlobUnknown:
    return BlobUnknown("blob unknown to registry", {"name": name, "digest": digest})


class Blobs:
    def __init__(
        self, layout: Layout, database: Database, quotas: Quotas, grace: float, clock: Clock = time.time
    ) -> None:
        self._layout = layout
        self._database = database
        self._quotas = quotas
        self._grace = grace
        self._clock = clock
        self._synced: set[Path] = set()

    def find(self, name: str, digest: str) -> Blob:
        """Raises BlobUnknown, also for a blob that only other repositories have."""
        row = self._database.read.execute(_FIND, (name, digest)).fetchone()
        if row is None:
            raise unknown(name, digest)
        return Blob(digest, row[0], self._layout.blob(digest))

    async def promise(self, name: str, digest: str) -> Blob:
        """As `find`, for one who may push a manifest because of it: the blob stays for the grace period."""
        row = self._database.read.execute(_FIND, (name, digest)).fetchone()
        if row is None:
            raise unknown(name, digest)
        size, refs, used = row
        now = self._clock()
        if refs == 0 and used < now - self._grace / 4:
            await self._database.write(lambda db: self._touch(db, name, digest, now))
        return Blob(digest, size, self._layout.blob(digest))

    def _touch(self, db: sqlite3.Connection, name: str, digest: str, now: float) -> None:
        changed = db.execute(
            "UPDATE links SET used=max(used, ?) WHERE digest=?"
            " AND repository=(SELECT id FROM repositories WHERE name=?)",
            (now, digest, name),
        )
        if changed.rowcount == 0:
            raise unknown(name, digest)

    async def mount(self, name: str, digest: str, source: str) -> Blob | None:
        """Give `name` the blob that `source` has; None when it has none.

        Raises Denied over quota, DiskFull.
        """
        self._database.reserve.check()
        return await self._database.write(lambda db: self._mount(db, name, digest, source))

    def _mount(self, db: sqlite3.Connection, name: str, digest: str, source: str) -> Blob | None:
        row = db.execute(_FIND, (source, digest)).fetchone()
        if row is None:
            return None
        self.link(db, name, digest, row[0])
        return Blob(digest, row[0], self._layout.blob(digest))

    def link(self, db: sqlite3.Connection, name: str, digest: str, size: int) -> None:
        """In a write transaction: the repository has the blob from now on. Raises Denied over quota."""
        now = self._clock()
        if db.execute(_FIND, (name, digest)).fetchone() is None:
            self._quotas.check(db, name, size)
        db.execute(
            "INSERT INTO links (repository, digest, used) VALUES (?, ?, ?)"
            " ON CONFLICT (repository, digest) DO UPDATE SET used=max(used, excluded.used)",
            (make_id(db, name, now), digest, now),
        )

    def check_quota(self, name: str, adding: int) -> None:
        """Raises Denied when so many more bytes of a blob would not fit."""
        self._quotas.check(self._database.read, name, adding)

    def known(self, digest: str) -> bool:
        """Whether the registry has the blob, in whatever repository; its file need not be synced again."""
        return self.known_in(self._database.read, digest)

    def known_in(self, db: sqlite3.Connection, digest: str) -> bool:
        row = db.execute("SELECT doomed FROM blobs WHERE digest=?", (digest,)).fetchone()
        return row is not None and not row[0] and self._layout.blob(digest).exists()

    def take_in(self, db: sqlite3.Connection, name: str, digest: str, size: int, file: Path) -> None:
        """In a write transaction: make the synced `file` the blob, unless it is here, and link it.

        What is left of `file` is the caller's to remove once the transaction is through.
        """
        now = self._clock()
        target = self._layout.blob(digest)
        if not self.known_in(db, digest):
            os.chmod(file, 0o644)
            self._directory(target.parent)
            os.rename(file, target)
            sync_directory(target.parent)
            db.execute(
                "INSERT INTO blobs (digest, size, created, idle) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (digest) DO UPDATE SET doomed=0, idle=excluded.idle",
                (digest, size, now, now),
            )
        self.link(db, name, digest, size)

    def _directory(self, path: Path) -> None:
        """There, and still after a power failure: who made it may have been killed before they synced."""
        if path not in self._synced:
            path.mkdir(exist_ok=True)
            sync_directory(path.parent)
            self._synced.add(path)

    async def delete(self, name: str, digest: str) -> None:
        """Take the blob from the repository. Raises BlobUnknown, and InUse while a manifest names it."""
        await self._database.write(lambda db: self._delete(db, name, digest), frees=True)

    def _delete(self, db: sqlite3.Connection, name: str, digest: str) -> None:
        row = db.execute(_FIND, (name, digest)).fetchone()
        if row is None:
            raise unknown(name, digest)
        if row[1]:
            raise InUse(
                f"blob is used by {row[1]} manifest(s) of the repository: delete those first",
                {"name": name, "digest": digest, "manifests": row[1]},
            )
        id, now = find_id(db, name), self._clock()
        db.execute("UPDATE links SET used=? WHERE repository=? AND digest=?", (now, id, digest))
        db.execute("DELETE FROM links WHERE repository=? AND digest=?", (id, digest))


def discard(path: Path) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
