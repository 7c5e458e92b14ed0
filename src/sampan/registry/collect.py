"""Garbage collection while pushes and pulls go on: by reference counts, after a grace period.

One pass: tags that no retention rule keeps, manifests nothing has named for a rule's time, uploads that rest
too long, links no manifest needs, blobs no repository links, files no row owns. Each step is a short write
transaction that asks again before it deletes, so that whatever a push did meanwhile counts. A blob first
becomes doomed (it counts as gone: a push sends it again), and in the next transaction its file goes with its
row: a process killed in between leaves a doomed row, never a row without its file that looks whole.

One worker collects at a time: it holds flock(2) on collect.lock.
"""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from typing import TypeVar

from sampan.registry.blobs import Clock, discard
from sampan.registry.database import Database
from sampan.registry.layout import ALGORITHMS, Layout
from sampan.registry.manifests import remove
from sampan.registry.retention import RetentionRule, Tag, expired, rule_for
from sampan.registry.settings import duration, option, switch

log = logging.getLogger("sampan.registry")
T = TypeVar("T")
FULL_EXPIRY = 3600.0  # seconds an unfinished upload may rest while the disk is full
BATCH = 200  # rows per transaction: other writers wait for less than 20 ms
DIRECTORIES_PER_PASS = 32  # of 512: with a pass an hour every file is looked at within a day


@dataclass(frozen=True)
class CollectConfig:
    """`[collect]`."""

    enabled: bool = option(True, switch, "collect garbage while serving")
    interval: float = option(3600.0, duration, "time between two passes")
    grace: float = option(86400.0, duration, "how long a blob without a manifest stays, for a push to finish")


@dataclass
class Collected:
    tags: int = 0
    manifests: int = 0
    uploads: int = 0
    links: int = 0
    blobs: int = 0
    bytes: int = 0
    files: int = 0

    def __str__(self) -> str:
        done = [
            f"{getattr(self, item.name)} {item.name}" for item in fields(self) if getattr(self, item.name)
        ]
        return ", ".join(done) or "nothing"


class Collector:
    def __init__(
        self,
        layout: Layout,
        database: Database,
        config: CollectConfig,
        retention: Sequence[RetentionRule],
        upload_expiry: float,
        clock: Clock,
    ) -> None:
        self._layout = layout
        self._database = database
        self._grace = config.grace
        self._retention = retention
        self._upload_expiry = upload_expiry
        self._clock = clock

    async def run(self) -> Collected | None:
        """One pass; None when another worker is at it."""
        descriptor = os.open(self._layout.collect_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            return await self._pass()
        finally:
            os.close(descriptor)

    async def _write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        return await self._database.write(change, frees=True)

    async def _pass(self) -> Collected:
        done = Collected()
        if self._retention:
            await self._apply_retention(done)
        for step in (self._expire_uploads, self._drop_links, self._doom_blobs, self._delete_doomed):
            while await self._write(partial(step, done=done)) == BATCH:
                pass
        await self._write(self._drop_repositories)
        await self._sweep_uploads(done)
        await self._sweep_blobs(done)
        return done

    # Retention

    async def _apply_retention(self, done: Collected) -> None:
        repositories = self._database.read.execute("SELECT id, name FROM repositories").fetchall()
        for id, name in repositories:
            rule = rule_for(self._retention, name)
            if rule is None:
                continue
            if rule.drops_tags:
                await self._write(partial(self._drop_tags, repository=id, rule=rule, done=done))
            after = rule.untagged_after
            if after is not None:
                untagged = partial(self._drop_untagged, repository=id, after=after, done=done)
                while await self._write(untagged):
                    pass  # what an index named is untagged once the index has gone

    def _drop_tags(
        self, db: sqlite3.Connection, repository: int, rule: RetentionRule, done: Collected
    ) -> None:
        rows = db.execute(
            "SELECT t.name, t.updated, max(coalesce(t.pulled, 0), coalesce(m.pulled, 0)) FROM tags AS t"
            " JOIN manifests AS m ON m.id = t.manifest WHERE t.repository=?",
            (repository,),
        )
        now = self._clock()
        for name in expired(rule, [Tag(*row) for row in rows], now):
            db.execute(
                "UPDATE manifests SET idle=max(idle, ?)"
                " WHERE id=(SELECT manifest FROM tags WHERE repository=? AND name=?)",
                (now, repository, name),
            )
            db.execute("DELETE FROM tags WHERE repository=? AND name=?", (repository, name))
            done.tags += 1

    def _drop_untagged(self, db: sqlite3.Connection, repository: int, after: float, done: Collected) -> int:
        """Manifests without tag, index and subject; what is about a manifest that is here stays with it."""
        now = self._clock()
        since = now - max(after, self._grace)
        rows = db.execute(
            "SELECT m.id FROM manifests AS m WHERE m.repository=? AND max(m.idle, coalesce(m.pulled, 0)) < ?"
            " AND NOT EXISTS (SELECT 1 FROM tags AS t WHERE t.manifest = m.id)"
            " AND NOT EXISTS (SELECT 1 FROM manifest_references AS r"
            "   WHERE r.repository = m.repository AND r.digest = m.digest)"
            " AND NOT EXISTS (SELECT 1 FROM manifests AS s"
            "   WHERE s.repository = m.repository AND s.digest = m.subject) LIMIT ?",
            (repository, since, BATCH),
        ).fetchall()
        for (id,) in rows:
            remove(db, id, now)
        done.manifests += len(rows)
        return len(rows)

    # Reference counts

    def _drop_links(self, db: sqlite3.Connection, done: Collected) -> int:
        rows = db.execute(
            "SELECT repository, digest FROM links WHERE refs = 0 AND used < ? LIMIT ?",
            (self._clock() - self._grace, BATCH),
        ).fetchall()
        db.executemany("DELETE FROM links WHERE repository=? AND digest=?", rows)
        done.links += len(rows)
        return len(rows)

    def _doom_blobs(self, db: sqlite3.Connection, done: Collected) -> int:
        return db.execute(
            "UPDATE blobs SET doomed=1 WHERE digest IN"
            " (SELECT digest FROM blobs WHERE links = 0 AND idle < ? AND doomed = 0 LIMIT ?)",
            (self._clock() - self._grace, BATCH),
        ).rowcount

    def _delete_doomed(self, db: sqlite3.Connection, done: Collected) -> int:
        rows = db.execute(
            "SELECT digest, size FROM blobs WHERE links = 0 AND doomed = 1 LIMIT ?", (BATCH,)
        ).fetchall()
        for digest, size in rows:
            discard(self._layout.blob(digest))
            db.execute("DELETE FROM blobs WHERE digest=?", (digest,))
            done.blobs += 1
            done.bytes += size
        return len(rows)

    def _drop_repositories(self, db: sqlite3.Connection) -> None:
        """Those that hold nothing any more."""
        db.execute(
            "DELETE FROM repositories WHERE created < ? AND id NOT IN (SELECT repository FROM links)"
            " AND id NOT IN (SELECT repository FROM manifests)",
            (self._clock() - self._grace,),
        )

    # Uploads and files without a row

    def _expire_uploads(self, db: sqlite3.Connection, done: Collected) -> int:
        expiry = self._upload_expiry
        if self._database.reserve.room() <= 0:  # nobody can push because of what rests there
            expiry = min(expiry, FULL_EXPIRY)
        rows = db.execute(
            "SELECT id FROM uploads WHERE touched < ? LIMIT ?", (self._clock() - expiry, BATCH)
        ).fetchall()
        for (id,) in rows:
            # A request that is at it right now notices that the row has gone, and answers so.
            db.execute("DELETE FROM uploads WHERE id=?", (id,))
            discard(self._layout.upload(id))
            done.uploads += 1
        return len(rows)

    async def _sweep_uploads(self, done: Collected) -> None:
        """Files of uploads in one request that died on the way: no row, no lock, not written to for long."""
        before = self._clock() - self._upload_expiry
        for entry in list(os.scandir(self._layout.uploads)):
            with suppress(FileNotFoundError):
                if entry.stat().st_mtime < before:
                    await self._write(partial(self._drop_file, id=entry.name, done=done))

    def _drop_file(self, db: sqlite3.Connection, id: str, done: Collected) -> None:
        if db.execute("SELECT 1 FROM uploads WHERE id=?", (id,)).fetchone() is None:
            discard(self._layout.upload(id))
            done.files += 1

    async def _sweep_blobs(self, done: Collected) -> None:
        """A few directories per pass: files whose transaction never came, after a kill or a full disk."""
        row = self._database.read.execute("SELECT value FROM settings WHERE name='swept'").fetchone()
        start = int(row[0]) if row else 0
        for number in range(start, start + DIRECTORIES_PER_PASS):
            place = number % (256 * len(ALGORITHMS))
            algorithm, prefix = ALGORITHMS[place // 256], f"{place % 256:02x}"
            try:
                names = os.listdir(self._layout.blobs / algorithm / prefix)
            except FileNotFoundError:
                continue
            for begin in range(0, len(names), BATCH):
                digests = [f"{algorithm}:{name}" for name in names[begin : begin + BATCH]]
                await self._write(self._drop_orphans(digests, done))
        following = (start + DIRECTORIES_PER_PASS) % (256 * len(ALGORITHMS))
        await self._write(
            lambda db: db.execute(
                "INSERT INTO settings VALUES ('swept', ?)"
                " ON CONFLICT (name) DO UPDATE SET value=excluded.value",
                (following,),
            )
        )

    def _drop_orphans(self, digests: Sequence[str], done: Collected) -> Callable[[sqlite3.Connection], None]:
        def change(db: sqlite3.Connection) -> None:
            for digest in digests:
                if db.execute("SELECT 1 FROM blobs WHERE digest=?", (digest,)).fetchone() is None:
                    discard(self._layout.blob(digest))
                    done.files += 1

        return change
