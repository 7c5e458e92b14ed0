"""What a row names is on the disk, with its directories, before the row is: power may fail any time."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.support import Client, serving, sha256

DATA = b"0123456789" * 1000


class Log:
    """Syncs and commits, in the order in which they happened; paths below the root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries: list[str] = []
        self._fsync = os.fsync

    def fsync(self, descriptor: int) -> None:
        self._fsync(descriptor)
        self.entries.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), self.root))

    def statement(self, text: str) -> None:
        if text.startswith(("INSERT INTO", "COMMIT")):
            self.entries.append(" ".join(text.split()[:3]))

    def before(self, last: str) -> list[str]:
        """What came before the commit of that statement; the log begins anew."""
        found, self.entries = self.entries, []
        return found[: found.index("COMMIT", found.index(last))]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    log = Log(tmp_path / "root")
    monkeypatch.setattr(os, "fsync", log.fsync)
    yield log


def watch(client: Client, log: Log) -> None:
    client.registry.database._writer_db.set_trace_callback(log.statement)


async def test_the_tree_is_synced_before_anything_is_in_it(tmp_path: Path, log: Log) -> None:
    async with serving(tmp_path / "root"):
        assert {".", "..", "blobs", "blobs/sha256", "blobs/sha512", "uploads", "fetches"} <= set(log.entries)


async def test_a_blob_and_its_directories_are_synced_before_its_row(tmp_path: Path, log: Log) -> None:
    prefix = sha256(DATA).partition(":")[2][:2]
    async with serving(tmp_path / "root") as client:
        watch(client, log)
        # Somebody made the directory, and died before they could sync where it is.
        (tmp_path / "root/blobs/sha256" / prefix).mkdir()
        await client.push_blob("a", DATA)
        synced = log.before("INSERT INTO blobs")
        assert {"blobs/sha256", f"blobs/sha256/{prefix}"} <= set(synced)
        assert any(path.startswith("uploads/") for path in synced)


async def test_an_upload_and_its_bytes_are_synced_before_they_are_acknowledged(
    tmp_path: Path, log: Log
) -> None:
    async with serving(tmp_path / "root") as client:
        watch(client, log)
        location = (await client("POST", "/v2/a/blobs/uploads/")).headers["Location"]
        assert "uploads" in log.before("INSERT INTO uploads")
        log.entries.clear()
        assert (await client("PATCH", location, DATA)).status == 202
        assert f"uploads/{location.rpartition('/')[2]}" in log.entries
