"""Write a layer's index: an EROFS image of the metadata, whose files are blocks of the layer's tar.

Documentation/filesystems/erofs.rst; linux/erofs.py has the structures. The tar is an extra device whose
blocks follow the image's own in one row of block numbers, so a file needs nothing but its inode:

    1024   super block, and the table with the one device
    1280   inodes, 32-byte aligned, the root first; behind each its attributes, and a small directory's
           entries or a link's target
    ...    blocks of larger directories and longer link targets
    end    here the tar's blocks begin
"""

import stat
from collections.abc import Iterable
from dataclasses import dataclass

from sampan.images.layertree import LayerTree, Node
from sampan.images.tarread import TarReader
from sampan.linux.erofs import (
    BLOCK,
    BLOCK_BITS,
    DEVICE,
    DIRENT,
    EXTENDED,
    FEATURE_COMPAT_MTIME,
    FEATURE_INCOMPAT_DEVICE_TABLE,
    INODE,
    LAYOUT_INLINE,
    LAYOUT_PLAIN,
    MAGIC,
    SLOT,
    SUPER,
    SUPER_OFFSET,
    XATTR_ENTRY,
    XATTR_HEADER,
    XATTR_PREFIXES,
)

_DEVICE_OFFSET = SUPER_OFFSET + SUPER.size
_FIRST_INODE = _DEVICE_OFFSET + DEVICE.size
# enum erofs_ftype_t, as in the dirents of ext2.
_FILE_TYPES = {
    stat.S_IFREG: 1,
    stat.S_IFDIR: 2,
    stat.S_IFCHR: 3,
    stat.S_IFBLK: 4,
    stat.S_IFIFO: 5,
    stat.S_IFLNK: 7,
}


@dataclass(frozen=True)
class Index:
    """`size` counts files and link targets in bytes, as unpack does."""

    size: int
    tree: LayerTree

    def image(self, tar_size: int, uuid: bytes = bytes(16)) -> bytes:
        """The index of a tar of `tar_size` bytes. overlayfs wants layers to have different `uuid`s."""
        return _Writer(self.tree.root).image(-(-tar_size // BLOCK), uuid)


def index(tar: Iterable[bytes]) -> Index:
    """Read an uncompressed tar stream to its end. Raises Failed for a bad one, Unindexable."""
    tree = LayerTree()
    tree.read(TarReader(tar))
    return Index(tree.size, tree)


class _Place:
    """What an inode needs besides itself."""

    __slots__ = ("block", "content", "head", "inline", "names", "node", "offset", "parent", "xattrs")

    def __init__(self, node: Node, parent: Node) -> None:
        self.node = node
        self.parent = parent
        self.xattrs = _xattrs(node.xattrs) if node.xattrs else b""
        self.head = INODE.size + len(self.xattrs)
        self.offset = self.block = 0
        self.inline = False
        # Of a directory: the first name of each of its blocks, by position among all names.
        self.names: list[bytes] = []
        self.content: list[int] = []


class _Writer:
    def __init__(self, root: Node) -> None:
        self._root = root
        self._places: list[_Place] = []
        self._end = _FIRST_INODE

    def image(self, tar_blocks: int, uuid: bytes) -> bytes:
        self._place_all()
        data = self._place_blocks()
        image = bytearray(data << BLOCK_BITS)
        if data + tar_blocks >= 1 << 32:
            raise ValueError("the tar is too large for block numbers of 32 bits")
        for place in self._places:
            self._write(image, place, data)
        SUPER.pack_into(
            image, SUPER_OFFSET,
            MAGIC, 0, FEATURE_COMPAT_MTIME, BLOCK_BITS, 0, self._root.nid, len(self._places),
            0, 0, data, 0, 0, uuid, b"", FEATURE_INCOMPAT_DEVICE_TABLE,
            0, 1, _DEVICE_OFFSET // DEVICE.size, 0, 0, 0, 0,
        )  # fmt: skip
        DEVICE.pack_into(image, _DEVICE_OFFSET, b"", tar_blocks, data)
        return bytes(image)

    # Where everything goes

    def _place_all(self) -> None:
        queue = [(self._root, self._root)]
        seen: set[Node] = set()
        while queue:
            following: list[tuple[Node, Node]] = []
            for node, parent in queue:
                if node.children is None:
                    if node.links > 1:
                        if node in seen:
                            continue
                        seen.add(node)
                else:
                    following += [(child, node) for child in node.children.values()]
                self._place(_Place(node, parent))
            queue = following

    def _place(self, place: _Place) -> None:
        node = place.node
        tail = -1
        if node.children is not None:
            tail = _divide(place)
        elif stat.S_ISLNK(node.mode):
            tail = node.size
        offset = -(-self._end // SLOT) * SLOT
        end = offset + place.head
        if 0 <= tail <= BLOCK - place.head:
            # The kernel wants the inline part within one block.
            if tail and end // BLOCK != (end + tail - 1) // BLOCK:
                offset = -(-offset // BLOCK) * BLOCK
                end = offset + place.head
            place.inline = True
            end += tail
        place.offset = offset
        node.nid = offset // SLOT
        self._end = end
        self._places.append(place)

    def _place_blocks(self) -> int:
        """Blocks for what is not inline, and the number of all blocks."""
        block = -(-self._end // BLOCK)
        for place in self._places:
            if place.content:
                place.block = block
                block += len(place.content) - 1 - place.inline
            elif stat.S_ISLNK(place.node.mode) and not place.inline:
                place.block = block
                block += -(-place.node.size // BLOCK)
        return block

    # Bytes

    def _write(self, image: bytearray, place: _Place, tar: int) -> None:
        node = place.node
        size, links, block = node.size, node.links, place.block
        end = place.offset + place.head
        if node.children is not None:
            size, links = self._write_directory(image, place)
        elif stat.S_ISREG(node.mode):
            block = tar + (node.data >> BLOCK_BITS)
        elif stat.S_ISLNK(node.mode):
            at = end if place.inline else block << BLOCK_BITS
            image[at : at + size] = node.target
        else:
            block = node.data
        seconds, nanoseconds = divmod(node.mtime_ns, 1_000_000_000)
        xattrs = place.xattrs
        INODE.pack_into(
            image, place.offset,
            EXTENDED | (LAYOUT_INLINE if place.inline else LAYOUT_PLAIN),
            (len(xattrs) - XATTR_HEADER) // 4 + 1 if xattrs else 0,
            node.mode, 0, size, block, node.nid & 0xFFFFFFFF, node.uid, node.gid, seconds, nanoseconds, links,
        )  # fmt: skip
        if xattrs:
            image[place.offset + INODE.size : end] = xattrs

    def _write_directory(self, image: bytearray, place: _Place) -> tuple[int, int]:
        """Returns the directory's size and number of links."""
        children = place.node.children or {}
        links = 2
        last = len(place.content) - 2
        used = 0
        for number in range(last + 1):
            names = place.names[place.content[number] : place.content[number + 1]]
            inline = place.inline and number == last
            at = place.offset + place.head if inline else (place.block + number) << BLOCK_BITS
            used = len(names) * DIRENT.size
            head = at
            for name in names:
                if name == b".":
                    child = place.node
                elif name == b"..":
                    child = place.parent
                else:
                    child = children[name]
                    links += child.children is not None
                DIRENT.pack_into(image, head, child.nid, used, _FILE_TYPES[stat.S_IFMT(child.mode)])
                head += DIRENT.size
                used += len(name)
            joined = b"".join(names)
            image[head : head + len(joined)] = joined
        return (last << BLOCK_BITS) + used, links


def _divide(place: _Place) -> int:
    """Sort a directory's names into blocks; returns how much of the last block is used."""
    children = place.node.children or {}
    place.names = names = sorted([b".", b"..", *children])
    starts, used = [0], 0
    for number, name in enumerate(names):
        need = DIRENT.size + len(name)
        if used + need > BLOCK:
            starts.append(number)
            used = 0
        used += need
    starts.append(len(names))
    place.content = starts
    return used


def _xattrs(xattrs: dict[bytes, bytes]) -> bytes:
    """struct erofs_xattr_ibody_header, none of them shared, and the entries, each padded to four bytes."""
    parts = [bytes(XATTR_HEADER)]
    for name, value in xattrs.items():
        prefix, _, rest = name.partition(b".")
        entry = XATTR_ENTRY.pack(len(rest), XATTR_PREFIXES[prefix + b"."], len(value)) + rest + value
        parts += [entry, bytes(-len(entry) % 4)]
    return b"".join(parts)


def empty_image() -> bytes:
    """The smallest one, to see whether the kernel takes it."""
    return _Writer(LayerTree().root).image(1, b"")
