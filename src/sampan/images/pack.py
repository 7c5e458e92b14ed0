"""Pack a directory into a layer's tar, reproducibly: sorted, without anything of the host.

The directory is an overlayfs upper (or any tree): its whiteouts become `.wh.` files again, and what overlayfs
keeps in attributes stays out. Equal trees give equal bytes.
"""

import errno
import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress

from sampan.errors import Failed
from sampan.images.tarread import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    HARDLINK,
    REGULAR,
    SYMLINK,
    Entry,
)
from sampan.images.tarwrite import CHUNK, Pieces, archive, header, padding
from sampan.images.unpack import WHITEOUT_OPAQUE, WHITEOUT_PREFIX
from sampan.linux.overlayfs import OPAQUE_XATTR

# Docker keeps capabilities only; user attributes are the image's own as well. SELinux labels are the host's.
KEPT_XATTRS = (b"security.capability", b"user.")
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_UNSUPPORTED = (b"trusted.overlay.redirect", b"trusted.overlay.metacopy")


def diff_tar(directory: str, clamp: int | None = None) -> Iterator[bytes]:
    """The tree's content (not the root itself) as an uncompressed tar, in pieces of about 1 MB.

    Times later than `clamp`, in seconds, become `clamp`. Files that vanish meanwhile are left out.
    Raises Failed when something cannot be read.
    """
    yield from Packer(clamp).pack(directory)


class Packer:
    """Used once. `hides`: whether lower layers have something at a path; without, all marks stay.

    overlayfs marks what it makes anew as opaque, whether or not there is anything below to be hidden.
    """

    def __init__(self, clamp: int | None = None, hides: Callable[[bytes], bool] | None = None) -> None:
        self.link_bytes = 0  # of links' targets
        self._clamp = None if clamp is None else clamp * 1_000_000_000
        self._hides = hides
        self._links: dict[tuple[int, int], bytes] = {}

    def pack(self, directory: str) -> Generator[bytes, None, None]:
        """As `diff_tar`."""
        try:
            root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                yield from archive(self._tree(root, b""))
            finally:
                os.close(root)
        except OSError as error:
            raise Failed(f"pack {directory}: {error.strerror} {error.filename or ''}".rstrip()) from error

    def _tree(self, directory: int, path: bytes) -> Pieces:
        # Names as bytes: listdir of a descriptor gives str.
        for name in sorted(os.fsencode(name) for name in os.listdir(directory)):
            try:
                found = os.stat(name, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield self._member(directory, name, path, found)

    def _member(self, directory: int, name: bytes, path: bytes, found: os.stat_result) -> Pieces:
        entry = Entry(path + name, REGULAR)
        entry.mode, entry.uid, entry.gid = stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid
        entry.mtime_ns = found.st_mtime_ns if self._clamp is None else min(found.st_mtime_ns, self._clamp)
        kind = stat.S_IFMT(found.st_mode)
        if kind == stat.S_IFDIR:
            with suppress(FileNotFoundError):
                fd = os.open(name, DIRECTORY_FLAGS, dir_fd=directory)
                yield self._directory(fd, entry)
        elif kind == stat.S_IFCHR and found.st_rdev == 0:
            if self._hides is not None and not self._hides(path + name):
                return
            entry.name = path + WHITEOUT_PREFIX + name
            entry.mode = 0o600
            yield header(entry)
        elif found.st_nlink > 1 and self._is_link(entry, found):
            yield header(entry)
        elif kind != stat.S_IFSOCK:
            if kind == stat.S_IFREG:
                with suppress(FileNotFoundError):
                    fd = os.open(name, FILE_FLAGS, dir_fd=directory)
                    yield self._file(fd, entry)
            else:
                with suppress(FileNotFoundError):
                    yield self._special(directory, name, entry, kind, found.st_rdev)

    def _is_link(self, entry: Entry, found: os.stat_result) -> bool:
        """Make the entry a further name of a file already packed, if it is one."""
        key = (found.st_dev, found.st_ino)
        first = self._links.setdefault(key, entry.name)
        if first is entry.name:
            return False
        entry.type, entry.linkname = HARDLINK, first
        return True

    def _directory(self, fd: int, entry: Entry) -> Pieces:
        try:
            entry.name += b"/"
            entry.type = DIRECTORY
            opaque = _read_xattrs(fd, entry)
            yield header(entry)
            if opaque and (self._hides is None or self._hides(entry.name)):
                marker = Entry(entry.name + WHITEOUT_OPAQUE, REGULAR)
                marker.mode, marker.uid, marker.gid = entry.mode & 0o777, entry.uid, entry.gid
                marker.mtime_ns = entry.mtime_ns
                yield header(marker)
            yield self._tree(fd, entry.name)
        finally:
            os.close(fd)

    def _file(self, fd: int, entry: Entry) -> Pieces:
        try:
            entry.size = os.fstat(fd).st_size
            _read_xattrs(fd, entry)
            yield header(entry)
            left = entry.size
            while left > 0:
                data = os.read(fd, min(left, CHUNK))
                # The file shrank while being read: the header has promised its size.
                data = data or bytes(min(left, CHUNK))
                left -= len(data)
                yield data
            yield padding(entry.size)
        finally:
            os.close(fd)

    def _special(self, directory: int, name: bytes, entry: Entry, kind: int, device: int) -> bytes:
        if kind == stat.S_IFLNK:
            entry.type = SYMLINK
            entry.mode = 0o777
            entry.linkname = os.fsencode(os.readlink(name, dir_fd=directory))
            self.link_bytes += len(entry.linkname)
        elif kind == stat.S_IFIFO:
            entry.type = FIFO
        else:
            entry.type = CHARACTER if kind == stat.S_IFCHR else BLOCK_DEVICE
            entry.devmajor, entry.devminor = os.major(device), os.minor(device)
        return header(entry)


def _read_xattrs(fd: int, entry: Entry) -> bool:
    """Take over what belongs to the image; returns whether overlayfs calls the directory opaque."""
    opaque = False
    try:
        names = sorted(os.fsencode(name) for name in os.listxattr(fd))
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return False
        raise
    for name in names:
        if name.startswith(KEPT_XATTRS) and not name.startswith(b"user.overlay."):
            entry.xattrs[name] = os.getxattr(fd, name)
        elif name == OPAQUE_XATTR:
            opaque = os.getxattr(fd, name) == b"y"
        elif name in _UNSUPPORTED:
            raise Failed(
                f"cannot pack {os.fsdecode(entry.name)}: overlayfs was mounted with redirect_dir or metacopy"
            )
    return opaque
