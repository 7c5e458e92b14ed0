"""Where the bytes of copied files come from: a directory of the host, a snapshot, an archive, a heredoc."""

import os
import stat
from collections.abc import Iterable, Iterator
from typing import Protocol

from sampan.builder.execute.changes import Content, text
from sampan.builder.trees import Entry
from sampan.errors import Failed
from sampan.linux.openat2 import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2
from sampan.storage.layerfiles import CHUNK, Node
from sampan.storage.merged import Directory, Merged


class Source(Protocol):
    """The files of a Tree."""

    def content(self, path: str, entry: Entry) -> Content: ...

    def identity(self, path: str) -> object | None:
        """Equal for names of one file that has several; None for a file with one name."""
        ...

    def close(self) -> None: ...


class Bytes:
    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data

    def chunks(self) -> Iterator[bytes]:
        yield self._data


class Extents:
    """Parts of a file we hold, with holes between them; for archives. `parts`: (offset, length, position)."""

    def __init__(self, descriptor: int, size: int, parts: Iterable[tuple[int, int, int]]) -> None:
        self.size = size
        self._descriptor = descriptor
        self._parts = tuple(parts)

    def chunks(self) -> Iterator[bytes]:
        at = 0
        for offset, length, position in self._parts:
            yield from _zeros(offset - at)
            at = offset + length
            while length:
                data = os.pread(self._descriptor, min(length, CHUNK), position)
                if not data:
                    raise Failed("unexpected EOF")
                position += len(data)
                length -= len(data)
                yield data
        yield from _zeros(self.size - at)


def _zeros(count: int) -> Iterator[bytes]:
    while count > 0:
        piece = min(count, CHUNK)
        yield bytes(piece)
        count -= piece


class HostSource:
    """A directory of the host that may change at any moment: opened without following a link anywhere."""

    def __init__(self, root: str) -> None:
        """Raises Failed."""
        try:
            self._root = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise Failed(f"open {root}: {error.strerror}") from error

    def close(self) -> None:
        os.close(self._root)

    def content(self, path: str, entry: Entry) -> Content:
        return HostFile(self._root, os.fsencode(path), entry)

    def identity(self, path: str) -> object | None:
        try:
            found = os.stat(path, dir_fd=self._root, follow_symlinks=False)
        except OSError:
            return None  # opening it will say why
        return (found.st_dev, found.st_ino) if found.st_nlink > 1 else None


class HostFile:
    def __init__(self, root: int, path: bytes, entry: Entry) -> None:
        self.size = entry.size
        self._root = root
        self._path = path
        self._entry = entry

    def chunks(self) -> Iterator[bytes]:
        """Raises Failed when it is not the file that was listed: its key would not be true."""
        descriptor = self.open()
        try:
            left = self.size
            while left:
                data = os.read(descriptor, min(left, CHUNK))
                if not data:
                    raise self._changed()
                left -= len(data)
                yield data
        finally:
            os.close(descriptor)

    def open(self) -> int:
        try:
            descriptor = openat2(
                self._root,
                self._path,
                os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK,
                RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
            )
        except OSError as error:
            raise Failed(f"failed to copy files: open /{text(self._path)}: {error.strerror}") from error
        found = os.fstat(descriptor)
        same = (found.st_size, found.st_mtime_ns) == (self.size, self._entry.mtime_ns)
        if not stat.S_ISREG(found.st_mode) or not same:
            os.close(descriptor)
            raise self._changed()
        return descriptor

    def _changed(self) -> Failed:
        return Failed(f"failed to copy files: /{text(self._path)} was changed while it was copied")


class SnapshotSource:
    """The files of a stack of layers, by path without links in it."""

    def __init__(self, merged: Merged) -> None:
        self._merged = merged
        self._directories: dict[str, Directory | None] = {"": merged.root}

    def close(self) -> None:
        return

    def node(self, path: str) -> Node:
        """Raises Failed."""
        parent, _, name = path.rpartition("/")
        directory = self._directory(parent)
        found = None if directory is None else self._merged.child(directory, os.fsencode(name))
        if not isinstance(found, Node):
            raise Failed(f"failed to copy files: /{path}: no such file")
        return found

    def _directory(self, path: str) -> Directory | None:
        missing, known = [], path
        while known not in self._directories:
            missing.append(known)
            known = known.rpartition("/")[0]
        for below in reversed(missing):
            above, name = self._directories[known], below.rpartition("/")[2]
            found = None if above is None else self._merged.child(above, os.fsencode(name))
            self._directories[below] = found if isinstance(found, Directory) else None
            known = below
        return self._directories[path]

    def content(self, path: str, entry: Entry) -> Content:
        return self.node(path)

    def identity(self, path: str) -> object | None:
        node = self.node(path)
        return node.identity if node.links > 1 else None
