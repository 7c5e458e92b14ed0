"""Mount points: below all layers where that can be, and else taken out of the step's layer again.

A step sees /dev, /proc and the targets of its mounts, which its image may lack; its layer must not have them.
The lowest layer of its root holds them, unless the image hides that (an opaque directory, a link on the way).
"""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sampan.builder.execute.changes import Changes
from sampan.linux.openat2 import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2
from sampan.storage.merged import Merged

_DIRECTORIES = ("dev", "proc", "sys", "etc")
_FILES = ("etc/hosts", "etc/resolv.conf")


def make_points(path: Path) -> None:
    """The mount points every step has."""
    for name in _DIRECTORIES:
        _directory(path / name)
    for name in _FILES:
        _file(path / name)


def make_targets(path: Path, targets: Iterable[str], files: Iterable[str]) -> None:
    """Those of one step. Targets lead through directories of ours only: no link is ever made here."""
    apart = set(files)
    for target in sorted(targets, key=len):
        parts = [part for part in os.path.normpath(target).split("/") if part not in ("", ".", "..")]
        if not parts:
            continue
        place = path
        for part in parts[:-1]:
            place /= part
            if place.is_file():
                break
            _directory(place)
        else:
            with suppress(OSError):
                (_file if target in apart else _directory)(place / parts[-1])


def _directory(path: Path) -> None:
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.chmod(0o755)


def _file(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))


def missing(merged: Merged, targets: Iterable[str]) -> list[bytes]:
    """Paths, deepest first, that are not in the image and that mounting may make there."""
    changes = Changes(merged, 0)
    found: list[bytes] = []
    for target in targets:
        place, names = changes.resolve(os.fsencode(target))
        path = place.path.rstrip(b"/")
        for count in range(len(names), 0, -1):
            found.append(path + b"/" + b"/".join(names[:count]))
    return sorted(set(found), key=lambda path: -path.count(b"/"))


def remove_stubs(upper: Path, paths: Iterable[bytes]) -> None:
    """Those that are still as they were made: empty. The step's program may have put anything there."""
    root = os.open(upper, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path in paths:
            with suppress(OSError):
                _remove(root, path.strip(b"/"))
    finally:
        os.close(root)


def _remove(root: int, path: bytes) -> None:
    head, _, name = path.rpartition(b"/")
    parent = openat2(root, head or b".", os.O_RDONLY | os.O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
    try:
        found = os.lstat(name, dir_fd=parent)
        before = os.fstat(parent)
        if stat.S_ISDIR(found.st_mode):
            os.rmdir(name, dir_fd=parent)
        elif stat.S_ISREG(found.st_mode) and found.st_size == 0:
            os.unlink(name, dir_fd=parent)
        else:
            return
        os.utime(parent, ns=(before.st_atime_ns, before.st_mtime_ns))
    finally:
        os.close(parent)
