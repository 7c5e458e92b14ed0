"""The registry's database: what is drawn here is what the newest migration makes.

    repositories(id, name, created, bytes)
        bytes: linked blobs and manifests together, for quotas
    blobs(digest, size, created, links, idle, doomed)
        links: repositories that have it; idle: since when none does; doomed: its file is about to go, so it
        counts as gone
    links(repository, digest, used, refs)
        a repository has a blob; refs: its manifests that name it; used: when it was last pushed, mounted, or
        asked for while refs is 0
    manifests(id, repository, digest, media_type, artifact_type, subject, size, content, pushed, idle, pulled)
        content: the bytes as they were pushed; idle: when it was last pushed, lost a tag, or an index that
        names it
    manifest_references(manifest, repository, digest)
        what a manifest names: blobs, and an index's manifests
    tags(repository, name, manifest, updated, pulled)
    uploads(id, repository, started, touched, algorithm)
        the bytes are the file uploads/<id>
    shared_tags(repository, tag, digest)
        tags that are an engine's images, and go with them
    settings(name, value)
    notifications(id, endpoint, created, event)   waiting for a webhook's endpoint, in the order of id
    upstream_tags(repository, tag, checked)       when a cached tag was last compared with its upstream
    fetches(key, size)                            how large the growing file fetches/<key> will be

Counters are kept by triggers, so that no writer can forget one. Times are seconds since 1970. Digests of
blobs that are not there may be named (a cache stores manifests before their blobs; foreign layers).
"""

import sqlite3

from sampan.errors import Failed

FIRST = """
CREATE TABLE repositories (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created REAL NOT NULL, bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE blobs (
  digest TEXT PRIMARY KEY, size INTEGER NOT NULL, created REAL NOT NULL,
  links INTEGER NOT NULL DEFAULT 0, idle REAL NOT NULL, doomed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX blobs_idle ON blobs (idle) WHERE links = 0;
CREATE TABLE links (
  repository INTEGER NOT NULL REFERENCES repositories (id), digest TEXT NOT NULL REFERENCES blobs (digest),
  used REAL NOT NULL, refs INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX links_blob ON links (digest);
CREATE INDEX links_idle ON links (used) WHERE refs = 0;
CREATE TABLE manifests (
  id INTEGER PRIMARY KEY, repository INTEGER NOT NULL REFERENCES repositories (id), digest TEXT NOT NULL,
  media_type TEXT NOT NULL, artifact_type TEXT NOT NULL, subject TEXT, size INTEGER NOT NULL,
  content BLOB NOT NULL, pushed REAL NOT NULL, idle REAL NOT NULL, pulled REAL, UNIQUE (repository, digest)
);
CREATE INDEX manifests_subject ON manifests (repository, subject, digest) WHERE subject IS NOT NULL;
CREATE TABLE manifest_references (
  manifest INTEGER NOT NULL REFERENCES manifests (id), repository INTEGER NOT NULL, digest TEXT NOT NULL,
  PRIMARY KEY (manifest, digest)
) WITHOUT ROWID;
CREATE INDEX manifest_references_target ON manifest_references (repository, digest);
CREATE TABLE tags (
  repository INTEGER NOT NULL REFERENCES repositories (id), name TEXT NOT NULL,
  manifest INTEGER NOT NULL REFERENCES manifests (id), updated REAL NOT NULL, pulled REAL,
  PRIMARY KEY (repository, name)
) WITHOUT ROWID;
CREATE INDEX tags_manifest ON tags (manifest);
CREATE TABLE uploads (
  id TEXT PRIMARY KEY, repository TEXT NOT NULL, started REAL NOT NULL, touched REAL NOT NULL,
  algorithm TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX uploads_touched ON uploads (touched);
CREATE TABLE settings (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TRIGGER link_made AFTER INSERT ON links BEGIN
  UPDATE links SET refs = (SELECT count(*) FROM manifest_references AS r
      WHERE r.repository = NEW.repository AND r.digest = NEW.digest)
    WHERE repository = NEW.repository AND digest = NEW.digest;
  UPDATE blobs SET links = links + 1 WHERE digest = NEW.digest;
  UPDATE repositories SET bytes = bytes + (SELECT size FROM blobs WHERE digest = NEW.digest)
    WHERE id = NEW.repository;
END;
CREATE TRIGGER link_gone AFTER DELETE ON links BEGIN
  UPDATE blobs SET links = links - 1, idle = max(idle, OLD.used) WHERE digest = OLD.digest;
  UPDATE repositories SET bytes = bytes - (SELECT size FROM blobs WHERE digest = OLD.digest)
    WHERE id = OLD.repository;
END;
CREATE TRIGGER reference_made AFTER INSERT ON manifest_references BEGIN
  UPDATE links SET refs = refs + 1 WHERE repository = NEW.repository AND digest = NEW.digest;
END;
CREATE TRIGGER reference_gone AFTER DELETE ON manifest_references BEGIN
  UPDATE links SET refs = refs - 1 WHERE repository = OLD.repository AND digest = OLD.digest;
END;
CREATE TRIGGER manifest_made AFTER INSERT ON manifests BEGIN
  UPDATE repositories SET bytes = bytes + NEW.size WHERE id = NEW.repository;
END;
CREATE TRIGGER manifest_gone AFTER DELETE ON manifests BEGIN
  UPDATE repositories SET bytes = bytes - OLD.size WHERE id = OLD.repository;
END;
"""

SECOND = """
CREATE TABLE notifications (
  id INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL, created REAL NOT NULL, event BLOB NOT NULL
);
CREATE INDEX notifications_endpoint ON notifications (endpoint, id);
CREATE TABLE upstream_tags (
  repository TEXT NOT NULL, tag TEXT NOT NULL, checked REAL NOT NULL, PRIMARY KEY (repository, tag)
) WITHOUT ROWID;
CREATE TABLE fetches (key TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
"""

# Each brings the version before it to its own number (PRAGMA user_version). Never edit one: add another.
THIRD = """
CREATE TABLE shared_tags (
  repository TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (repository, tag)
) WITHOUT ROWID;
"""
MIGRATIONS: tuple[str, ...] = (FIRST, SECOND, THIRD)


def migrate(db: sqlite3.Connection, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Bring the database to the newest schema, in one transaction. Raises Failed for a newer one."""
    db.execute("BEGIN IMMEDIATE")  # other workers start at the same moment
    try:
        found: int = db.execute("PRAGMA user_version").fetchone()[0]
        if found > len(migrations):
            raise Failed(
                f"the registry's database has schema {found}, newer than this version's {len(migrations)}"
            )
        for number, script in enumerate(migrations[found:], start=found + 1):
            for statement in _statements(script):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """executescript() would commit our transaction, so the script is cut where SQLite says one ends."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found
