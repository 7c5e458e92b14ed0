"""What only the store in one file has: a disk that fails, expiry by a clock of ours, slices, a small file."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from sampan.errors import Unavailable, Unsupported
from sampan.kube.store import commits, database, feed
from sampan.kube.store.sqlite import SqliteStore
from sampan.kube.store.store import Change, Entry

PODS = "/registry/core/pods/"
A, B = PODS + "ns/a", PODS + "ns/b"
SECOND = 10**9


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "store", clock=clock)
    yield store
    await store.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another thread does it
            await asyncio.sleep(0.001)


def query(path: Path, text: str) -> int:
    db = sqlite3.connect(path)
    try:
        found: int = db.execute(text).fetchone()[0]
        return found
    finally:
        db.close()


async def test_what_expires_is_deleted_as_by_a_write(store: SqliteStore, clock: Clock) -> None:
    first = await store.write(A, b"1", expected=0, ttl=60)
    second = await store.write(B, b"2", expected=0, ttl=600)
    async with aclosing(store.watch(PODS, second)) as batches, asyncio.timeout(10):
        task = asyncio.ensure_future(anext(batches))
        clock.now += 59 * SECOND
        store.wake()
        third = await store.write(PODS + "ns/c", b"", expected=0)
        assert [change.revision for change in await task] == [third]  # and no deletion before it
        clock.now += 2 * SECOND
        store.wake()
        assert await anext(batches) == [Change(A, third + 1, None, Entry(A, first, b"1"))]
    assert await store.get(A) is None
    assert await store.get(B) is not None


async def test_what_is_written_anew_lives_as_long_as_it_says_now(store: SqliteStore, clock: Clock) -> None:
    await store.write(A, b"1", expected=0, ttl=60)
    await store.write(B, b"1", expected=0, ttl=60)
    await store.write(A, b"2", expected=None)
    await store.write(B, b"2", expected=None, ttl=600)
    clock.now += 100 * SECOND
    store.wake()
    last = await store.write(PODS + "ns/c", b"", expected=0, ttl=1)
    clock.now += 3 * SECOND
    store.wake()
    await until(lambda: store._feed.revision > last)
    assert [entry.key for entry in (await store.list(PODS)).entries] == [A, B]


async def test_what_expired_meanwhile_goes_at_the_start(tmp_path: Path, clock: Clock) -> None:
    store = await SqliteStore.open(tmp_path / "store", clock=clock)
    revision = await store.write(A, b"1", expected=0, ttl=60)
    await store.close()
    clock.now += 100 * SECOND
    store = await SqliteStore.open(tmp_path / "store", clock=clock)
    await until(lambda: store._feed.revision == revision + 1)
    assert await store.get(A) is None
    await store.close()


async def test_a_full_disk_is_told_and_over_once_there_is_space(store: SqliteStore) -> None:
    first = await store.write(A, b"1", expected=0)
    db = store._commits._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages + 2}")
    large = asyncio.gather(
        store.write(B, b"x" * 100_000, expected=0),
        store.write(A, b"2", expected=first),
        return_exceptions=True,
    )
    for error in await large:
        assert isinstance(error, Unavailable)
        assert "database or disk is full" in str(error)
    assert await store.get(A) == Entry(A, first, b"1")
    assert await store.get(B) is None
    db.execute("PRAGMA max_page_count=1000000")
    assert await store.write(A, b"2", expected=first) == first + 1


async def test_a_file_that_cannot_be_written_is_told(store: SqliteStore) -> None:
    first = await store.write(A, b"1", expected=0)
    db = store._commits._db
    db.execute("PRAGMA query_only=1")
    with pytest.raises(Unavailable, match="attempt to write a readonly database"):
        await store.write(A, b"2", expected=first)
    with pytest.raises(Unavailable, match="attempt to write a readonly database"):
        await store.compact(first)
    db.execute("PRAGMA query_only=0")
    assert await store.write(A, b"2", expected=first) == first + 1


SMALL_DISK = """
import asyncio, subprocess, sys
from pathlib import Path
from sampan.errors import Unavailable
from sampan.kube.store.sqlite import SqliteStore

async def main(directory):
    store = await SqliteStore.open(Path(directory) / "store")
    kept = []
    try:
        while True:
            kept.append(await store.write(f"/k/{len(kept):05}", b"x" * 8000, expected=0))
    except Unavailable as error:
        assert "full" in str(error) or "disk I/O error" in str(error), error
    assert [entry.revision for entry in (await store.list("/k/")).entries] == kept and len(kept) > 10
    subprocess.run(["mount", "-o", "remount,size=8m", directory], check=True)
    assert await store.write("/k/last", b"x" * 8000, expected=0) == kept[-1] + 1
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.root
def test_a_file_system_without_space(tmp_path: Path) -> None:
    """As above, but with the kernel's own error, which comes while the log is written."""
    script = (
        f"mount -t tmpfs -o size=1m none {tmp_path} && exec {sys.executable} -c '{SMALL_DISK}' {tmp_path}"
    )
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


async def test_a_cancelled_writer_hurts_nobody(store: SqliteStore) -> None:
    tasks = [asyncio.ensure_future(store.write(f"{PODS}ns/{n}", b"", expected=0)) for n in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    assert len((await store.list(PODS)).entries) == 3


async def test_a_watch_that_lags_reads_from_the_disk(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "PENDING", 10)
    start = await store.revision()
    async with aclosing(store.watch(PODS, start)) as batches, asyncio.timeout(10):
        found = []
        for _ in range(3):
            for number in range(40):
                last = await store.write(f"{PODS}ns/{number % 7}", b"%d" % number, expected=None)
            while not found or found[-1].revision < last:
                found += await anext(batches)
    assert [change.revision for change in found] == list(range(start + 1, last + 1))
    assert [change.value for change in found] == [b"%d" % number for number in range(40)] * 3


async def test_compaction_deletes_in_slices_between_writes(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(30):
        await asyncio.gather(*(store.write(f"{PODS}ns/{n}", b"v" * 500, expected=None) for n in range(100)))
    last = await store.revision()
    slices: list[int] = []
    forget = commits.transactions.forget

    def counted(db: sqlite3.Connection, revision: int, rows: int) -> int:
        gone = forget(db, revision, rows)
        slices.append(gone)
        return gone

    monkeypatch.setattr(commits.transactions, "forget", counted)
    await store.compact(last - 50)
    await store.write(A, b"", expected=0)
    path = tmp_path / "store"
    await until(lambda: query(path, "SELECT count(*) FROM history") == 51)
    assert len([gone for gone in slices if gone]) > 1
    page = await store.list(PODS, revision=last - 50)
    assert len(page.entries) == 100


async def test_a_compaction_that_was_cut_off_is_finished_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "store"
    store = await SqliteStore.open(path)
    for number in range(50):
        last = await store.write(A, b"%d" % number, expected=None)
    await store.close()
    db = database.open_file(path)
    commits.transactions.promise(db, last)
    db.close()
    store = await SqliteStore.open(path)
    await until(lambda: query(path, "SELECT count(*) FROM history") == 0)
    assert await store.revision() == last
    await store.close()


async def test_free_pages_are_given_back(store: SqliteStore, tmp_path: Path) -> None:
    for number in range(40):
        writes = (store.write(f"{PODS}ns/{n}", bytes([number]) * 4000, expected=None) for n in range(200))
        await asyncio.gather(*writes)
    path = tmp_path / "store"
    before = query(path, "PRAGMA page_count")
    await store.compact(await store.revision())
    live = 200 * 4000 // database.PAGE
    await until(lambda: query(path, "PRAGMA page_count") < 3 * live + 256)
    assert before > 10 * live
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


async def test_the_log_is_copied_into_the_file(store: SqliteStore, tmp_path: Path) -> None:
    for number in range(60):
        writes = (store.write(f"{PODS}ns/{n}", bytes([number]) * 8000, expected=None) for n in range(100))
        await asyncio.gather(*writes)
    assert (tmp_path / "store").stat().st_size > 40_000_000
    assert (tmp_path / "store-wal").stat().st_size < 2 * commits.LOG_LIMIT


async def test_a_new_file_is_there_after_a_power_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(database, "sync_directory", synced.append)
    for _ in range(2):
        store = await SqliteStore.open(tmp_path / "store")
        level = store._commits._db.execute("PRAGMA synchronous").fetchone()[0]
        journal = store._commits._db.execute("PRAGMA journal_mode").fetchone()[0]
        assert (synced, level, journal) == ([tmp_path], 2, "wal")
        await store.close()


async def test_only_its_owner_can_read_the_file(store: SqliteStore, tmp_path: Path) -> None:
    await store.write(A, b"", expected=0)
    names = ("store", "store-wal", "store-shm")
    assert [os.stat(tmp_path / name).st_mode & 0o777 for name in names] == [0o600] * 3


async def test_what_is_no_store_or_a_newer_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database " * 1000)
    with pytest.raises(Unavailable, match="not a database"):
        await SqliteStore.open(tmp_path / "text")
    with pytest.raises(Unavailable, match="cannot open"):
        await SqliteStore.open(tmp_path / "missing" / "store")
    await (await SqliteStore.open(tmp_path / "store")).close()
    db = sqlite3.connect(tmp_path / "store")
    db.execute("UPDATE meta SET value=99 WHERE name='schema'")
    db.commit()
    db.close()
    with pytest.raises(Unsupported, match="version 99"):
        await SqliteStore.open(tmp_path / "store")


async def test_a_migration_is_done_once_and_wholly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store"
    store = await SqliteStore.open(path)
    await store.write(A, b"1", expected=0)
    await store.close()

    def broken(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM current")
        raise sqlite3.OperationalError("disk I/O error")

    def step(db: sqlite3.Connection) -> None:
        db.execute("UPDATE current SET value=CAST(value || '2' AS BLOB)")

    monkeypatch.setattr(database, "NEWEST", 2)
    monkeypatch.setattr(database, "MIGRATIONS", {2: broken})
    with pytest.raises(Unavailable, match="disk I/O error"):
        await SqliteStore.open(path)
    monkeypatch.setattr(database, "MIGRATIONS", {2: step})
    for _ in range(2):
        store = await SqliteStore.open(path)
        entry = await store.get(A)
        assert entry is not None and entry.value == b"12"
        await store.close()
