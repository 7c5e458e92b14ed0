"""All of a snapshot as one tar: --output type=tar and type=local, and bind mounts of contexts."""

import os
import stat
from collections.abc import Iterator

from sampan.images.tarread import (
    FIFO,
    HARDLINK,
    REGULAR,
    SYMLINK,
    TYPES,
    Entry,
)
from sampan.images.tarwrite import Pieces, archive, header, padding
from sampan.storage.layerfiles import Node
from sampan.storage.merged import Directory, Merged


def snapshot_tar(merged: Merged) -> Iterator[bytes]:
    """In pieces of about 1 MB, sorted. Blocks while iterated. Raises Failed."""
    return archive(_Writer(merged).pack())


class _Writer:
    def __init__(self, merged: Merged) -> None:
        self._merged = merged
        self._first: dict[object, bytes] = {}

    def pack(self) -> Pieces:
        if self._merged.root is not None:
            yield self._tree(self._merged.root, b"")

    def _tree(self, directory: Directory, path: bytes) -> Pieces:
        for name, found in self._merged.entries(directory):
            node = found.top if isinstance(found, Directory) else found
            kind = TYPES.get(stat.S_IFMT(node.mode))
            if kind is None:
                continue  # a socket
            entry = Entry(path + name, kind)
            entry.mode, entry.uid, entry.gid = stat.S_IMODE(node.mode), node.uid, node.gid
            entry.mtime_ns = node.mtime_ns
            if isinstance(found, Directory):
                entry.name += b"/"
                entry.xattrs = node.xattrs
                yield header(entry)
                yield self._tree(found, entry.name)
            else:
                yield from self._file(node, entry)

    def _file(self, node: Node, entry: Entry) -> Iterator[bytes]:
        if node.links > 1:
            first = self._first.setdefault(node.identity, entry.name)
            if first is not entry.name:
                entry.type, entry.linkname = HARDLINK, first
                yield header(entry)
                return
        if entry.type == REGULAR:
            entry.xattrs, entry.size = node.xattrs, node.size
            yield header(entry)
            yield from node.chunks()
            yield padding(node.size)
            return
        if entry.type == SYMLINK:
            entry.linkname = node.target
        elif entry.type != FIFO:
            entry.devmajor, entry.devminor = os.major(node.rdev), os.minor(node.rdev)
        yield header(entry)
