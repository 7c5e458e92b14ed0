"""A blob that is arriving: readers follow the writer, and what came is there for the next attempt."""

import os
import threading
import time
from pathlib import Path

import pytest

from sampan.errors import Failed
from sampan.images import space
from sampan.images.blobs import KEEP_PARTIAL, BlobStore
from sampan.images.partial import Cut, Partial
from sampan.specs.oci import digest as digests

DATA = bytes(range(256)) * 8192
DIGEST = digests.of(DATA)


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    store = BlobStore(tmp_path)
    store.start()
    return store


def test_readers_follow_the_writer(store: BlobStore) -> None:
    partial = Partial(store, DIGEST, len(DATA))
    found: dict[str, object] = {}
    readers = [
        threading.Thread(target=lambda: found.update(hash=partial.hash())),
        threading.Thread(target=lambda: found.update(data=b"".join(partial.follow(reports_position=True)))),
    ]
    for reader in readers:
        reader.start()
    for start in range(0, len(DATA), 100_000):
        partial.append(DATA[start : start + 100_000])
    partial.finish()
    for reader in readers:
        reader.join()
    assert found == {"hash": DIGEST, "data": DATA} and partial.position == len(DATA)
    partial.commit()
    partial.close()
    assert store.read(DIGEST) == DATA and list(store.ingest_directory.iterdir()) == []


def test_a_reader_of_a_cut_download_is_told(store: BlobStore) -> None:
    partial = Partial(store, DIGEST, len(DATA))
    partial.append(DATA[:10])
    partial.finish(RuntimeError("cut"))
    with pytest.raises(Cut):
        partial.hash()
    partial.close()


def test_what_came_is_there_for_the_next_attempt(store: BlobStore) -> None:
    partial = Partial(store, DIGEST, len(DATA))
    partial.append(DATA[:1000])
    partial.close()
    store.start()
    again = Partial(store, DIGEST, len(DATA))
    assert again.size == 1000
    again.append(DATA[1000:])
    again.finish()
    assert again.hash() == DIGEST
    again.discard()
    assert list(store.ingest_directory.iterdir()) == []


def test_nothing_leaves_no_file_and_too_much_starts_anew(store: BlobStore) -> None:
    Partial(store, DIGEST, 5).close()
    assert list(store.ingest_directory.iterdir()) == []
    longer = Partial(store, DIGEST, 10)
    longer.append(b"0123456789")
    longer.close()
    shorter = Partial(store, DIGEST, 5)
    assert shorter.size == 0
    shorter.close()


def test_old_ones_go_at_the_start_and_idle_ones_when_asked(store: BlobStore) -> None:
    for name in ("a", "b"):
        partial = Partial(store, digests.of(name.encode()), 10)
        partial.append(b"12345")
        partial.close()
    old = store.ingest_directory / f"{digests.of(b'a')[7:]}.partial"
    os.utime(old, (0, time.time() - KEEP_PARTIAL - 10))
    store.start()
    assert not old.exists()
    assert store.forget_partials({digests.of(b"b")}) == 0
    assert store.forget_partials(set()) == 5
    assert list(store.ingest_directory.iterdir()) == []


def test_the_youngest_that_fit_are_kept(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sampan.images.blobs.KEEP_PARTIALS", 12)
    for age, name in enumerate(("new", "middle", "old", "in work")):
        partial = Partial(store, digests.of(name.encode()), 10)
        partial.append(b"123456789" if name == "middle" else b"12345")
        partial.close()
        os.utime(partial.path, (0, time.time() - age))
    store.trim_partials({digests.of(b"in work")})
    kept = {path.stem for path in store.ingest_directory.iterdir()}
    assert kept == {digests.of(name)[7:] for name in (b"new", b"old", b"in work")}


def test_the_last_of_the_disk_is_left_alone(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "spare", lambda directory: 1000)
    fits, too_much = Partial(store, DIGEST, 1000), Partial(store, digests.of(b"x"), 1001)
    fits.check_space()
    with pytest.raises(
        Failed, match=r"no space left on device: .* needs 1001 bytes, but only 1000 are available"
    ):
        too_much.check_space()
    too_much.append(b"x" * 1000)
    with pytest.raises(Failed, match="no space left on device"):
        too_much.append(b"x" * 1001)
    fits.close()
    too_much.discard()


def test_a_reserve_is_part_of_the_disk(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    free = disk.f_bavail * disk.f_frsize
    assert 0 <= free - space.spare(tmp_path) <= space.RESERVE + free // 10
