"""Putting on the disk what a power failure must not take. fsync(2), syncfs(2).

A file is there afterwards once its bytes, the directory that names it and the one that names that are synced.
The file systems in use write all they have begun with the first of these calls, so a further one costs
little: on ext4 a directory with two others in it took 0.2 ms, its parent after it 0.05 ms.
"""

import os
from collections.abc import Callable

from sampan.errors import Failed
from sampan.linux.syscalls import c_int, libc

_syncfs = libc("syncfs", c_int)


def sync(*paths: str | os.PathLike[str]) -> None:
    """Files or directories, one after the other: contents first, then who names them. Raises Failed."""
    for path in paths:
        _with_descriptor(path, os.fsync)


def sync_filesystem(path: str | os.PathLike[str]) -> None:
    """All that was written to the file system of `path`: one call for thousands of small files, which waits
    for what others have written as well. Raises Failed.
    """
    _with_descriptor(path, _syncfs)


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """A small file, whole or not there at all. Raises Failed."""
    beside = f"{os.fspath(path)}.new"
    try:
        with open(beside, "wb") as file:
            file.write(data)
        sync(beside)
        os.rename(beside, path)
    except OSError as error:
        raise Failed(f"write {os.fspath(path)}: {error.strerror}") from error
    sync(os.path.dirname(path))


def _with_descriptor(path: str | os.PathLike[str], call: Callable[[int], object]) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            call(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Failed(f"sync {os.fspath(path)}: {error.strerror}") from error
