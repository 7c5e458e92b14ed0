"""Volumes on disk: <root>/<name>/_data, only directories: names and metadata are the engine's.

Beside it, _filling: the content that the volume begins with, as long as that is gathered.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sampan.errors import Failed, Invalid, NotFound
from sampan.linux import durable
from sampan.linux.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2


def data(root: Path, name: str) -> Path:
    """What containers mount; computed for a volume that does not exist as well."""
    return root / name / "_data"


def create(root: Path, name: str) -> None:
    """Make the directory, durably, if it is missing. Raises Invalid for a name that is too long, Failed."""
    directory, inside = root / name, data(root, name)
    try:
        # The umask must not decide who may enter: the content belongs to the containers' users.
        if not directory.is_dir():
            directory.mkdir(mode=0o701)
            directory.chmod(0o701)
        if not inside.is_dir():
            inside.mkdir(mode=0o755)
            inside.chmod(0o755)
    except OSError as error:
        kind = Invalid if error.errno == errno.ENAMETOOLONG else Failed
        raise kind(f"mkdir {directory}: {error.strerror}") from None
    durable.sync(directory, root)


def exists(root: Path, name: str) -> bool:
    """Whether its content has a place yet: one that a crash left without `_data` counts as missing."""
    return data(root, name).is_dir()


def filling(root: Path, name: str) -> Path:
    """Where the content that a volume begins with is gathered."""
    return root / name / "_filling"


def start_filling(root: Path, name: str) -> Path:
    """An empty directory of mode 0755, rid of what a former attempt left. Raises OSError when the volume does
    not exist.
    """
    beside = filling(root, name)
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o755)
    beside.chmod(0o755)
    return beside


def finish_filling(root: Path, name: str, *, mounted: bool) -> None:
    """Make what was gathered, and synced, the volume's content, at once; what is there by now stays instead.

    `mounted`: somebody may have the empty directory itself, so that it can only be filled, name by name.
    """
    beside, inside = filling(root, name), data(root, name)
    if mounted:
        info = beside.stat()
        os.chown(inside, info.st_uid, info.st_gid)
        shutil.copystat(beside, inside)
        for entry in os.listdir(beside):
            os.rename(beside / entry, inside / entry)
    else:
        try:
            os.rename(beside, inside)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    shutil.rmtree(beside, ignore_errors=True)
    durable.sync(inside, root / name)


def names(root: Path) -> Iterator[str]:
    """Every directory that looks like a volume."""
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and os.path.isdir(os.path.join(entry.path, "_data")):
                yield entry.name


def unfinished(root: Path) -> list[str]:
    """Directories that a crash left between the two steps of `create`."""
    whole = set(names(root))
    return [name for name in os.listdir(root) if name not in whole]


def is_empty(root: Path, name: str) -> bool:
    """Hidden files count too. Raises FileNotFoundError when the volume does not exist."""
    with os.scandir(data(root, name)) as entries:
        return next(entries, None) is None


def size(path: Path) -> int:
    """Bytes of all files below, each inode once, as `docker system df` counts; what vanishes has none.

    For a thread.
    """
    total = 0
    seen: set[tuple[int, int]] = set()
    # By descriptor: a container may swap a directory for a link while we walk. Not by os.fwalk, whose calls
    # go as deep as directories are nested.
    stack: list[tuple[int, list[str]]] = []
    try:
        _enter(stack, path, None)
        while stack:
            directory, names = stack[-1]
            if not names:
                os.close(stack.pop()[0])
                continue
            try:
                info = os.stat(name := names.pop(), dir_fd=directory, follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(info.st_mode):
                _enter(stack, name, directory)
            elif info.st_nlink < 2 or (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += info.st_size
    finally:
        for directory, _ in stack:
            os.close(directory)
    return total


def _enter(stack: list[tuple[int, list[str]]], path: Path | str, above: int | None) -> None:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(OSError):
        stack.append((os.open(path, flags, dir_fd=above), []))
        stack[-1][1].extend(os.listdir(stack[-1][0]))


def check_subpath(path: Path, subpath: str) -> None:
    """That `subpath` exists below `path`, links resolved inside it. Raises NotFound, Failed.

    Only for the message: whoever mounts it must open it the same way again.
    """
    directory = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(openat2(directory, os.fsencode(subpath), os.O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS))
    except OSError as error:
        text = (error.strerror or "").lower()
        kind = NotFound if error.errno == errno.ENOENT else Failed
        raise kind(f"cannot access path {path / subpath}: lstat {path / subpath}: {text}") from None
    finally:
        os.close(directory)
