"""What a layer holds, whichever form it is in."""

import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sampan.linux import erofs
from sampan.storage.indexes import Index, Inode


def read(lower: str, name: str) -> str:
    return content(lower, name).decode()


def content(lower: str, name: str) -> bytes:
    parsed = erofs.parse_lower(lower)
    if parsed is None:
        return Path(lower, name).read_bytes()
    with Index(parsed[0]) as index, open(parsed[1], "rb") as tar:
        inode = index.lookup(os.fsencode(name))
        if inode is None:
            raise FileNotFoundError(name)
        return from_tar(index, inode, tar.fileno())


def from_tar(index: Index, inode: Inode, tar: int) -> bytes:
    start, size = index.extent(inode)
    return os.pread(tar, size, start)


def names(lower: str) -> list[str]:
    """Of the root, sorted."""
    parsed = erofs.parse_lower(lower)
    if parsed is None:
        return sorted(os.listdir(lower))
    with Index(parsed[0]) as index:
        return [os.fsdecode(name) for name, _ in index.entries(index.root)]


@dataclass(frozen=True)
class Row:
    """All of a file but its place. Links between files show in `same`: the first path of the inode."""

    mode: int
    uid: int
    gid: int
    mtime_ns: int
    links: int
    rdev: int
    content: bytes
    xattrs: tuple[tuple[bytes, bytes], ...]
    same: bytes


def listing(lower: str) -> dict[bytes, Row]:
    """Path -> what is there, the root as b"". Link counts of directories are the file system's business."""
    parsed = erofs.parse_lower(lower)
    return directory_listing(lower) if parsed is None else index_listing(*parsed)


def directory_listing(root: str) -> dict[bytes, Row]:
    found: dict[bytes, Row] = {}
    first: dict[int, bytes] = {}

    def visit(path: bytes) -> None:
        at = os.path.join(os.fsencode(root), path) if path else os.fsencode(root)
        info = os.lstat(at)
        data = b""
        if stat.S_ISLNK(info.st_mode):
            data = os.readlink(at)
        elif stat.S_ISREG(info.st_mode):
            data = Path(os.fsdecode(at)).read_bytes()
        attributes = sorted(os.fsencode(name) for name in os.listxattr(at, follow_symlinks=False))
        found[path] = Row(
            info.st_mode,
            info.st_uid,
            info.st_gid,
            info.st_mtime_ns,
            0 if stat.S_ISDIR(info.st_mode) else info.st_nlink,
            info.st_rdev,
            data,
            tuple((name, os.getxattr(at, name, follow_symlinks=False)) for name in attributes),
            first.setdefault(info.st_ino, path),
        )
        if stat.S_ISDIR(info.st_mode):
            for name in sorted(os.listdir(at)):
                visit(os.path.join(path, name))

    visit(b"")
    return found


def index_listing(index_path: str, tar_path: str) -> dict[bytes, Row]:
    found: dict[bytes, Row] = {}
    first: dict[int, bytes] = {}
    with ExitStack() as stack:
        index = stack.enter_context(Index(index_path))
        tar = stack.enter_context(open(tar_path, "rb")).fileno()

        def visit(path: bytes, inode: Inode) -> None:
            data = b""
            if stat.S_ISLNK(inode.st_mode):
                data = index.target(inode)
            elif stat.S_ISREG(inode.st_mode):
                data = from_tar(index, inode, tar)
            directory = stat.S_ISDIR(inode.st_mode)
            found[path] = Row(
                inode.st_mode,
                inode.st_uid,
                inode.st_gid,
                inode.st_mtime_ns,
                0 if directory else inode.st_nlink,
                inode.st_rdev,
                data,
                tuple(sorted(index.xattrs(inode).items())),
                first.setdefault(inode.nid, path),
            )
            if directory:
                for name, nid in index.entries(inode):
                    visit(os.path.join(path, name), index.inode(nid))

        visit(b"", index.root)
    return found
