"""Saving all objects of a cluster to a file, and putting them back: `sampan kube snapshot save | restore`.

A server may run meanwhile where objects are saved. A restored SQLite file replaces the other as a whole; into
an etcd objects are put one by one, then those that the snapshot does not have are deleted: cut off, do it
again.
"""

import argparse
import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from sampan.errors import NotFound, SampanError, Unavailable
from sampan.kube.store import database, reads
from sampan.kube.store.cache import ROOT
from sampan.kube.store.opening import open_store
from sampan.kube.store.ranges import end_of
from sampan.kube.store.snapshotfile import Kept, Snapshot, write
from sampan.kube.store.store import Store

SECOND = 10**9
# Between what was restored and whatever clients have seen since the snapshot: they must not take new objects
# for old ones, and are told to list again. The number that etcdutl's documentation has for --bump-revision.
GAP = 10**9
WRITERS = 16


def save(path: Path, store: str, *, ca: str = "", certificate: str = "", key: str = "") -> int:
    """Returns how many objects there were. Raises Failed, Unavailable and what opening a store raises."""
    if "://" in store:
        revision, objects = asyncio.run(_all_of_etcd(store, ca, certificate, key))
        return write(path, revision, objects)
    if not Path(store).exists():
        raise NotFound(f"there is no store {store}")
    try:
        db = database.reader(Path(store))
        try:
            with reads.moment(db):
                return write(path, database.newest(db), _rows(db))
        finally:
            db.close()
    except sqlite3.Error as error:
        raise Unavailable(f"cannot read the store {store}: {error}") from error


def _rows(db: sqlite3.Connection) -> Iterator[Kept]:
    now = time.time_ns()
    query = "SELECT key, revision, value, expiry FROM current WHERE key>=? AND key<? ORDER BY key"
    for key, revision, value, expiry in db.execute(query, (ROOT, end_of(ROOT))):
        yield Kept(key, revision, value, max(1, (expiry - now) // SECOND) if expiry is not None else 0)


async def _all_of_etcd(url: str, ca: str, certificate: str, key: str) -> tuple[int, list[Kept]]:
    from sampan.kube.store.etcd import EtcdStore
    from sampan.kube.store.members import client_tls

    store = await EtcdStore.open(url, client_tls(ca, certificate, key))
    try:
        return await store.everything(ROOT)
    finally:
        await store.close()


def restore(path: Path, store: str, *, ca: str = "", certificate: str = "", key: str = "") -> int:
    """Returns how many objects there are now. Raises Invalid for a damaged file, and then nothing changed.

    Raises Unavailable, also while a server has the SQLite file.
    """
    snapshot = Snapshot(path)
    if "://" in store:
        asyncio.run(_put_all(snapshot, store, ca, certificate, key))
    else:
        _replace(Path(store), snapshot)
    return snapshot.count


def _replace(path: Path, snapshot: Snapshot) -> None:
    lock = database.lock(path)
    beside = path.with_name(f"{path.name}.new")
    try:
        newest = _settled(path)
        _remove(beside)
        _fill(beside, snapshot, max(snapshot.revision, newest) + GAP)
        os.rename(beside, path)
        database.sync_directory(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise Unavailable(f"cannot restore {path}: {error}") from error
    finally:
        _remove(beside)
        os.close(lock)


def _settled(path: Path) -> int:
    """The newest revision of what is there; its log, which would be taken for the new file's, is gone."""
    if not path.exists():
        return 0
    db = database.open_file(path)
    try:
        return database.newest(db)
    finally:
        db.close()


def _fill(path: Path, snapshot: Snapshot, revision: int) -> None:
    db = database.open_file(path)
    try:
        now = time.time_ns()
        db.execute("BEGIN")
        db.executemany(
            "INSERT INTO current (key, revision, value, expiry) VALUES (?, ?, ?, ?)",
            (
                (one.key, one.revision, one.value, now + one.ttl * SECOND if one.ttl else None)
                for one in snapshot
            ),
        )
        db.execute("UPDATE meta SET value=? WHERE name='compacted'", (revision,))
        db.execute("COMMIT")
    finally:
        db.close()  # which copies the log into the file, synced, and removes it


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


async def _put_all(snapshot: Snapshot, url: str, ca: str, certificate: str, key: str) -> None:
    store = await open_store(url, ca=ca, certificate=certificate, key=key)
    try:
        there = {entry.key for entry in (await store.list(ROOT)).entries}
        objects = iter(snapshot)

        async def put() -> None:
            for one in objects:
                there.discard(one.key)
                await store.write(one.key, one.value, expected=None, ttl=one.ttl)

        await asyncio.gather(*(put() for _ in range(WRITERS)))
        await _delete(store, there)
    finally:
        await store.close()


async def _delete(store: Store, keys: set[str]) -> None:
    while keys:
        some = [keys.pop() for _ in range(min(WRITERS, len(keys)))]
        await asyncio.gather(*(store.write(key, None, expected=None) for key in some))


def main(arguments: list[str] | None = None) -> int:
    """The program; returns its exit status."""
    words = argparse.ArgumentParser(prog="sampan kube snapshot")
    words.add_argument("action", choices=["save", "restore"])
    words.add_argument("file", type=Path)
    words.add_argument("--store", required=True, help="a path, or etcd://host:port,...")
    words.add_argument("--etcd-cafile", default="")
    words.add_argument("--etcd-certfile", default="")
    words.add_argument("--etcd-keyfile", default="")
    options = words.parse_args(arguments)
    work = save if options.action == "save" else restore
    try:
        count = work(
            options.file,
            options.store,
            ca=options.etcd_cafile,
            certificate=options.etcd_certfile,
            key=options.etcd_keyfile,
        )
    except SampanError as error:
        print(f"sampan kube snapshot: {error}", file=sys.stderr)
        return 1
    print(f"{options.action}d {count} objects")
    return 0


if __name__ == "__main__":
    sys.exit(main())
