"""A layer's tree in memory, from the headers of its tar: what unpacking would make, without a file made.

The rules are those of unpack.py, entry for entry: paths are resolved as openat2(RESOLVE_IN_ROOT) does, later
entries replace earlier ones, and errors are the ones the kernel would give.
"""

import errno
import os
import stat
from collections.abc import Iterable

from sampan.images.tarread import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    HARDLINK,
    REGULAR,
    SYMLINK,
    Entry,
    TarReader,
)
from sampan.images.unpack import (
    WHITEOUT_META_PREFIX,
    WHITEOUT_OPAQUE,
    WHITEOUT_PREFIX,
    bound,
    clean,
    device_number,
    hard_link_target,
    hidden_name,
    translate,
)
from sampan.linux.overlayfs import OPAQUE_XATTR, RESERVED_XATTRS

NAME_MAX = 255
PATH_MAX = 4095
NO_ID = (1 << 32) - 1
MAX_SYMLINKS = 40  # MAXSYMLINKS, path_resolution(7)
# About 400 bytes of memory each.
MAX_NODES = 500_000
MAX_XATTR_BYTES = 64 << 20
MAX_XATTR_VALUE = 4000  # what ext4 can hold, and so what an upper directory can take up
_KEPT_XATTRS = (b"user.", b"trusted.", b"security.")


class Unindexable(Exception):
    """The layer is valid, but only files can show it."""


class Node:
    """An inode. `data` is where in the tar a file's content begins, a device's number, or a link's target."""

    __slots__ = (
        "children",
        "data",
        "gid",
        "links",
        "mode",
        "mtime_ns",
        "nid",
        "size",
        "target",
        "uid",
        "xattrs",
    )

    def __init__(self, mode: int, uid: int = 0, gid: int = 0, mtime_ns: int = 0) -> None:
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.mtime_ns = mtime_ns
        self.size = self.data = self.nid = 0
        self.links = 1
        self.target = b""
        self.children: dict[bytes, Node] | None = {} if stat.S_ISDIR(mode) else None
        self.xattrs: dict[bytes, bytes] | None = None

    @property
    def is_whiteout(self) -> bool:
        return stat.S_ISCHR(self.mode) and self.data == 0

    def set_opaque(self) -> None:
        self.xattrs = {**(self.xattrs or {}), OPAQUE_XATTR: b"y"}


class LayerTree:
    """The tree under `root`; `size` counts bytes as unpack does."""

    def __init__(self) -> None:
        self.root = Node(stat.S_IFDIR | 0o755)
        self.size = 0
        self._nodes = 1
        self._dated = False  # the root has an entry
        self._xattr_bytes = 0
        self._parents: dict[bytes, Node] = {}
        self._current = Entry(b"", REGULAR)

    def read(self, reader: TarReader) -> None:
        """Take in a whole tar. Raises Failed for a bad one, Unindexable for one that needs real files."""
        try:
            for entry in reader:
                self._current = entry
                self._add(entry, reader.offset)
        except OSError as error:
            raise translate(error, self._current.name) from error
        if not self._dated and self.root.children:
            self.root.mtime_ns = max(child.mtime_ns for child in self.root.children.values())

    def _add(self, entry: Entry, offset: int) -> None:
        parts = clean(entry.name)
        if not parts:
            if entry.type == DIRECTORY:
                self._dress(self.root, entry)
                self._dated = True
            return
        parent = self._parent(parts)
        base = parts[-1]
        if base.startswith(WHITEOUT_PREFIX):
            self._whiteout(parent, base)
            return
        if len(base) > NAME_MAX:
            raise _error(errno.ENAMETOOLONG)
        if entry.type == DIRECTORY:
            self._directory(parent, base, entry)
        elif entry.type == REGULAR:
            self._file(parent, base, entry, offset)
        else:
            self._other(parent, base, entry)

    def _node(self, mode: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise Unindexable(f"more than {MAX_NODES} files")
        entry = self._current
        return Node(mode, mtime_ns=bound(entry.mtime_ns))

    def _dress(self, node: Node, entry: Entry) -> None:
        """Give a node what the entry says. (uid_t)-1 leaves an owner as it is, chown(2)."""
        node.mode = stat.S_IFMT(node.mode) | entry.mode
        node.uid = node.uid if entry.uid == NO_ID else entry.uid
        node.gid = node.gid if entry.gid == NO_ID else entry.gid
        node.mtime_ns = bound(entry.mtime_ns)
        if entry.xattrs:
            self._set_xattrs(node, entry.xattrs)

    def _set_xattrs(self, node: Node, xattrs: dict[bytes, bytes]) -> None:
        for name, value in xattrs.items():
            if name.startswith(RESERVED_XATTRS) or not name or b"\0" in name:
                continue
            if name.startswith(b"user.") and not (stat.S_ISREG(node.mode) or stat.S_ISDIR(node.mode)):
                continue  # xattr(7)
            kept = name.startswith(_KEPT_XATTRS) and len(name) <= NAME_MAX and len(value) <= MAX_XATTR_VALUE
            self._xattr_bytes += len(name) + len(value)
            if not kept or name in _KEPT_XATTRS or self._xattr_bytes > MAX_XATTR_BYTES:
                raise Unindexable(f"attribute {name[:NAME_MAX]!r}")
            if name == b"security.capability" and not _is_capability(value):
                continue
            node.xattrs = {**(node.xattrs or {}), name: value}
        # One inode's attributes share one block on ext4.
        if node.xattrs and sum(len(name) + len(value) for name, value in node.xattrs.items()) > 2048:
            raise Unindexable("attributes")

    # Paths

    def _parent(self, parts: list[bytes]) -> Node:
        if len(parts) == 1:
            return self.root
        path = b"/".join(parts[:-1])
        found = self._parents.get(path)
        if found is None:
            if len(path) > PATH_MAX:
                raise _error(errno.ENAMETOOLONG)
            try:
                found = self._resolve(parts[:-1])
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                    raise
                found = self._make_parents(parts[:-1])
            self._parents[path] = found
        return found

    def _resolve(self, parts: Iterable[bytes]) -> Node:
        """The directory a path leads to, symbolic links and ".." inside the root."""
        above: list[Node] = []
        node, links = self.root, 0
        left = list(parts)[::-1]
        while left:
            part = left.pop()
            if not part or part == b".":
                continue
            if part == b"..":
                node = above.pop() if above else node
                continue
            if len(part) > NAME_MAX:
                raise _error(errno.ENAMETOOLONG)
            assert node.children is not None
            child = node.children.get(part)
            if child is None:
                raise _error(errno.ENOENT)
            if child.children is not None:
                above.append(node)
                node = child
            elif stat.S_ISLNK(child.mode):
                links += 1
                if links > MAX_SYMLINKS:
                    raise _error(errno.ELOOP)
                if child.target.startswith(b"/"):
                    node = self.root
                    above.clear()
                left += child.target.split(b"/")[::-1]
            else:
                raise _error(errno.ENOTDIR)
        return node

    def _make_parents(self, parts: list[bytes]) -> Node:
        parent = self.root
        for count in range(1, len(parts) + 1):
            try:
                parent = self._resolve(parts[:count])
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                    raise
                parent = self._make_parent(parent, parts[count - 1])
        return parent

    def _make_parent(self, parent: Node, base: bytes) -> Node:
        assert parent.children is not None
        there = parent.children.get(base)
        made = self._node(stat.S_IFDIR | 0o755)
        if there is not None:
            if not there.is_whiteout:
                raise _error(errno.EEXIST)
            self._unlink(parent, base)
            made.set_opaque()
        parent.children[base] = made
        return made

    # Entries

    def _directory(self, parent: Node, base: bytes, entry: Entry) -> None:
        assert parent.children is not None
        there = parent.children.get(base)
        if there is None or there.children is None:
            made = self._node(stat.S_IFDIR)
            if there is not None:
                if there.is_whiteout:
                    made.set_opaque()  # the whiteout hid what lower layers have there
                self._clear(parent, base)
            there = parent.children[base] = made
        self._dress(there, entry)

    def _file(self, parent: Node, base: bytes, entry: Entry, offset: int) -> None:
        if entry.sparse is not None:
            raise Unindexable("a sparse file")
        self._clear(parent, base)
        made = self._node(stat.S_IFREG)
        made.size, made.data = entry.size, offset
        self._dress(made, entry)
        assert parent.children is not None
        parent.children[base] = made
        self.size += entry.real_size

    def _other(self, parent: Node, base: bytes, entry: Entry) -> None:
        assert parent.children is not None
        if entry.type == HARDLINK:
            self._link(parent, base, entry)
            return
        if entry.type == SYMLINK:
            made = self._node(stat.S_IFLNK)
            if not entry.linkname or len(entry.linkname) > PATH_MAX:
                raise _error(errno.ENAMETOOLONG if entry.linkname else errno.ENOENT)
            made.target, made.size = entry.linkname, len(entry.linkname)
        elif entry.type == FIFO:
            made = self._node(stat.S_IFIFO)
        else:
            assert entry.type in (CHARACTER, BLOCK_DEVICE)
            made = self._node(stat.S_IFCHR if entry.type == CHARACTER else stat.S_IFBLK)
            made.data = device_number(entry)
        self._clear(parent, base)
        parent.children[base] = made
        self._dress(made, entry)
        if entry.type == SYMLINK:
            made.mode = stat.S_IFLNK | 0o777
            self.size += made.size

    def _link(self, parent: Node, base: bytes, entry: Entry) -> None:
        *above, name = hard_link_target(entry)
        assert parent.children is not None
        source = self._resolve(above)
        assert source.children is not None
        if len(name) > NAME_MAX:
            raise _error(errno.ENAMETOOLONG)
        if name not in source.children:
            raise _error(errno.ENOENT)
        self._clear(parent, base)
        found = source.children.get(name)
        if found is None:
            raise _error(errno.ENOENT)  # it was what had to make room
        if found.children is not None:
            raise _error(errno.EPERM)
        found.links += 1
        parent.children[base] = found

    def _whiteout(self, parent: Node, base: bytes) -> None:
        if base == WHITEOUT_OPAQUE:
            parent.set_opaque()
            return
        if base.startswith(WHITEOUT_META_PREFIX):
            return
        hidden = hidden_name(base)
        if len(hidden) > NAME_MAX:
            raise _error(errno.ENAMETOOLONG)
        assert parent.children is not None
        there = parent.children.get(hidden)
        if there is None:
            parent.children[hidden] = self._node(stat.S_IFCHR)
        elif there.children is not None:
            there.set_opaque()

    # Making room

    def _clear(self, parent: Node, base: bytes) -> None:
        assert parent.children is not None
        there = parent.children.get(base)
        if there is None:
            return
        if there.children is not None or stat.S_ISLNK(there.mode):
            self._parents.clear()  # known paths may have led through it
        if there.children is None and there.links == 1:
            self.size -= there.size
        self._unlink(parent, base)

    def _unlink(self, parent: Node, base: bytes) -> None:
        assert parent.children is not None
        gone = [parent.children.pop(base)]
        while gone:
            node = gone.pop()
            if node.children is not None:
                gone += node.children.values()
                node.children = {}  # nothing is found in it any more
                self._nodes -= 1
            else:
                node.links -= 1
                self._nodes -= node.links == 0


def _is_capability(value: bytes) -> bool:
    """Whether the kernel would take it, capabilities(7); it has ids to map in the third revision."""
    revision = int.from_bytes(value[:4], "little") >> 24
    if (revision, len(value)) == (3, 24):
        raise Unindexable("a capability of a user namespace")
    return (revision, len(value)) in ((1, 12), (2, 20))


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
