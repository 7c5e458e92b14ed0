"""Copying a directory tree between two open directories: what a `tmpcopyup` mount starts with."""

from __future__ import annotations

import os
import stat


def copy_tree(source: int, target: int) -> None:
    """Contents, owners, modes, times, xattrs; nothing is followed. Both are directories, `source` maybe
    O_PATH.
    """
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=source)
    try:
        with os.scandir(readable) as entries:
            for entry in entries:
                _copy(readable, target, entry.name)
        found = os.fstat(readable)
        os.chown(".", found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
        os.chmod(".", stat.S_IMODE(found.st_mode), dir_fd=target)
    finally:
        os.close(readable)


def _copy(source: int, target: int, name: str) -> None:
    found = os.stat(name, dir_fd=source, follow_symlinks=False)
    mode = found.st_mode
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
    elif stat.S_ISDIR(mode):
        _copy_directory(source, target, name)
        return
    elif stat.S_ISREG(mode):
        _copy_file(source, target, name, mode)
    elif stat.S_ISSOCK(mode):
        return
    else:
        os.mknod(name, mode, found.st_rdev, dir_fd=target)
    os.chown(name, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
    if not stat.S_ISLNK(mode):
        os.chmod(name, stat.S_IMODE(mode), dir_fd=target)  # chown(2) clears set-user-ID
    times = (found.st_atime_ns, found.st_mtime_ns)
    os.utime(name, ns=times, dir_fd=target, follow_symlinks=False)


def _copy_directory(source: int, target: int, name: str) -> None:
    os.mkdir(name, 0o700, dir_fd=target)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    inner_source = os.open(name, flags, dir_fd=source)
    inner_target = os.open(name, flags, dir_fd=target)
    try:
        copy_tree(inner_source, inner_target)
    finally:
        os.close(inner_source)
        os.close(inner_target)


def _copy_file(source: int, target: int, name: str, mode: int) -> None:
    reading = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    writing = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode & 0o777, dir_fd=target)
    try:
        while os.sendfile(writing, reading, None, 1 << 20):
            pass
        for key in os.listxattr(reading):
            os.setxattr(writing, key, os.getxattr(reading, key))
    finally:
        os.close(reading)
        os.close(writing)
