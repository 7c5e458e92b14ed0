"""Paths inside a container's root, opened so that no symbolic link leads out. openat2(2), Linux 5.6."""

from __future__ import annotations

import errno
import os
import stat

from sampan.linux.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, openat2

_NOFOLLOW_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
# runc's words for a working directory that a magic link leads to; openat2(2) gives EXDEV for those.
OUTSIDE = (
    "current working directory is outside of container mount namespace root -- possible container breakout "
    "detected"
)
_MAX_LINKS = 255  # what runc's securejoin follows before it gives up


def open_root() -> int:
    """The caller's own root."""
    return os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def open_path(root: int, path: str, flags: int = 0, *, symlinks: bool = True) -> int:
    """Open `path`, absolute in the root, with O_PATH. Raises OSError, ELOOP where links are refused."""
    resolve = RESOLVE_IN_ROOT if symlinks else RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS
    return openat2(root, os.fsencode(path), os.O_PATH | flags, resolve)


def open_or_create(
    root: int, path: str, directory: bool, mode: int = 0o755, ids: tuple[int, int] = (0, 0)
) -> int:
    """Open a mount target with O_PATH, making what is missing: directories, or at the end an empty file.

    A link that leads nowhere is followed, and its target made, inside the root, as runc does.
    """
    try:
        return open_path(root, path)
    except FileNotFoundError:
        return _walk(root, path, directory, mode, ids)


def _walk(root: int, path: str, directory: bool, mode: int, ids: tuple[int, int]) -> int:
    """Component by component, each opened without following; the stack of descriptors is the way back for
    "..".
    """
    todo = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    stack = [os.dup(root)]
    links = 0
    try:
        while todo:
            part = todo.pop()
            if part == "..":
                if len(stack) > 1:
                    os.close(stack.pop())
                continue
            found = _open_or_make(stack[-1], part, directory or bool(todo), mode, ids)
            if not stat.S_ISLNK(os.fstat(found).st_mode):
                stack.append(found)
                continue
            links += 1
            target = os.fsdecode(os.readlink(b"", dir_fd=found))
            os.close(found)
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if target.startswith("/"):
                while len(stack) > 1:
                    os.close(stack.pop())
            todo += [piece for piece in reversed(target.split("/")) if piece not in ("", ".")]
        return os.dup(stack[-1])
    finally:
        for descriptor in stack:
            os.close(descriptor)


def _open_or_make(parent: int, name: str, directory: bool, mode: int, ids: tuple[int, int]) -> int:
    try:
        return os.open(name, _NOFOLLOW_PATH, dir_fd=parent)
    except FileNotFoundError:
        pass
    if directory:
        os.mkdir(name, mode, dir_fd=parent)
    else:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode, dir_fd=parent))
    if ids != (0, 0):
        os.chown(name, *ids, dir_fd=parent, follow_symlinks=False)
    return os.open(name, _NOFOLLOW_PATH, dir_fd=parent)
