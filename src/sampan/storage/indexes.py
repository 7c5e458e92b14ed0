"""Look into a layer's EROFS index without mounting it: for `docker diff`, and to see what an image has where.

Reads only what images/erofs.py writes: extended inodes, attributes of their own, 512-byte blocks.
"""

import mmap
import os
import stat
from collections.abc import Iterator

from sampan.errors import Failed
from sampan.linux.erofs import (
    BLOCK,
    BLOCK_BITS,
    DIRENT,
    INODE,
    LAYOUT_INLINE,
    MAGIC,
    SLOT,
    SUPER,
    SUPER_OFFSET,
    XATTR_ENTRY,
    XATTR_HEADER,
    XATTR_PREFIXES,
)

_PREFIXES = {number: prefix for prefix, number in XATTR_PREFIXES.items()}


class Inode:
    """What stat(2) would tell. `position` is where its attributes begin."""

    __slots__ = (
        "block",
        "inline",
        "nid",
        "position",
        "size",
        "st_gid",
        "st_mode",
        "st_mtime_ns",
        "st_nlink",
        "st_rdev",
        "st_uid",
        "xattr_size",
    )

    def __init__(self, image: mmap.mmap, nid: int) -> None:
        at = nid * SLOT
        layout, xattrs, mode, _, size, block, _, uid, gid, seconds, nano, links = INODE.unpack_from(image, at)
        self.st_mode, self.st_uid, self.st_gid, self.st_nlink = mode, uid, gid, links
        self.size, self.block = size, block
        self.nid = nid
        self.inline = layout & 0xE == LAYOUT_INLINE
        self.st_mtime_ns = seconds * 1_000_000_000 + nano
        self.position = at + INODE.size
        self.xattr_size = XATTR_HEADER + 4 * (xattrs - 1) if xattrs else 0
        self.st_rdev = block if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else 0


class Index:
    """One layer's index. Close it, or use it with `with`."""

    def __init__(self, path: str) -> None:
        """Raises Failed for a file that is not an index, OSError."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._image = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        except ValueError:
            raise Failed(f"{path}: empty") from None
        finally:
            os.close(fd)
        fields = SUPER.unpack_from(self._image, SUPER_OFFSET) if len(self._image) > 2 * BLOCK else (0,)
        if fields[0] != MAGIC:
            self._image.close()
            raise Failed(f"{path}: not an EROFS image")
        self.root = self.inode(fields[5])
        self._blocks = fields[9]

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._image.close()

    def inode(self, nid: int) -> Inode:
        return Inode(self._image, nid)

    def entries(self, directory: Inode) -> Iterator[tuple[bytes, int]]:
        """Names and inode numbers, sorted, without "." and ".."."""
        for block in self._blocks_of(directory):
            count = DIRENT.unpack_from(block)[1] // DIRENT.size
            entries = [DIRENT.unpack_from(block, number * DIRENT.size) for number in range(count)]
            ends = [entry[1] for entry in entries[1:]] + [len(block)]
            for (nid, start, _), end in zip(entries, ends, strict=True):
                name = block[start:end].rstrip(b"\0")
                if name not in (b".", b".."):
                    yield name, nid

    def child(self, directory: Inode, name: bytes) -> Inode | None:
        if not stat.S_ISDIR(directory.st_mode):
            return None
        for found, nid in self.entries(directory):
            if found == name:
                return self.inode(nid)
        return None

    def lookup(self, path: bytes) -> Inode | None:
        """No link is followed."""
        inode: Inode | None = self.root
        for part in path.split(b"/"):
            if part and inode is not None:
                inode = self.child(inode, part)
        return inode

    def target(self, link: Inode) -> bytes:
        return b"".join(self._blocks_of(link))

    def extent(self, file: Inode) -> tuple[int, int]:
        """Where in the tar a file's content begins, and how long it is."""
        return (file.block - self._blocks) << BLOCK_BITS, file.size

    def xattrs(self, inode: Inode) -> dict[bytes, bytes]:
        found = {}
        at, end = inode.position + XATTR_HEADER, inode.position + inode.xattr_size
        while at < end:
            length, prefix, size = XATTR_ENTRY.unpack_from(self._image, at)
            name, value = at + XATTR_ENTRY.size, at + XATTR_ENTRY.size + length
            found[_PREFIXES[prefix] + self._image[name:value]] = self._image[value : value + size]
            at = value + size + -(value + size) % 4
        return found

    def _blocks_of(self, inode: Inode) -> Iterator[bytes]:
        """The content of a directory or link, a block at a time."""
        whole, tail = divmod(inode.size, BLOCK)
        for number in range(whole):
            at = (inode.block + number) << BLOCK_BITS
            yield self._image[at : at + BLOCK]
        if tail:
            end_of_inode = inode.position + inode.xattr_size
            at = end_of_inode if inode.inline else (inode.block + whole) << BLOCK_BITS
            yield self._image[at : at + tail]
