"""One layer's files, read without mounting or unpacking anything, in either form a layer has.

A layer is ours and never changes, so nothing in it can move while it is looked at.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

from sampan.errors import Failed
from sampan.linux import erofs, overlayfs
from sampan.linux.overlayfs import OPAQUE_XATTR, RESERVED_XATTRS
from sampan.storage.indexes import Index, Inode

CHUNK = 1 << 20


class Node:
    """A file of a layer: what lstat(2) would tell, and where it is."""

    __slots__ = ("at", "gid", "layer", "links", "mode", "mtime_ns", "rdev", "size", "uid")

    def __init__(self, layer: "Layer", at: object) -> None:
        self.layer = layer
        self.at = at
        self.mode = self.uid = self.gid = self.size = self.mtime_ns = self.rdev = 0
        self.links = 1

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def is_whiteout(self) -> bool:
        return overlayfs.is_whiteout(self.mode, self.rdev)

    @property
    def target(self) -> bytes:
        return self.layer.target(self)

    @property
    def xattrs(self) -> dict[bytes, bytes]:
        """Without what overlayfs keeps in them."""
        found = self.layer.xattrs(self)
        return {name: value for name, value in found.items() if not name.startswith(RESERVED_XATTRS)}

    def chunks(self) -> Iterator[bytes]:
        return self.layer.chunks(self)

    @property
    def identity(self) -> object:
        """Equal for names of one inode."""
        return self.layer.identity(self)


class Layer(Protocol):
    root: Node

    def child(self, directory: Node, name: bytes) -> Node | None: ...
    def entries(self, directory: Node) -> Iterator[tuple[bytes, Node]]: ...
    def target(self, node: Node) -> bytes: ...
    def xattrs(self, node: Node) -> dict[bytes, bytes]: ...
    def is_opaque(self, directory: Node) -> bool: ...
    def chunks(self, node: Node) -> Iterator[bytes]: ...
    def identity(self, node: Node) -> object: ...
    def close(self) -> None: ...


def open_layer(lower: str) -> Layer:
    """`lower` as LayerStore.lower writes it. Raises Failed."""
    parsed = erofs.parse_lower(lower)
    try:
        return DirectoryLayer(lower) if parsed is None else IndexLayer(*parsed)
    except OSError as error:
        raise Failed(f"cannot read the layer {erofs.directory(lower)}: {error.strerror}") from error


def has_name(lower: str, name: str) -> bool:
    """Whether a layer says anything about a name in its root. Raises Failed."""
    with closing(open_layer(lower)) as layer:
        return layer.child(layer.root, os.fsencode(name)) is not None


class IndexLayer:
    """A tar with its EROFS index; an inode of the index is `Node.at`."""

    def __init__(self, index: str, tar: str) -> None:
        self._index = Index(index)
        self._tar_path = tar
        self._tar = -1
        self.root = self._node(self._index.root)

    def close(self) -> None:
        self._index.close()
        if self._tar >= 0:
            os.close(self._tar)
            self._tar = -1

    def _node(self, inode: Inode) -> Node:
        node = Node(self, inode)
        node.mode, node.uid, node.gid = inode.st_mode, inode.st_uid, inode.st_gid
        node.mtime_ns, node.rdev, node.links = inode.st_mtime_ns, inode.st_rdev, inode.st_nlink
        node.size = inode.size if stat.S_ISREG(inode.st_mode) or stat.S_ISLNK(inode.st_mode) else 0
        return node

    def child(self, directory: Node, name: bytes) -> Node | None:
        found = self._index.child(_inode(directory), name)
        return None if found is None else self._node(found)

    def entries(self, directory: Node) -> Iterator[tuple[bytes, Node]]:
        for name, nid in self._index.entries(_inode(directory)):
            yield name, self._node(self._index.inode(nid))

    def target(self, node: Node) -> bytes:
        return self._index.target(_inode(node))

    def xattrs(self, node: Node) -> dict[bytes, bytes]:
        inode = _inode(node)
        return self._index.xattrs(inode) if inode.xattr_size else {}

    def is_opaque(self, directory: Node) -> bool:
        return self.xattrs(directory).get(OPAQUE_XATTR) == b"y"

    def chunks(self, node: Node) -> Iterator[bytes]:
        if self._tar < 0:
            self._tar = os.open(self._tar_path, os.O_RDONLY | os.O_CLOEXEC)
        position, left = self._index.extent(_inode(node))
        while left:
            data = os.pread(self._tar, min(left, CHUNK), position)
            if not data:
                raise Failed(f"{self._tar_path}: unexpected end of file")
            position += len(data)
            left -= len(data)
            yield data

    def identity(self, node: Node) -> object:
        return id(self), _inode(node).nid


class DirectoryLayer:
    """Unpacked files; `Node.at` is a path below the layer's root, only whose last part can be a link."""

    def __init__(self, path: str) -> None:
        self._path = os.fsencode(path)
        self.root = self._node(b"", os.stat(self._path))

    def close(self) -> None:
        return

    def _node(self, at: bytes, found: os.stat_result) -> Node:
        node = Node(self, at)
        node.mode, node.uid, node.gid = found.st_mode, found.st_uid, found.st_gid
        node.mtime_ns, node.rdev, node.links = found.st_mtime_ns, found.st_rdev, found.st_nlink
        node.size = found.st_size if not stat.S_ISDIR(found.st_mode) else 0
        return node

    def _full(self, node: Node) -> bytes:
        assert isinstance(node.at, bytes)
        return self._path + b"/" + node.at if node.at else self._path

    def child(self, directory: Node, name: bytes) -> Node | None:
        assert isinstance(directory.at, bytes)
        at = directory.at + b"/" + name if directory.at else name
        try:
            return self._node(at, os.lstat(self._path + b"/" + at))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENAMETOOLONG):
                raise
            return None

    def entries(self, directory: Node) -> Iterator[tuple[bytes, Node]]:
        for name in sorted(os.listdir(self._full(directory))):
            found = self.child(directory, name)
            if found is not None:
                yield name, found

    def target(self, node: Node) -> bytes:
        return os.readlink(self._full(node))

    def xattrs(self, node: Node) -> dict[bytes, bytes]:
        path = self._full(node)
        names = os.listxattr(path, follow_symlinks=False)
        return {os.fsencode(name): os.getxattr(path, name, follow_symlinks=False) for name in names}

    def is_opaque(self, directory: Node) -> bool:
        return overlayfs.is_opaque(self._full(directory))

    def chunks(self, node: Node) -> Iterator[bytes]:
        with open(self._full(node), "rb", buffering=0) as file:
            while data := file.read(CHUNK):
                yield data

    def identity(self, node: Node) -> object:
        found = os.lstat(self._full(node))
        return found.st_dev, found.st_ino


def _inode(node: Node) -> Inode:
    assert isinstance(node.at, Inode)
    return node.at
