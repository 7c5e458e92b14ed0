"""The new layer as a tar, in the order and with the headers of images/pack.py, which packs directories."""

import os
import stat
import time
from collections.abc import Iterator

from sampan.builder.execute.changes import Changes, Item
from sampan.images.pack import KEPT_XATTRS
from sampan.images.tarread import (
    DIRECTORY,
    FIFO,
    HARDLINK,
    REGULAR,
    SYMLINK,
    TYPES,
    Entry,
)
from sampan.images.tarwrite import Pieces, archive, header, padding
from sampan.images.unpack import WHITEOUT_OPAQUE


class ChangesPacker:
    """Used once. Times later than `clamp`, in seconds, become `clamp`."""

    def __init__(self, clamp: int | None) -> None:
        self.link_bytes = 0  # of links' targets
        self._clamp = None if clamp is None else clamp * 1_000_000_000
        # When what has no time of its own was made: of the clock's, no trace.
        self.now = time.time_ns() if self._clamp is None else self._clamp
        self._first: dict[int, bytes] = {}  # id of an item -> its first name

    def pack(self, changes: Changes) -> Iterator[bytes]:
        """In pieces of about 1 MB. Raises Failed."""
        return archive(self._tree(changes.top, b""))

    def _tree(self, directory: Item, path: bytes) -> Pieces:
        assert directory.children is not None
        for name in sorted(directory.children):
            yield self._member(directory.children[name], path + name)

    def _member(self, item: Item, name: bytes) -> Pieces:
        kind = TYPES.get(stat.S_IFMT(item.mode))
        if kind is None:
            return  # a socket
        entry = Entry(name, kind)
        entry.mode, entry.uid, entry.gid = stat.S_IMODE(item.mode), item.uid, item.gid
        entry.mtime_ns = item.mtime_ns
        if self._clamp is not None and not item.keeps_time:
            entry.mtime_ns = min(item.mtime_ns, self._clamp)
        if kind == DIRECTORY:
            yield self._directory(item, entry)
            return
        if self._is_link(item, entry):
            yield header(entry)
            return
        if kind == REGULAR:
            entry.xattrs = _kept(item)
            yield from _file(item, entry)
            return
        if kind == SYMLINK:
            entry.linkname = item.target
            self.link_bytes += len(item.target)
        elif kind != FIFO:
            entry.devmajor, entry.devminor = os.major(item.rdev), os.minor(item.rdev)
        yield header(entry)

    def _directory(self, item: Item, entry: Entry) -> Pieces:
        entry.name += b"/"
        entry.xattrs = _kept(item)
        yield header(entry)
        if item.opaque:
            marker = Entry(entry.name + WHITEOUT_OPAQUE, REGULAR)
            marker.mode, marker.uid, marker.gid = entry.mode & 0o777, entry.uid, entry.gid
            marker.mtime_ns = entry.mtime_ns
            yield header(marker)
        yield self._tree(item, entry.name)

    def _is_link(self, item: Item, entry: Entry) -> bool:
        first = self._first.setdefault(id(item), entry.name)
        if first is entry.name:
            return False
        entry.type, entry.linkname = HARDLINK, first
        return True


def _file(item: Item, entry: Entry) -> Iterator[bytes]:
    content = item.content
    if content is None:
        yield header(entry)
        return
    # Opened before the header is written: what cannot be read must not be announced.
    entry.size = content.size
    chunks = content.chunks()
    yield header(entry)
    yield from chunks
    yield padding(entry.size)


def _kept(item: Item) -> dict[bytes, bytes]:
    return {
        name: value
        for name, value in item.xattrs.items()
        if name.startswith(KEPT_XATTRS) and not name.startswith(b"user.overlay.")
    }
