"""Filling a new volume with what the image has at its place, ownership and modes included.

Nothing runs in either tree, but an image's links are hostile: the source is resolved inside the image's root,
and everything below is handled by descriptor, no link followed.
"""

from __future__ import annotations

import errno
import os
import stat

from sampan.linux import mount as m
from sampan.linux.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2
from sampan.runtime import rootfs, rootview

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = _READ | os.O_DIRECTORY
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def run(request: dict[str, Any]) -> None:
    """request: "rootfs" (read-only), "path" in it, "target" on the host. Raises OSError."""
    target = os.open(request["target"], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    rootview.unshare_mounts()
    root = rootfs.mount_root(request["rootfs"])
    m.set_attributes(root, m.MOUNT_ATTR_NODEV)
    try:
        source = openat2(
            root,
            os.fsencode(request["path"]),
            os.O_RDONLY | os.O_DIRECTORY,
            RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        )
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return  # no directory there: the volume stays empty
        raise
    TreeCopy(target).run(source, target, "")


class TreeCopy:
    """One copy; files with several names stay one file."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._first: dict[tuple[int, int], str] = {}  # inode -> where it was copied to, below `top`

    def run(self, source: int, target: int, place: str) -> None:
        """The content of one open directory into another, then its ownership, mode, xattrs and times."""
        for name in sorted(os.listdir(source)):
            info = os.stat(name, dir_fd=source, follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                self._directory(source, target, name, f"{place}{name}/")
            else:
                self._file(source, target, name, place + name, info)
        _copy_attributes(source, target)

    def _directory(self, source: int, target: int, name: str, place: str) -> None:
        os.mkdir(name, 0o700, dir_fd=target)
        inner, outer = os.open(name, _DIRECTORY, dir_fd=source), os.open(name, _DIRECTORY, dir_fd=target)
        try:
            self.run(inner, outer, place)
        finally:
            os.close(inner)
            os.close(outer)

    def _file(self, source: int, target: int, name: str, place: str, info: os.stat_result) -> None:
        kind = stat.S_IFMT(info.st_mode)
        if info.st_nlink > 1:
            first = self._first.setdefault((info.st_dev, info.st_ino), place)
            if first != place:
                os.link(first, name, src_dir_fd=self._top, dst_dir_fd=target, follow_symlinks=False)
                return
        if kind == stat.S_IFLNK:
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
            os.chown(name, info.st_uid, info.st_gid, dir_fd=target, follow_symlinks=False)
        elif kind == stat.S_IFREG:
            _copy_regular(source, target, name)
        elif kind in (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO):
            os.mknod(name, kind | 0o600, info.st_rdev, dir_fd=target)
            os.chown(name, info.st_uid, info.st_gid, dir_fd=target, follow_symlinks=False)
            os.chmod(name, stat.S_IMODE(info.st_mode), dir_fd=target)
        else:
            return  # sockets belong to a process
        os.utime(name, ns=(info.st_atime_ns, info.st_mtime_ns), dir_fd=target, follow_symlinks=False)


def _copy_regular(source: int, target: int, name: str) -> None:
    inner, outer = os.open(name, _READ, dir_fd=source), os.open(name, _WRITE, 0o600, dir_fd=target)
    try:
        offset = 0
        while count := os.sendfile(outer, inner, offset, 1 << 30):
            offset += count
        _copy_attributes(inner, outer)
    finally:
        os.close(inner)
        os.close(outer)


def _copy_attributes(source: int, target: int) -> None:
    info = os.fstat(source)
    os.fchown(target, info.st_uid, info.st_gid)
    os.fchmod(target, stat.S_IMODE(info.st_mode))
    for name in os.listxattr(source):
        if name.startswith(("user.", "security.capability")):
            try:
                os.setxattr(target, name, os.getxattr(source, name))
            except OSError as error:
                if error.errno != errno.ENOTSUP:
                    raise
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
