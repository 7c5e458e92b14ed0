"""A blob on its way in: appended to while it arrives, read by others meanwhile, kept when it is cut off.

    content/ingest/<hex>.partial      <hex> of the digest it is to have

The file is all there is to resume from, also after a restart: whoever needs the digest reads the file from
its beginning. The writer never waits for a reader, so nothing that arrived is lost with a slow one.
"""

import hashlib
import os
import threading
from collections.abc import Iterator

from sampan.errors import Failed
from sampan.images import space
from sampan.images.blobs import BlobStore

SUFFIX = ".partial"
BLOCK = 1 << 20


class Cut(Failed):
    """Raised in readers when the writer gave up."""


class Partial:
    """One writer calls `append` and `finish`; any number of threads `follow`."""

    def __init__(self, store: BlobStore, digest: str, size: int) -> None:
        """`size` is what the whole is to have: more than that is never kept. Raises Failed."""
        self.digest = digest
        self.total = size
        self._store = store
        self.path = store.ingest_directory / f"{store.path(digest).name}{SUFFIX}"
        self._changed = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        self.position = 0  # of the reader that is ahead: what progress shows
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self.size = os.fstat(self._fd).st_size
            if self.size > size:
                os.ftruncate(self._fd, 0)
                self.size = 0
        except OSError as error:
            raise Failed(f"write blob: {error.strerror}") from error

    def append(self, data: bytes | memoryview) -> None:
        """Blocks. Raises DiskFull, Failed."""
        view = memoryview(data)
        space.check(self._store.ingest_directory, len(view), f"blob {self.digest}")
        try:
            while view:
                written = os.pwrite(self._fd, view, self.size)
                view = view[written:]
                with self._changed:
                    self.size += written
                    self._changed.notify_all()
        except OSError as error:
            raise Failed(f"write blob: {error.strerror}") from error

    def check_space(self) -> None:
        """Before anything comes: what is promised must fit. Raises DiskFull."""
        space.check(self._store.ingest_directory, self.total - self.size, f"blob {self.digest}")

    def finish(self, error: BaseException | None = None) -> None:
        """Nothing more comes: readers get to the end, or the error."""
        with self._changed:
            self._ended = True
            self._error = self._error or error
            self._changed.notify_all()

    def follow(self, *, reports_position: bool = False) -> Iterator[bytes]:
        """The bytes from the beginning, waiting for more until `finish`. Blocks. Raises Cut."""
        offset = 0
        while True:
            with self._changed:
                while self.size <= offset and not self._ended:
                    self._changed.wait()
                if self._error is not None:
                    raise Cut("the download was cut off") from self._error
                if self.size <= offset:
                    return
                size = self.size
            data = os.pread(self._fd, min(BLOCK, size - offset), offset)
            if not data:
                raise Failed(f"read {self.path.name}: the file was shortened")
            offset += len(data)
            if reports_position:
                self.position = offset
            yield data

    def hash(self) -> str:
        """The digest of the whole, once it is there. Blocks."""
        digest = hashlib.sha256()
        for block in self.follow():
            digest.update(block)
        return f"sha256:{digest.hexdigest()}"

    def commit(self) -> None:
        """Give the file its digest as its name; its bytes were checked. The caller makes it durable."""
        try:
            os.fchmod(self._fd, 0o644)
            os.rename(self.path, self._store.path(self.digest))
        except OSError as error:
            raise Failed(f"commit blob {self.digest}: {error.strerror}") from error

    def close(self) -> None:
        """Keep what there is for the next attempt, unless that is nothing."""
        if self._fd >= 0:
            if self.size == 0:
                self.path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = -1

    def discard(self) -> None:
        """What came is wrong."""
        self.path.unlink(missing_ok=True)
        self.close()
