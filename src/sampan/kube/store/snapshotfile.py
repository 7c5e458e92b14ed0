"""A snapshot: all objects of a cluster in one file.

    sampan-kube-snapshot 1\n
    {"revision": 1234}\n
    one record per object: sizes of key and value, revision, seconds left to live (0: for ever), key, value
    a record of nothing, and the SHA-256 of everything before it

It is written beside, and has its name once it is whole and on the disk. A reader looks at all of it before it
believes any.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from sampan.errors import Failed, Invalid
from sampan.kube.store.database import sync_directory

MAGIC = b"sampan-kube-snapshot "
VERSION = b"1"
RECORD = struct.Struct(">IIQQ")
LARGEST = 1 << 30  # of a key or value: more is damage


@dataclass(frozen=True, slots=True)
class Kept:
    """An object as it was; `ttl` is what was left of its time."""

    key: str
    revision: int
    value: bytes
    ttl: int


def write(path: Path, revision: int, objects: Iterable[Kept]) -> int:
    """Returns how many there were. Raises Failed."""
    beside = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            count = _write(file, revision, objects)
            file.flush()
            os.fsync(file.fileno())
        os.rename(beside, path)
        sync_directory(path.absolute().parent)
    except OSError as error:
        raise Failed(f"write the snapshot {path}: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
    return count


def _write(file: BinaryIO, revision: int, objects: Iterable[Kept]) -> int:
    digest = hashlib.sha256()

    def put(data: bytes) -> None:
        digest.update(data)
        file.write(data)

    put(b"%b%b\n%b\n" % (MAGIC, VERSION, orjson.dumps({"revision": revision})))
    count = 0
    for one in objects:
        key = one.key.encode()
        put(RECORD.pack(len(key), len(one.value), one.revision, one.ttl))
        put(key)
        put(one.value)
        count += 1
    put(RECORD.pack(0, 0, 0, 0))
    file.write(digest.digest())
    return count


class Snapshot:
    """A file that has been looked at and is whole. Raises Invalid for one that is not, and Failed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.revision = 0
        for _ in self._read():
            self.count += 1

    def __iter__(self) -> Iterator[Kept]:
        return self._read()

    def _read(self) -> Iterator[Kept]:
        try:
            with open(self.path, "rb") as file:
                yield from self._records(_Digested(file, self.path))
        except OSError as error:
            raise Failed(f"read the snapshot {self.path}: {error.strerror}") from error

    def _records(self, file: "_Digested") -> Iterator[Kept]:
        if file.take(len(MAGIC)) != MAGIC:
            raise Invalid(f"{self.path} is no snapshot of a cluster")
        version = file.line()
        if version != VERSION:
            raise Invalid(f"{self.path} is a snapshot of version {version.decode(errors='replace')}, not 1")
        try:
            self.revision = int(orjson.loads(file.line())["revision"])
        except (ValueError, KeyError, TypeError):
            raise file.damaged() from None
        while True:
            key, value, revision, ttl = RECORD.unpack(file.take(RECORD.size))
            if not key:
                break
            if key > LARGEST or value > LARGEST:
                raise file.damaged()
            yield Kept(file.text(key), revision, file.take(value), ttl)
        file.check()


class _Digested:
    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._digest = hashlib.sha256()

    def damaged(self) -> Invalid:
        return Invalid(f"the snapshot {self._path} is damaged")

    def take(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise self.damaged()
        self._digest.update(data)
        return data

    def line(self) -> bytes:
        data = self._file.readline(1000)
        if not data.endswith(b"\n"):
            raise self.damaged()
        self._digest.update(data)
        return data[:-1]

    def text(self, size: int) -> str:
        try:
            return self.take(size).decode()
        except UnicodeDecodeError:
            raise self.damaged() from None

    def check(self) -> None:
        """The sum is right, and nothing follows it."""
        wanted = self._digest.digest()
        if self._file.read(len(wanted) + 1) != wanted:
            raise self.damaged()
