"""The registry without HTTP: schema, workers that share a root, quotas, collection with a clock."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sampan.errors import Failed
from sampan.interpreter import HOME
from sampan.registry.collect import FULL_EXPIRY, CollectConfig
from sampan.registry.config import Config
from sampan.registry.documents import OCI_INDEX, OCI_MANIFEST
from sampan.registry.errors import (
    BlobUnknown,
    Denied,
    ManifestUnknown,
    RangeInvalid,
    UploadBusy,
    UploadUnknown,
)
from sampan.registry.events import Event
from sampan.registry.names import Reference
from sampan.registry.registry import Registry
from sampan.registry.repositories import QuotaRule, catalog, tags
from sampan.registry.retention import RetentionRule
from sampan.registry.schema import MIGRATIONS, migrate
from sampan.registry.uploads import Chunk
from tests.registry.support import CONFIG, Clock, image, index, sha256

DATA = b"data" * 10_000


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workers(tmp_path: Path, clock: Clock) -> Iterator[list[Registry]]:
    config = Config(
        root=str(tmp_path),
        collect=CollectConfig(grace=100.0),
        upload_expiry=1000.0,
        quota=(QuotaRule("small/**", 5000),),
        retention=(RetentionRule("ci", keep_last=1, untagged_after=0.0),),
    )
    found = [Registry(config, clock) for _ in range(2)]
    for worker in found:
        worker.uploads._turn_seconds = 0.1
    yield found
    for worker in found:
        worker.database.close()


async def push(worker: Registry, name: str, tag: str, *layers: bytes) -> str:
    for data in (CONFIG, *layers):
        await worker.uploads.put(name, sha256(data), Chunk(pieces(data)))
    stored = await worker.manifests.put(name, Reference(tag, None), OCI_MANIFEST, image(*layers))
    return stored.digest


def schema(db: sqlite3.Connection) -> set[tuple[str, str]]:
    return set(db.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))


@pytest.mark.parametrize("before", range(len(MIGRATIONS) + 1))
def test_every_schema_becomes_the_newest(before: int) -> None:
    db, fresh = (sqlite3.connect(":memory:", isolation_level=None) for _ in range(2))
    migrate(db, MIGRATIONS[:before])
    migrate(db)
    migrate(db)
    migrate(fresh)
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert schema(db) == schema(fresh)
    db.close()
    fresh.close()


def test_a_newer_schema_is_left_alone() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("PRAGMA user_version=1000")
    with pytest.raises(Failed, match="newer"):
        migrate(db)
    assert schema(db) == set()
    db.close()


def test_a_failed_migration_changes_nothing() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, ("CREATE TABLE a (x);\nCREATE TABLE a (x);\n",))
    assert (schema(db), db.execute("PRAGMA user_version").fetchone()) == (set(), (0,))
    db.close()


def test_a_root_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("99\n")
    with pytest.raises(Failed, match="format 99"):
        Registry(Config(root=str(tmp_path)))


async def test_an_upload_wanders_between_workers(workers: list[Registry]) -> None:
    first, second = workers
    id = await first.uploads.start("a")
    for number in range(8):
        part = DATA[number * 5000 : (number + 1) * 5000]
        worker = (first, second, second, first)[number % 4]
        assert await worker.uploads.append("a", id, Chunk(pieces(part), number * 5000)) == (number + 1) * 5000
    blob = await second.uploads.finish("a", id, sha256(DATA))
    assert blob.path.read_bytes() == DATA
    with pytest.raises(UploadUnknown):
        await first.uploads.append("a", id, Chunk(pieces(b"x")))


async def test_two_requests_for_one_upload_take_turns(workers: list[Registry]) -> None:
    first, second = workers
    id = await first.uploads.start("a")
    release = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"one"
        await release.wait()
        yield b"two"

    writing = asyncio.create_task(first.uploads.append("a", id, Chunk(slow())))
    await asyncio.sleep(0)
    with pytest.raises(UploadBusy):
        await second.uploads.append("a", id, Chunk(pieces(b"x")))
    release.set()
    assert await writing == 6
    with pytest.raises(RangeInvalid):
        await second.uploads.append("a", id, Chunk(pieces(b"x"), 3))
    assert await second.uploads.append("a", id, Chunk(pieces(b"!"), 6)) == 7


async def test_a_cancelled_chunk_keeps_what_arrived(workers: list[Registry]) -> None:
    id = await workers[0].uploads.start("a")
    arrived = asyncio.Event()

    async def cut() -> AsyncIterator[bytes]:
        yield DATA
        arrived.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(workers[0].uploads.append("a", id, Chunk(cut())))
    await arrived.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert workers[1].uploads.offset("a", id) == len(DATA)
    await workers[1].uploads.finish("a", id, sha256(DATA + b"!"), Chunk(pieces(b"!"), len(DATA)))


async def test_a_damaged_store_is_repaired_by_the_next_push(workers: list[Registry]) -> None:
    blob = await workers[0].uploads.put("a", sha256(DATA), Chunk(pieces(DATA)))
    blob.path.unlink()
    await workers[1].uploads.put("b", sha256(DATA), Chunk(pieces(DATA)))
    assert workers[0].blobs.find("a", sha256(DATA)).path.read_bytes() == DATA


async def test_quota_names_used_and_allowed_bytes(workers: list[Registry]) -> None:
    worker = workers[0]
    await push(worker, "small/a", "x", b"x" * 1000)
    used = worker.read.execute("SELECT bytes FROM repositories").fetchone()[0]
    with pytest.raises(Denied) as caught:
        await worker.uploads.put("small/a", sha256(DATA), Chunk(pieces(DATA)))
    assert f"{used} of 5000 bytes are used" in str(caught.value)
    assert caught.value.detail == {"name": "small/a", "used": used, "allowed": 5000, "requested": len(DATA)}
    await worker.uploads.put("large", sha256(DATA), Chunk(pieces(DATA)))
    with pytest.raises(Denied):
        await worker.blobs.mount("small/a", sha256(DATA), "large")
    await push(worker, "small/a", "again", b"x" * 1000)  # what is there already costs nothing


async def test_collection_waits_for_the_grace_period(workers: list[Registry], clock: Clock) -> None:
    digest = await push(workers[0], "a", "x", DATA)
    await workers[1].manifests.delete("a", Reference(None, digest))
    blob = workers[0].layout.blob(sha256(DATA))
    clock.now += 99
    assert str(await workers[0].collector.run()) == "nothing"
    clock.now += 2
    done = await workers[0].collector.run()
    assert str(done) == f"2 links, 2 blobs, {len(DATA) + len(CONFIG)} bytes"
    assert not blob.exists()
    assert catalog(workers[0].read, 10, "").items == []


async def test_on_a_full_disk_unfinished_uploads_go_soon(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(Config(root=str(tmp_path)), clock)
    id = await registry.uploads.start("a")
    await registry.uploads.append("a", id, Chunk(pieces(DATA)))
    clock.now += FULL_EXPIRY + 1
    await registry.collector.run()
    assert registry.uploads.offset("a", id) == len(DATA)
    monkeypatch.setattr(registry.database.reserve, "room", lambda: 0)
    await registry.collector.run()
    assert not registry.layout.upload(id).exists()
    with pytest.raises(UploadUnknown):
        registry.uploads.offset("a", id)
    registry.database.close()


async def test_one_worker_collects_at_a_time(workers: list[Registry]) -> None:
    found = await asyncio.gather(*(worker.collector.run() for worker in workers))
    assert sorted(item is None for item in found) == [False, True]


async def test_retention_drops_tags_and_what_they_held(workers: list[Registry], clock: Clock) -> None:
    worker = workers[0]
    old = await push(worker, "ci", "one", b"one")
    clock.now += 1
    await push(worker, "ci", "two", b"two")
    kept = await push(worker, "other", "one", b"one")
    child = image(b"two")
    await worker.manifests.put("ci", Reference("all", None), OCI_INDEX, index(child))
    clock.now += 1
    new = await push(worker, "ci", "three", b"three")
    await worker.collector.run()
    assert tags(worker.read, "ci", None, "").items == ["three"]
    assert worker.manifests.find("ci", Reference(None, old)).digest == old  # within the grace period
    for gone in ((old, sha256(index(child))), (sha256(child),)):  # an index first, then what it named
        clock.now += 101
        await worker.collector.run()
        for digest in gone:
            with pytest.raises(ManifestUnknown):
                worker.manifests.find("ci", Reference(None, digest))
    clock.now += 101
    await worker.collector.run()
    with pytest.raises(BlobUnknown):
        worker.blobs.find("ci", sha256(b"two"))
    assert worker.blobs.find("other", sha256(b"one")).path.exists()
    assert {worker.manifests.find("ci", Reference("three", None)).digest, kept} == {new, old}


async def test_pulls_are_noted_and_keep_tags(workers: list[Registry], clock: Clock) -> None:
    worker = workers[0]
    digest = await push(worker, "a", "x")
    worker.events.emit(Event("pull", "manifest", "a", digest=digest, tag="x", time=clock.now + 5))
    await worker.flush_pulls()
    row = worker.read.execute(
        "SELECT t.pulled, m.pulled FROM tags AS t JOIN manifests AS m ON m.id = t.manifest"
    )
    assert row.fetchone() == (clock.now + 5, clock.now + 5)


async def test_files_without_a_row_are_swept(workers: list[Registry], clock: Clock) -> None:
    worker = workers[0]
    orphan = worker.layout.blob("sha256:" + "00" * 32)
    orphan.parent.mkdir()
    orphan.write_bytes(b"left by a kill")
    left = worker.layout.upload("left")
    left.write_bytes(b"")
    os.utime(left, (clock.now, clock.now))
    done = await worker.collector.run()
    assert not orphan.exists()
    assert done is not None
    assert done.files == 1
    assert left.exists()
    os.utime(left, (0, 0))
    await worker.collector.run()
    assert not left.exists()


def test_start_up_and_listing_never_walk_the_disk(tmp_path: Path) -> None:
    registry = Registry(Config(root=str(tmp_path)))
    registry.database.close()
    program = (
        "import os, sys\n"
        "def refuse(*a, **k): raise AssertionError('the disk was walked')\n"
        "os.scandir = os.listdir = os.walk = refuse\n"
        "from sampan.registry.registry import Registry\n"
        "from sampan.registry.config import Config\n"
        "from sampan.registry.repositories import catalog, search\n"
        f"r = Registry(Config(root={str(tmp_path)!r}))\n"
        "catalog(r.read, 10, ''); search(r.read, 'x', 10, 0, lambda n: True); r.database.close()\n"
    )
    environment = dict(os.environ, PYTHONPATH=HOME)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
