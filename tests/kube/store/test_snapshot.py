"""Saving a cluster's objects and putting them back, in either store."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.errors import Invalid, NotFound, Unavailable
from sampan.kube.store.opening import open_store
from sampan.kube.store.snapshot import GAP, main, restore, save
from sampan.kube.store.snapshotfile import Kept, Snapshot, write
from sampan.kube.store.sqlite import SqliteStore
from sampan.kube.store.store import Compacted, Entry
from tests.kube.store.conftest import clear

PODS = "/registry/core/pods/"
A, B = PODS + "ns/a", PODS + "ns/b"


async def fill(address: str, values: dict[str, bytes], ttl: int = 0) -> None:
    store = await open_store(address)
    await clear(store)
    for key, value in values.items():
        await store.write(key, value, expected=None, ttl=ttl)
    await store.close()


async def contents(address: str) -> dict[str, bytes]:
    store = await open_store(address)
    found = {entry.key: entry.value for entry in (await store.list("/registry/")).entries}
    await store.close()
    return found


def test_what_is_saved_is_restored(address: str, tmp_path: Path) -> None:
    file = tmp_path / "snapshot"
    before = {A: b"1", B: bytes(100_000), "/registry/core/events/ns/e": b""}
    asyncio.run(fill(address, before))
    assert save(file, address) == 3
    asyncio.run(fill(address, {A: b"2", "/registry/core/nodes/n": b"new"}))
    assert restore(file, address) == 3
    assert asyncio.run(contents(address)) == before


def test_what_expires_still_does(address: str, tmp_path: Path) -> None:
    asyncio.run(fill(address, {A: b"1"}, ttl=3600))
    save(tmp_path / "first", address)
    (kept,) = Snapshot(tmp_path / "first")
    assert 3500 < kept.ttl < 3800
    restore(tmp_path / "first", address)
    save(tmp_path / "second", address)
    (again,) = Snapshot(tmp_path / "second")
    assert kept.ttl - 100 < again.ttl < 4000


async def test_clients_from_before_are_told_to_list_again(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "store")
    first = await store.write(A, b"1", expected=0)
    await asyncio.to_thread(save, tmp_path / "file", str(tmp_path / "store"))
    last = await store.write(A, b"2", expected=first)
    with pytest.raises(Unavailable, match="another process has it"):
        await asyncio.to_thread(restore, tmp_path / "file", str(tmp_path / "store"))
    await store.close()
    await asyncio.to_thread(restore, tmp_path / "file", str(tmp_path / "store"))
    store = await SqliteStore.open(tmp_path / "store")
    assert await store.get(A) == Entry(A, first, b"1")
    with pytest.raises(Compacted):
        await anext(store.watch(PODS, last))
    assert await store.write(B, b"", expected=0) == last + GAP + 1
    await store.close()


def test_a_snapshot_starts_a_cluster_elsewhere(tmp_path: Path) -> None:
    asyncio.run(fill(str(tmp_path / "store"), {A: b"1"}))
    save(tmp_path / "file", str(tmp_path / "store"))
    restore(tmp_path / "file", str(tmp_path / "other"))
    assert asyncio.run(contents(str(tmp_path / "other"))) == {A: b"1"}
    db = sqlite3.connect(tmp_path / "other")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


@pytest.mark.parametrize("at", [0, 10, 21, 25, 60, -40, -1])
@pytest.mark.parametrize("how", ["changed", "cut", "longer"])
def test_a_damaged_file_changes_nothing(tmp_path: Path, at: int, how: str) -> None:
    store = str(tmp_path / "store")
    asyncio.run(fill(store, {A: b"1" * 50}))
    save(tmp_path / "file", store)
    asyncio.run(fill(store, {B: b"now"}))
    data = bytearray((tmp_path / "file").read_bytes())
    if how == "changed":
        data[at] ^= 1
    elif how == "cut":
        del data[at:]
    else:
        data.insert(at if at >= 0 else len(data), 0)
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(Invalid):
        restore(tmp_path / "file", store)
    assert asyncio.run(contents(store)) == {B: b"now"}


OBJECTS = st.builds(
    Kept,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.integers(0, 2**63),
    st.binary(max_size=50),
    st.integers(0, 2**63),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(objects=st.lists(OBJECTS, max_size=5), revision=st.integers(0, 2**63))
def test_files_are_read_as_written(tmp_path: Path, objects: list[Kept], revision: int) -> None:
    assert write(tmp_path / "file", revision, objects) == len(objects)
    snapshot = Snapshot(tmp_path / "file")
    assert (list(snapshot), snapshot.count, snapshot.revision) == (objects, len(objects), revision)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=100), head=st.sampled_from([b"", b'sampan-kube-snapshot 1\n{"revision": 1}\n'])
)
def test_any_bytes_are_a_snapshot_or_are_refused(tmp_path: Path, data: bytes, head: bytes) -> None:
    (tmp_path / "file").write_bytes(head + data)
    with pytest.raises(Invalid):
        Snapshot(tmp_path / "file")


def test_a_snapshot_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    write(tmp_path / "file", 1, [])

    def broken() -> list[Kept]:
        raise OSError(28, "No space left on device")

    with pytest.raises(Exception, match="No space left on device"):
        write(tmp_path / "file", 2, (one for _ in range(1) for one in broken()))
    assert Snapshot(tmp_path / "file").revision == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, file = str(tmp_path / "store"), str(tmp_path / "file")
    with pytest.raises(NotFound):
        save(tmp_path / "file", store)
    assert main(["save", file, "--store", store]) == 1
    asyncio.run(fill(store, {A: b"1"}))
    assert main(["save", file, "--store", store]) == 0
    assert main(["restore", file, "--store", store]) == 0
    said = capsys.readouterr()
    assert said.out == "saved 1 objects\nrestored 1 objects\n"
    assert "there is no store" in said.err
