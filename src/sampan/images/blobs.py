"""The content store: an OCI image layout whose blobs are written once and never change.

    content/oci-layout
    content/blobs/sha256/<hex>
    content/ingest/<random>        being written; removed at start
    content/ingest/<hex>.partial   of a download (partial.py), for the next attempt: see trim_partials

A blob is digested while it streams in, synced, and renamed to its digest: a file with a blob's name is whole.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from sampan.errors import Failed, Invalid, NotFound
from sampan.linux import durable
from sampan.specs.oci.digest import is_sha256

CHUNK = 1 << 20
KEEP_PARTIAL = 7 * 24 * 3600.0  # seconds
KEEP_PARTIALS = 8 << 30  # bytes of all of them: a registry can promise anything
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


class DigestedFile:
    """A new file that is digested while it is written. Usable from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """Of what was written so far."""
        return f"sha256:{self._digest.hexdigest()}"

    def write(self, data: bytes | memoryview) -> None:
        """Raises Failed when the disk is full."""
        self._digest.update(data)
        self.size += len(data)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise Failed(f"write blob: {error.strerror}") from error

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Ingest(DigestedFile):
    """A blob being written: `write`, then `commit` or `abort`."""

    def __init__(self, store: "BlobStore") -> None:
        super().__init__(store.ingest_directory / uuid.uuid4().hex)
        self._store = store

    def commit(self, expected: str | None = None, sync: bool = True) -> str:
        """Put the blob under its digest, which is returned. Raises Invalid if another was expected.

        Without `sync` the caller makes it durable, before anything names it.
        """
        digest = self.digest
        if expected is not None and digest != expected:
            self.abort()
            raise Invalid(f"unexpected digest: expected {expected}, got {digest}")
        target = self._store.path(digest)
        try:
            if _size(target) == self.size:  # another one was made by a power failure
                return digest
            os.fchmod(self._fd, 0o644)
            if sync:
                os.fsync(self._fd)
            os.rename(self.path, target)
            if sync:
                durable.sync(target.parent)
        except OSError as error:
            raise Failed(f"commit blob {digest}: {error.strerror}") from error
        finally:
            self.abort()
        return digest

    def abort(self) -> None:
        """Drop what was written; harmless after commit."""
        if self._fd >= 0:
            self.close()
            self.path.unlink(missing_ok=True)


class BlobStore:
    """All blobs of one data root. What may be deleted is the engine's to know."""

    def __init__(self, content: Path) -> None:
        self._content = content
        self._blobs = content / "blobs" / "sha256"

    @property
    def ingest_directory(self) -> Path:
        return self._content / "ingest"

    def start(self) -> None:
        """Make the layout, and remove what a daemon that died left half written."""
        self._blobs.mkdir(parents=True, exist_ok=True)
        self.ingest_directory.mkdir(exist_ok=True)
        layout = self._content / "oci-layout"
        if not layout.exists():
            durable.write(layout, LAYOUT)
        for leftover in self.ingest_directory.iterdir():
            if leftover.suffix != ".partial":
                leftover.unlink()
        self.trim_partials(set())

    def trim_partials(self, keep: set[str]) -> None:
        """Of downloads that are not under way (`keep`: digests): no old ones, and the youngest that fit."""
        total, oldest = 0, time.time() - KEEP_PARTIAL
        for found, info in sorted(self._partials(keep), key=lambda pair: pair[1].st_mtime, reverse=True):
            if info.st_mtime < oldest or total + info.st_size > KEEP_PARTIALS:
                found.unlink()
            else:
                total += info.st_size

    def forget_partials(self, keep: set[str]) -> int:
        """Delete what came of downloads that are not under way any more (`keep`: digests); bytes freed."""
        freed = 0
        for found, info in self._partials(keep):
            freed += info.st_size
            found.unlink()
        return freed

    def _partials(self, keep: set[str]) -> list[tuple[Path, os.stat_result]]:
        found = self.ingest_directory.glob("*.partial")
        return [(path, path.stat()) for path in found if f"sha256:{path.stem}" not in keep]

    def path(self, digest: str) -> Path:
        if not is_sha256(digest):
            raise Invalid("unsupported digest algorithm")
        return self._blobs / digest.removeprefix("sha256:")

    def exists(self, digest: str) -> bool:
        return self.path(digest).exists()

    def size(self, digest: str) -> int:
        """Raises NotFound."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise NotFound(f"blob {digest} not found") from None

    def ingest(self) -> Ingest:
        return Ingest(self)

    def write(self, data: bytes, sync: bool = True) -> str:
        """A small blob in one go; returns its digest."""
        ingest = self.ingest()
        try:
            ingest.write(data)
            return ingest.commit(sync=sync)
        finally:
            ingest.abort()

    def read(self, digest: str) -> bytes:
        """The whole blob. Raises NotFound."""
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"blob {digest} not found") from None

    def chunks(self, digest: str) -> Iterator[bytes]:
        """The blob in pieces. Raises NotFound."""
        try:
            fd = os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"blob {digest} not found") from None
        try:
            while data := os.read(fd, CHUNK):
                yield data
        finally:
            os.close(fd)

    def delete(self, digest: str) -> None:
        self.path(digest).unlink(missing_ok=True)

    def reconcile(self, known: set[str]) -> None:
        """Delete every blob not in `known`."""
        wanted = {digest.removeprefix("sha256:") for digest in known}
        for entry in os.scandir(self._blobs):
            if entry.name not in wanted:
                os.unlink(entry.path)


def _size(path: Path) -> int:
    """-1 where nothing is."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
