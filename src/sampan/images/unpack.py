"""Unpack a layer's tar into a directory: the form overlayfs takes as a lower layer.

The tar is hostile until proven otherwise. Every path is resolved by openat2(RESOLVE_IN_ROOT), so that "..",
absolute names and symlinks planted by earlier entries all stay inside, as they would in Docker's chroot; the
last component is never followed. Layers know nothing of each other: a whiteout (`.wh.x`) becomes overlayfs'
character device 0:0, `.wh..wh..opq` becomes trusted.overlay.opaque=y.
Documentation/filesystems/overlayfs.rst, OCI image-spec layer.md.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sampan.errors import Failed, Unsupported
from sampan.images.tarread import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    HARDLINK,
    REGULAR,
    SYMLINK,
    Entry,
    TarError,
    TarReader,
)
from sampan.linux.openat2 import RESOLVE_IN_ROOT, openat2
from sampan.linux.overlayfs import OPAQUE_XATTR, RESERVED_XATTRS

WHITEOUT_PREFIX = b".wh."
WHITEOUT_META_PREFIX = b".wh..wh."
WHITEOUT_OPAQUE = b".wh..wh..opq"

OPEN_DIRECTORIES = 64
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_NANOSECONDS = (1 << 63) - 1


@dataclass(frozen=True)
class Unpacked:
    """`diff_id` is the digest of the uncompressed tar, `tar_size` its bytes, padding and end included."""

    diff_id: str
    size: int  # bytes of files and symlink targets, as Docker counts a layer
    tar_size: int


def unpack(tar: Iterable[bytes], directory: str) -> Unpacked:
    """Unpack an uncompressed tar stream into an existing empty directory, and digest it on the way.

    Raises Failed for a bad archive and when the disk refuses.
    """
    digest = hashlib.sha256()
    total = 0

    def digested() -> Iterator[bytes]:
        nonlocal total
        for chunk in tar:
            digest.update(chunk)
            total += len(chunk)
            yield chunk

    unpacker = Unpacker(directory)
    try:
        unpacker.run(TarReader(digested()))
    finally:
        unpacker.close()
    return Unpacked(f"sha256:{digest.hexdigest()}", unpacker.size, total)


class Unpacker:
    """One unpacking. Directory times are set last, as every entry made inside would change them.

    `whiteouts` false: the archive is not a layer, and `.wh.x` is an ordinary file. `action` is what failed,
    for errors.
    """

    def __init__(
        self, directory: str, *, whiteouts: bool = True, action: str = "failed to register layer"
    ) -> None:
        self.size = 0
        self._whiteouts = whiteouts
        self._action = action
        self._root = os.open(directory, DIRECTORY_FLAGS)
        self._directories: dict[bytes, int] = {}
        self._times: dict[bytes, int] = {}
        self._current = b""

    def close(self) -> None:
        self._forget_directories()
        os.close(self._root)

    def run(self, reader: TarReader) -> None:
        try:
            for entry in reader:
                self._current = entry.name
                self._unpack(entry, reader)
            self._set_times()
        except OSError as error:
            raise translate(error, self._current, self._action) from error

    def _unpack(self, entry: Entry, reader: TarReader) -> None:
        parts = clean(entry.name)
        if not parts:
            if entry.type == DIRECTORY:
                self._finish_directory(self._root, b"", entry)
            return
        parent_path, base = b"/".join(parts[:-1]), parts[-1]
        parent = self._parent(parent_path)
        if self._whiteouts and base.startswith(WHITEOUT_PREFIX):
            self._whiteout(parent, base)
            return
        path = parent_path + b"/" + base if parent_path else base
        if entry.type == DIRECTORY:
            self._make_directory(parent, base, path, entry)
        elif entry.type == REGULAR:
            self._make_file(parent, base, path, entry, reader)
        else:
            self._make_other(parent, base, path, entry)

    # Parents

    def _parent(self, path: bytes) -> int:
        if not path:
            return self._root
        fd = self._directories.get(path)
        if fd is not None:
            return fd
        if len(self._directories) >= OPEN_DIRECTORIES:
            self._forget_directories()
        try:
            fd = self._open(path)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise
            fd = self._make_parents(path)
        self._directories[path] = fd
        return fd

    def _open(self, path: bytes) -> int:
        while True:
            try:
                return openat2(self._root, path, DIRECTORY_FLAGS, RESOLVE_IN_ROOT)
            except OSError as error:
                if error.errno != errno.EAGAIN:  # a rename raced with ".." in a symlink. openat2(2)
                    raise

    def _make_parents(self, path: bytes) -> int:
        """Archives without entries for their directories exist; Docker makes those with mode 0755."""
        parts = path.split(b"/")
        parent = os.dup(self._root)
        try:
            for count in range(1, len(parts) + 1):
                try:
                    child = self._open(b"/".join(parts[:count]))
                except OSError as error:
                    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                        raise
                    child = self._make_parent(parent, parts[count - 1])
                os.close(parent)
                parent = child
        except BaseException:
            os.close(parent)
            raise
        return parent

    def _make_parent(self, parent: int, base: bytes) -> int:
        hidden = _is_whiteout(parent, base)
        if hidden:
            os.unlink(base, dir_fd=parent)
        os.mkdir(base, 0o755, dir_fd=parent)
        fd = os.open(base, DIRECTORY_FLAGS | os.O_NOFOLLOW, dir_fd=parent)
        os.fchmod(fd, 0o755)
        if hidden:
            os.setxattr(fd, OPAQUE_XATTR, b"y")
        return fd

    def _forget_directories(self) -> None:
        for fd in self._directories.values():
            os.close(fd)
        self._directories.clear()

    # Entries

    def _make_directory(self, parent: int, base: bytes, path: bytes, entry: Entry) -> None:
        opaque = False
        try:
            os.mkdir(base, 0o700, dir_fd=parent)
        except FileExistsError:
            found = os.stat(base, dir_fd=parent, follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                # A whiteout of the same name hides what lower layers have there.
                opaque = stat.S_ISCHR(found.st_mode) and found.st_rdev == 0
                self._clear(parent, base, path)
                os.mkdir(base, 0o700, dir_fd=parent)
        fd = os.open(base, DIRECTORY_FLAGS | os.O_NOFOLLOW, dir_fd=parent)
        try:
            if opaque:
                os.setxattr(fd, OPAQUE_XATTR, b"y")
            self._finish_directory(fd, path, entry)
        finally:
            os.close(fd)

    def _finish_directory(self, fd: int, path: bytes, entry: Entry) -> None:
        os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode)
        if entry.xattrs:
            _set_xattrs(fd, entry)
        self._times[path] = bound(entry.mtime_ns)

    def _make_file(self, parent: int, base: bytes, path: bytes, entry: Entry, reader: TarReader) -> None:
        try:
            fd = os.open(base, FILE_FLAGS, 0o600, dir_fd=parent)
        except FileExistsError:
            self._clear(parent, base, path)
            fd = os.open(base, FILE_FLAGS, 0o600, dir_fd=parent)
        try:
            if entry.sparse is not None:
                _write_sparse(fd, entry, reader)
            elif entry.size:
                for piece in reader.data():
                    _write(fd, piece)
            os.fchown(fd, entry.uid, entry.gid)
            os.fchmod(fd, entry.mode)  # after the chown, which clears set-user-ID
            if entry.xattrs:
                _set_xattrs(fd, entry)  # after the chown, which clears security.capability
            time = bound(entry.mtime_ns)
            os.utime(fd, ns=(time, time))
        finally:
            os.close(fd)
        self.size += entry.real_size

    def _make_other(self, parent: int, base: bytes, path: bytes, entry: Entry) -> None:
        try:
            self._create_other(parent, base, entry)
        except FileExistsError:
            self._clear(parent, base, path)
            self._create_other(parent, base, entry)
        if entry.type == HARDLINK:
            return
        os.chown(base, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        if entry.type == SYMLINK:
            self.size += len(entry.linkname)
        else:
            os.chmod(base, entry.mode, dir_fd=parent)  # a device or FIFO just made: not a link
        if entry.xattrs:
            _set_xattrs(b"/proc/self/fd/%d/%b" % (parent, base), entry)
        time = bound(entry.mtime_ns)
        os.utime(base, ns=(time, time), dir_fd=parent, follow_symlinks=False)

    def _create_other(self, parent: int, base: bytes, entry: Entry) -> None:
        if entry.type == SYMLINK:
            os.symlink(entry.linkname, base, dir_fd=parent)
        elif entry.type == HARDLINK:
            target = hard_link_target(entry)
            # Its own descriptor: _parent may drop `parent` from the cache.
            source = self._open(b"/".join(target[:-1]) or b".")
            try:
                os.link(target[-1], base, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
            finally:
                os.close(source)
        elif entry.type == FIFO:
            os.mknod(base, stat.S_IFIFO | 0o600, dir_fd=parent)
        elif entry.type in (CHARACTER, BLOCK_DEVICE):
            kind = stat.S_IFCHR if entry.type == CHARACTER else stat.S_IFBLK
            os.mknod(base, kind | 0o600, device_number(entry), dir_fd=parent)

    def _whiteout(self, parent: int, base: bytes) -> None:
        if base == WHITEOUT_OPAQUE:
            os.setxattr(parent, OPAQUE_XATTR, b"y")
            return
        if base.startswith(WHITEOUT_META_PREFIX):
            return  # aufs' own bookkeeping (.wh..wh.plnk, .wh..wh.aufs)
        hidden = hidden_name(base)
        try:
            os.mknod(hidden, stat.S_IFCHR, 0, dir_fd=parent)
        except FileExistsError:
            # Whiteouts hide lower layers only; this layer's own file stays and hides them anyway.
            found = os.stat(hidden, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                fd = os.open(hidden, DIRECTORY_FLAGS | os.O_NOFOLLOW, dir_fd=parent)
                try:
                    os.setxattr(fd, OPAQUE_XATTR, b"y")
                finally:
                    os.close(fd)

    def _clear(self, parent: int, base: bytes, path: bytes) -> None:
        """Make room: a later entry of the same name replaces an earlier one."""
        found = os.stat(base, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            _remove_tree(parent, base)
            prefix = path + b"/"
            for name in [name for name in self._times if name == path or name.startswith(prefix)]:
                del self._times[name]
        else:
            os.unlink(base, dir_fd=parent)
            self.size -= found.st_size if found.st_nlink == 1 else 0
        if stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode):
            # Cached paths may have led through it; the parent in hand stays open until its caller is done.
            for name in [name for name in self._directories if self._directories[name] != parent]:
                os.close(self._directories.pop(name))

    def _set_times(self) -> None:
        for path, time in self._times.items():
            if not path:
                continue
            directory, _, base = path.rpartition(b"/")
            try:
                os.utime(base, ns=(time, time), dir_fd=self._parent(directory), follow_symlinks=False)
            except FileNotFoundError:
                continue  # its parent was replaced through another name
        if (time := self._times.get(b"", -1)) >= 0:
            os.utime(self._root, ns=(time, time))


def translate(error: OSError, name: bytes, action: str = "failed to register layer") -> Exception:
    """What the kernel refused while unpacking `name`, in Docker's words."""
    if error.errno == errno.ENOSYS:
        return Unsupported("openat2(2) is missing: Linux 5.6 or newer is needed to unpack a layer")
    return Failed(f"{action}: {os.fsdecode(name)}: {error.strerror}")


def hard_link_target(entry: Entry) -> list[bytes]:
    target = clean(entry.linkname)
    if not target:
        raise TarError(f"invalid hardlink {os.fsdecode(entry.name)!r} -> {os.fsdecode(entry.linkname)!r}")
    return target


def device_number(entry: Entry) -> int:
    if not (0 <= entry.devmajor < 1 << 12 and 0 <= entry.devminor < 1 << 20):
        raise TarError(f"invalid device number of {os.fsdecode(entry.name)!r}")
    return os.makedev(entry.devmajor, entry.devminor)


def hidden_name(base: bytes) -> bytes:
    """What a whiteout hides."""
    hidden = base[len(WHITEOUT_PREFIX) :]
    if hidden in (b"", b".", b".."):
        raise TarError(f"invalid whiteout {os.fsdecode(base)!r}")
    return hidden


def clean(name: bytes) -> list[bytes]:
    """A member's name as path components below the root, where ".." stays, as in a chroot."""
    parts = [part for part in name.split(b"/") if part and part != b"."]
    if b".." not in parts:
        return parts
    result: list[bytes] = []
    for part in parts:
        if part != b"..":
            result.append(part)
        elif result:
            result.pop()
    return result


def bound(nanoseconds: int) -> int:
    """A time the file system can hold: Docker's own rule is that others become the epoch."""
    return nanoseconds if 0 <= nanoseconds <= MAX_NANOSECONDS else 0


def _write(fd: int, piece: memoryview) -> None:
    written = os.write(fd, piece)
    while written < len(piece):
        written += os.write(fd, piece[written:])


def _write_sparse(fd: int, entry: Entry, reader: TarReader) -> None:
    os.ftruncate(fd, entry.real_size)
    fragments = iter(entry.sparse or ())
    offset = left = 0
    for piece in reader.data():
        while piece:
            while left == 0:
                offset, left = next(fragments)
            part = piece[:left]
            count = os.pwrite(fd, part, offset)
            offset, left, piece = offset + count, left - count, piece[count:]


def _set_xattrs(target: int | bytes, entry: Entry) -> None:
    for name, value in entry.xattrs.items():
        if name.startswith(RESERVED_XATTRS) or not name or b"\0" in name:
            continue
        try:
            if isinstance(target, int):
                os.setxattr(target, name, value)
            else:
                os.setxattr(target, name, value, follow_symlinks=False)
        except OSError as error:
            # As Docker: a file system without them, or an attribute of a foreign security module, is no
            # reason to refuse the image.
            if error.errno not in (errno.ENOTSUP, errno.EPERM, errno.EINVAL):
                raise


def _is_whiteout(parent: int, base: bytes) -> bool:
    try:
        found = os.stat(base, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def _remove_tree(parent: int, base: bytes) -> None:
    import shutil

    shutil.rmtree(base, dir_fd=parent)
