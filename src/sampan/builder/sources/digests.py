"""Digests of files that have not changed since they were read last.

A file for each directory that was scanned holds a record for each file seen in it: device, inode, size,
mtime, ctime, digest. Records stand in the order in which a scan comes by, so that the next one finds each at
the place it looks: 100,000 unchanged files cost a read of 8 MB, and no memory between builds. Nothing of this
needs to survive a crash: a file that is torn fails its own digest and is forgotten.
"""

import hashlib
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MAGIC = b"sampan digests 1"
_RECORD = struct.Struct("<QQQqq32s")
IDENTITY = struct.Struct("<QQQqq")
IDENTITY_SIZE = IDENTITY.size
RECORD_SIZE = _RECORD.size
_SUM = 16

KEPT_BYTES = 256 << 20  # of all files together; the ones used longest ago go first
KEPT_UNSEEN = 100_000  # records of files that a scan did not come by: it looked at a part, or they are gone
LARGEST = 1_000_000  # records of one directory
# The kernel's clock for files ticks every 1 to 10 ms: within a tick a file can change without showing it.
TICK = 20_000_000  # ns


class Digests:
    """The files in `directory`, which is made when it is needed first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._writing = threading.Lock()

    def table(self, device: int, inode: int) -> "Table":
        """What is known of the directory that has this identity. Blocks."""
        return Table(_load(self._path(device, inode)))

    def keep(self, device: int, inode: int, table: "Table") -> None:
        """Write down what a scan has learnt, if anything. Blocks; a disk that refuses is no one's failure."""
        data = table.changed()
        if data is None:
            with suppress(OSError):
                os.utime(self._path(device, inode))
            return
        with self._writing, suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._path(device, inode)
            beside = path.with_suffix(".new")
            beside.write_bytes(_MAGIC + hashlib.blake2b(data, digest_size=_SUM).digest() + data)
            beside.rename(path)
            self._trim(path)

    def _trim(self, newest: Path) -> None:
        found = sorted(
            (
                (item.stat().st_mtime_ns, item.stat().st_size, item.path)
                for item in os.scandir(self._directory)
            ),
            reverse=True,
        )
        total = 0
        for _, size, path in found:
            total += size
            if total > KEPT_BYTES and path != str(newest):
                os.unlink(path)

    def _path(self, device: int, inode: int) -> Path:
        return self._directory / f"{device:x}-{inode:x}"


def _load(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError:
        return b""
    start = len(_MAGIC) + _SUM
    body = data[start:]
    if not data.startswith(_MAGIC) or len(body) % RECORD_SIZE:
        return b""
    whole = hashlib.blake2b(body, digest_size=_SUM).digest() == data[len(_MAGIC) : start]
    return body if whole else b""


class Table:
    """The records of one scan. The next file probably is at `old[position:]`: a scan may look itself."""

    def __init__(self, old: bytes) -> None:
        self.old = old
        self.position = 0
        self._start = 0  # of the stretch of old records that were found in order
        self._pieces: list[bytes] = []
        self._index: dict[bytes, int] | None = None
        self._added = self._backwards = False

    def find(self, found: os.stat_result) -> str | None:
        """The hex digest of the file with this stat."""
        identity = IDENTITY.pack(
            found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
        )
        start = self.position
        if self.old[start : start + IDENTITY_SIZE] != identity:
            start = self._search(identity)
            if start < 0:
                return None
            self._cut()
            self._backwards = self._backwards or start < self._start
            self._start = start
        self.position = start + RECORD_SIZE
        return self.old[start + IDENTITY_SIZE : self.position].hex()

    def add(self, found: os.stat_result, digest: str, read_at: int) -> None:
        """`read_at`: when reading began, ns since 1970."""
        if max(found.st_ctime_ns, found.st_mtime_ns) > read_at - TICK:
            return
        self._added = True
        self._cut()
        self._pieces.append(
            _RECORD.pack(
                found.st_dev,
                found.st_ino,
                found.st_size,
                found.st_mtime_ns,
                found.st_ctime_ns,
                bytes.fromhex(digest),
            )
        )

    def _cut(self) -> None:
        if self.position > self._start:
            self._pieces.append(self.old[self._start : self.position])
        self._start = self.position

    def _search(self, identity: bytes) -> int:
        if self._index is None:
            old = self.old
            self._index = {old[start : start + 16]: start for start in range(0, len(old), RECORD_SIZE)}
        start = self._index.get(identity[:16], -1)
        if start >= 0 and self.old[start : start + IDENTITY_SIZE] == identity:
            return start
        return -1

    def changed(self) -> bytes | None:
        """All records to be written; None when there is nothing worth writing.

        A scan of a part keeps the order of the rest. One of most of it brings all into its own order.
        """
        if not self._added and not self._backwards:
            return None
        self._cut()
        fresh, old = b"".join(self._pieces), self.old
        found = {fresh[start : start + 16]: start for start in range(0, len(fresh), RECORD_SIZE)}
        if 2 * len(found) * RECORD_SIZE >= len(old):
            unseen = [record for record in _records(old) if record[:16] not in found]
            data = fresh + b"".join(unseen[: max(KEPT_UNSEEN, len(found))])
        elif self._added:
            kept = []
            for record in _records(old):
                start = found.pop(record[:16], -1)
                kept.append(fresh[start : start + RECORD_SIZE] if start >= 0 else record)
            new = [fresh[start : start + RECORD_SIZE] for start in found.values()]
            data = b"".join(kept[-LARGEST:] + new)
        else:
            return None
        return None if data == old else data


def _records(data: bytes) -> Iterator[bytes]:
    return (data[start : start + RECORD_SIZE] for start in range(0, len(data), RECORD_SIZE))


def now() -> int:
    return time.time_ns()
