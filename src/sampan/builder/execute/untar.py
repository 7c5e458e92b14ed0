"""ADD of an archive: its members put below a directory, by the rules of moby's pkg/archive, in a chroot.

Members' owners, modes and times are the archive's. Their paths are resolved below the whole root: a link in
the image, or in the archive itself, leads where it would in the container, and never out of it.
"""

import os
import stat
from collections.abc import Iterator

from sampan.builder.execute.changes import ROOT, Changes, Item, Place, text
from sampan.builder.execute.contents import Extents
from sampan.errors import Failed
from sampan.images.tarread import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    HARDLINK,
    KINDS,
    REGULAR,
    SYMLINK,
    Entry,
    TarReader,
)


def unpack(changes: Changes, place: Place, descriptor: int, stream: Iterator[bytes]) -> None:
    """`descriptor`: a file that will hold the bytes of `stream`. Raises Failed for a bad archive."""
    target = place.path
    times: list[tuple[Item, int]] = []
    reader = TarReader(stream)
    for entry in reader:
        _Member(changes, target, entry, descriptor, reader.offset).put(times)
    for item, mtime_ns in times:
        item.mtime_ns = mtime_ns


class _Member:
    def __init__(self, changes: Changes, target: bytes, entry: Entry, descriptor: int, position: int) -> None:
        self._changes = changes
        self._target = target
        self._entry = entry
        self._descriptor = descriptor
        self._position = position

    def put(self, times: list[tuple[Item, int]]) -> None:
        entry = self._entry
        name = os.path.normpath(entry.name).lstrip(b"/")
        if name in (b".", b""):
            if entry.type == DIRECTORY:
                self._dress(self._changes.copy_up(self._root()), times)
            return
        path = self._joined(name)
        if name == b".." or name.startswith(b"../"):
            raise Failed(f'"{text(entry.name)}" is outside of "{text(self._target)}"')
        head, _, base = path.rpartition(b"/")
        parent = self._changes.make_directories(head or b"/", ROOT)
        there = self._changes.child(parent, base)
        if there is not None and there.is_directory and entry.type == DIRECTORY:
            self._dress(self._changes.copy_up(there), times)
            return
        if entry.type == SYMLINK:
            self._check_link(path)
        item = self._linked() if entry.type == HARDLINK else self._item()
        self._changes.put(parent, base, item)
        if entry.type == DIRECTORY:
            times.append((item, entry.mtime_ns))

    def _joined(self, name: bytes) -> bytes:
        return os.path.normpath(self._target.rstrip(b"/") + b"/" + name.lstrip(b"/"))

    def _root(self) -> Place:
        return self._changes.make_directories(self._target, ROOT)

    def _dress(self, item: Item, times: list[tuple[Item, int]]) -> None:
        entry = self._entry
        item.mode = stat.S_IFDIR | entry.mode
        item.uid, item.gid = entry.uid, entry.gid
        item.xattrs |= entry.xattrs
        times.append((item, entry.mtime_ns))

    def _item(self) -> Item:
        entry = self._entry
        item = Item(KINDS[entry.type] | entry.mode, (entry.uid, entry.gid), entry.mtime_ns)
        item.xattrs = dict(entry.xattrs)
        if entry.type == SYMLINK:
            item.mode = stat.S_IFLNK | 0o777
            item.target = entry.linkname
        elif entry.type in (CHARACTER, BLOCK_DEVICE):
            item.rdev = os.makedev(entry.devmajor, entry.devminor)
        elif entry.type == REGULAR:
            item.content = Extents(self._descriptor, entry.real_size, self._parts())
        return item

    def _check_link(self, path: bytes) -> None:
        leads = os.path.normpath(os.path.dirname(path) + b"/" + self._entry.linkname).replace(b"//", b"/")
        if not (leads + b"/").startswith(self._target.rstrip(b"/") + b"/"):
            raise Failed(f'invalid symlink "{text(path)}" -> "{text(self._entry.linkname)}"')

    def _parts(self) -> Iterator[tuple[int, int, int]]:
        entry, position = self._entry, self._position
        if entry.sparse is None:
            yield 0, entry.size, position
            return
        for offset, length in entry.sparse:
            yield offset, length, position
            position += length

    def _linked(self) -> Item:
        """A further name of a file that is there, be it in a lower layer: that is copied up."""
        entry = self._entry
        path = self._joined(entry.linkname)
        inside = self._target.rstrip(b"/") + b"/"
        if not path.startswith(inside):
            raise Failed(f'invalid hardlink "{text(path)}" -> "{text(entry.linkname)}"')
        place, missing = self._changes.resolve(path, follow=False)
        if missing or place.is_directory:
            raise Failed(
                f"link {text(path)} {text(inside)}{text(entry.name)}: "
                + ("no such file or directory" if missing else "operation not permitted")
            )
        return self._changes.copy_up_file(place)
