"""Manifests and tags: kept byte for byte in the database, with what they name."""

import hashlib
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

import orjson

from sampan.registry import documents
from sampan.registry.blobs import Clock
from sampan.registry.database import Database
from sampan.registry.documents import Document
from sampan.registry.errors import (
    DigestInvalid,
    InUse,
    ManifestBlobUnknown,
    ManifestTooLarge,
    ManifestUnknown,
)
from sampan.registry.names import Reference
from sampan.registry.repositories import Quotas, find_id, make_id

REFERRERS_BYTES = 4 << 20  # of manifests in one page
_BY_TAG = """
SELECT m.id, m.digest, m.media_type, m.size, m.subject, m.content FROM repositories AS r
  JOIN tags AS t ON t.repository = r.id JOIN manifests AS m ON m.id = t.manifest
  WHERE r.name = ? AND t.name = ?
"""
_BY_DIGEST = """
SELECT m.id, m.digest, m.media_type, m.size, m.subject, m.content FROM repositories AS r
  JOIN manifests AS m ON m.repository = r.id WHERE r.name = ? AND m.digest = ?
"""


@dataclass(frozen=True)
class Manifest:
    id: int
    digest: str
    media_type: str
    size: int
    subject: str | None
    content: bytes


@dataclass(frozen=True)
class Stored:
    """What a push did: `created` when the bytes are new here, `moved_from` what the tag named before."""

    digest: str
    document: Document
    size: int
    created: bool
    moved_from: str | None = None


@dataclass(frozen=True)
class Referrer:
    descriptor: dict[str, Any]
    artifact_type: str


def unknown(name: str, reference: Reference) -> ManifestUnknown:
    what = {"tag": reference.tag} if reference.tag else {"digest": reference.digest}
    return ManifestUnknown("manifest unknown", {"name": name, **what})


def lookup(db: sqlite3.Connection, name: str, reference: Reference) -> Manifest:
    """Raises ManifestUnknown."""
    statement = _BY_TAG if reference.tag else _BY_DIGEST
    row = db.execute(statement, (name, str(reference))).fetchone()
    if row is None:
        raise unknown(name, reference)
    return Manifest(*row)


class Manifests:
    def __init__(self, database: Database, quotas: Quotas, clock: Clock = time.time) -> None:
        self._database = database
        self._quotas = quotas
        self._clock = clock

    def find(self, name: str, reference: Reference) -> Manifest:
        """Raises ManifestUnknown."""
        return lookup(self._database.read, name, reference)

    async def put(
        self, name: str, reference: Reference, content_type: str, body: bytes, *, complete: bool = True
    ) -> Stored:
        """Store a manifest, and point the tag at it. Not `complete` (a cache): what it names may be absent.

        Raises ManifestTooLarge, ManifestInvalid, DigestInvalid, ManifestBlobUnknown, Denied over quota,
        DiskFull.
        """
        if len(body) > documents.MAX_MANIFEST:
            raise too_large()
        algorithm = reference.digest.partition(":")[0] if reference.digest else "sha256"
        digest = f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"
        if reference.digest not in (None, digest):
            raise DigestInvalid(
                "provided digest did not match uploaded content",
                {"provided": reference.digest, "computed": digest},
            )
        document = documents.parse(body, content_type)
        self._database.reserve.check(len(body))

        def change(db: sqlite3.Connection) -> Stored:
            if complete:
                _check_complete(db, name, document)
            created, id = self._insert(db, name, digest, document, body)
            moved = self._tag(db, name, reference.tag, id) if reference.tag else None
            return Stored(digest, document, len(body), created, moved)

        return await self._database.write(change)

    def _insert(
        self, db: sqlite3.Connection, name: str, digest: str, document: Document, body: bytes
    ) -> tuple[bool, int]:
        now = self._clock()
        row = db.execute(_BY_DIGEST, (name, digest)).fetchone()
        if row is not None:
            # Kept anew: who pushes it again may count on it as if it were new.
            db.execute(
                "UPDATE manifests SET pushed=?, idle=?, media_type=? WHERE id=?",
                (now, now, document.media_type, row[0]),
            )
            return False, int(row[0])
        self._quotas.check(db, name, len(body))
        repository = make_id(db, name, now)
        described = (document.media_type, document.artifact_type, document.subject)
        id = db.execute(
            "INSERT INTO manifests (repository, digest, media_type, artifact_type, subject, size, content,"
            " pushed, idle) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (repository, digest, *described, len(body), body, now, now),
        ).fetchone()[0]
        db.executemany(
            "INSERT INTO manifest_references (manifest, repository, digest) VALUES (?, ?, ?)",
            [(id, repository, named) for named in document.names],
        )
        return True, int(id)

    def _tag(self, db: sqlite3.Connection, name: str, tag: str, manifest: int) -> str | None:
        """Returns the digest the tag named before, if it named another."""
        before = db.execute(_BY_TAG, (name, tag)).fetchone()
        db.execute(
            "INSERT INTO tags (repository, name, manifest, updated) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (repository, name)"
            " DO UPDATE SET manifest=excluded.manifest, updated=excluded.updated",
            (find_id(db, name), tag, manifest, self._clock()),
        )
        return None if before is None or before[0] == manifest else str(before[1])

    async def delete(self, name: str, reference: Reference) -> str:
        """Remove a tag, or a manifest with its tags; returns the digest. Raises ManifestUnknown, InUse."""
        if reference.tag:
            return await self._database.write(lambda db: self._delete_tag(db, name, reference), frees=True)
        return await self._database.write(lambda db: self._delete_manifest(db, name, reference), frees=True)

    def _delete_tag(self, db: sqlite3.Connection, name: str, reference: Reference) -> str:
        found = lookup(db, name, reference)
        db.execute("DELETE FROM tags WHERE repository=? AND name=?", (find_id(db, name), reference.tag))
        # The time since when it is untagged, for rules about that.
        db.execute("UPDATE manifests SET idle=max(idle, ?) WHERE id=?", (self._clock(), found.id))
        return found.digest

    def _delete_manifest(self, db: sqlite3.Connection, name: str, reference: Reference) -> str:
        found = lookup(db, name, reference)
        parents = [
            row[0]
            for row in db.execute(
                "SELECT m.digest FROM manifest_references AS r JOIN manifests AS m ON m.id = r.manifest"
                " WHERE r.repository=? AND r.digest=?",
                (find_id(db, name), found.digest),
            )
        ]
        if parents:
            raise InUse(
                f"manifest is part of {len(parents)} image index(es): delete those first",
                {"name": name, "digest": found.digest, "indexes": parents[:10]},
            )
        remove(db, found.id, self._clock())
        return found.digest

    def referrers(self, name: str, subject: str, after: str, limit: int) -> tuple[list[Referrer], bool]:
        """Manifests about `subject`, by digest, and whether there are more; of what is not there, none.

        Annotations go with them, of whatever size: fewer than `limit` when they are many bytes.
        """
        rows = self._database.read.execute(
            "SELECT m.digest, m.media_type, m.artifact_type, m.size, m.content FROM repositories AS r"
            " JOIN manifests AS m ON m.repository = r.id"
            " WHERE r.name=? AND m.subject=? AND m.digest > ? ORDER BY m.digest LIMIT ?",
            (name, subject, after, limit + 1),
        )
        found: list[Referrer] = []
        size = 0
        for row in rows:
            if len(found) == limit or size > REFERRERS_BYTES:
                return found, True
            found.append(_referrer(*row))
            size += len(row[4])
        return found, False


def too_large() -> ManifestTooLarge:
    return ManifestTooLarge(
        f"manifest is larger than {documents.MAX_MANIFEST} bytes", {"allowed": documents.MAX_MANIFEST}
    )


def remove(db: sqlite3.Connection, id: int, now: float) -> None:
    """In a write transaction: the manifest, its tags and what it names go; its blobs' grace begins."""
    db.execute("DELETE FROM tags WHERE manifest=?", (id,))
    db.execute(
        "UPDATE links SET used=max(used, ?) WHERE (repository, digest) IN"
        " (SELECT repository, digest FROM manifest_references WHERE manifest=?)",
        (now, id),
    )
    # An index's manifests: the same grace, for rules about untagged ones.
    db.execute(
        "UPDATE manifests SET idle=max(idle, ?) WHERE (repository, digest) IN"
        " (SELECT repository, digest FROM manifest_references WHERE manifest=?)",
        (now, id),
    )
    db.execute("DELETE FROM manifest_references WHERE manifest=?", (id,))
    db.execute("DELETE FROM manifests WHERE id=?", (id,))


def _check_complete(db: sqlite3.Connection, name: str, document: Document) -> None:
    """What BuildKit exports as cache names layers in an index, so an entry may be blob or manifest."""
    repository = find_id(db, name)
    missing = [
        digest
        for digest in document.required
        if not (
            db.execute("SELECT 1 FROM links WHERE repository=? AND digest=?", (repository, digest)).fetchone()
            or db.execute(
                "SELECT 1 FROM manifests WHERE repository=? AND digest=?", (repository, digest)
            ).fetchone()
        )
    ]
    if missing:
        raise ManifestBlobUnknown(
            f"manifest names {len(missing)} blob(s) or manifest(s) that repository {name} does not have",
            [{"digest": digest} for digest in missing[:20]],
        )


def _referrer(digest: str, media_type: str, artifact_type: str, size: int, content: bytes) -> Referrer:
    descriptor: dict[str, Any] = {"mediaType": media_type, "digest": digest, "size": size}
    if artifact_type:
        descriptor["artifactType"] = artifact_type
    annotations = orjson.loads(content).get("annotations")
    if annotations:
        descriptor["annotations"] = annotations
    return Referrer(descriptor, artifact_type)
