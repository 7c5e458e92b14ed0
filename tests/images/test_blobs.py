"""The content store: what has a blob's name is whole."""

import os
from pathlib import Path

import pytest

from sampan.errors import Invalid, NotFound
from sampan.images.blobs import BlobStore
from sampan.specs.oci import digest as digests


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    store = BlobStore(tmp_path / "content")
    store.start()
    return store


def test_a_blob_gets_its_digest_as_its_name(store: BlobStore, tmp_path: Path) -> None:
    ingest = store.ingest()
    ingest.write(b"one")
    ingest.write(b"two")
    digest = ingest.commit()
    assert digest == digests.of(b"onetwo")
    assert (tmp_path / "content/blobs/sha256" / digest[7:]).read_bytes() == b"onetwo"
    assert (store.read(digest), store.size(digest), b"".join(store.chunks(digest))) == (
        b"onetwo",
        6,
        b"onetwo",
    )
    assert list(store.ingest_directory.iterdir()) == []


def test_a_blob_that_is_not_what_was_expected_is_dropped(store: BlobStore) -> None:
    ingest = store.ingest()
    ingest.write(b"other")
    with pytest.raises(Invalid, match="unexpected digest"):
        ingest.commit(digests.of(b"expected"))
    assert not store.exists(digests.of(b"other")) and list(store.ingest_directory.iterdir()) == []


def test_the_same_blob_may_come_twice(store: BlobStore) -> None:
    assert store.write(b"x") == store.write(b"x", sync=False)


def test_an_aborted_blob_leaves_nothing(store: BlobStore) -> None:
    ingest = store.ingest()
    ingest.write(b"x")
    ingest.abort()
    ingest.abort()
    assert list(store.ingest_directory.iterdir()) == []


def test_a_start_removes_what_was_half_written(store: BlobStore, tmp_path: Path) -> None:
    store.ingest().write(b"half")
    again = BlobStore(tmp_path / "content")
    again.start()
    assert list(again.ingest_directory.iterdir()) == []


def test_blobs_nobody_knows_are_removed(store: BlobStore) -> None:
    kept, gone = store.write(b"kept"), store.write(b"gone")
    store.reconcile({kept})
    assert store.exists(kept) and not store.exists(gone)
    store.delete(kept)
    store.delete(kept)
    for ask in (store.read, store.size, lambda digest: list(store.chunks(digest))):
        with pytest.raises(NotFound):
            ask(kept)


@pytest.mark.parametrize(
    "digest", ["sha256:../../../etc/passwd", "sha256:", "md5:00", "x", "sha256:" + "/" * 64]
)
def test_a_digest_is_never_a_path(store: BlobStore, digest: str) -> None:
    with pytest.raises(Invalid):
        store.path(digest)


def test_a_full_disk_is_an_error_and_leaves_nothing(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    ingest = store.ingest()
    monkeypatch.setattr(os, "write", full)
    from sampan.errors import Failed

    with pytest.raises(Failed, match="No space left"):
        ingest.write(b"x")
    ingest.abort()
    assert list(store.ingest_directory.iterdir()) == []
