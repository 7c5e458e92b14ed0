"""What an overlayfs upper directory changed against its lower ones: `docker diff`.

Documentation/filesystems/overlayfs.rst: a character device 0:0 hides a name, trusted.overlay.opaque=y all of
a directory.
"""

import os
import stat
from dataclasses import dataclass
from enum import IntEnum

from sampan.errors import Failed
from sampan.linux import overlayfs
from sampan.storage.layerfiles import Node
from sampan.storage.merged import Directory, Merged, opened


class Kind(IntEnum):
    """Docker's numbers for C, A and D."""

    MODIFIED = 0
    ADDED = 1
    DELETED = 2


@dataclass(frozen=True)
class Change:
    path: str
    kind: Kind


def changes(upper: str, lowers: list[str]) -> list[Change]:
    """Sorted by path. `lowers` is top-most first, as overlayfs has them. Blocks: for a worker thread.

    What vanishes meanwhile is left out. Raises Failed.
    """
    found: dict[str, Kind] = {}
    with opened(lowers) as merged:
        # Not by calls in calls: directories may be nested deeper than these.
        pending = [(upper, merged.root, "")]
        while pending:
            directory, below, path = pending.pop()
            try:
                pending += _compare(merged, directory, below, path, found)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise Failed(f"read {path[:200]}: {error.strerror}") from error
    return [Change(path, found[path]) for path in sorted(found)]


def _compare(
    merged: Merged, upper: str, lower: Directory | None, path: str, found: dict[str, Kind]
) -> list[tuple[str, Directory | None, str]]:
    """One directory; returns those in it."""
    inside: list[tuple[str, Directory | None, str]] = []
    for entry in os.scandir(upper):
        name = f"{path}/{entry.name}"
        try:
            new = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        old = merged.child(lower, os.fsencode(entry.name)) if lower is not None else None
        below = old if isinstance(old, Directory) else None
        is_directory = stat.S_ISDIR(new.st_mode)
        if overlayfs.is_whiteout(new.st_mode, new.st_rdev):
            found[name] = Kind.DELETED
        elif old is None:
            found[name] = Kind.ADDED
        elif below is None or not is_directory or not _same_directory(new, below.top):
            found[name] = Kind.MODIFIED
        if path and name in found and found[name] != Kind.MODIFIED:
            # As Docker: who gained or lost a name has changed, even if its times were set back.
            found.setdefault(path, Kind.MODIFIED)
        if is_directory:
            inside.append((entry.path, None if overlayfs.is_opaque(entry.path) else below, name))
    return inside


def _same_directory(new: os.stat_result, old: Node) -> bool:
    # Docker compares times to the second when either side has no finer ones. Sizes of directories are the
    # file system's business.
    times = new.st_mtime_ns, old.mtime_ns
    if any(time % 1_000_000_000 == 0 for time in times):
        times = times[0] // 1_000_000_000, times[1] // 1_000_000_000
    return times[0] == times[1] and (new.st_mode, new.st_uid, new.st_gid) == (old.mode, old.uid, old.gid)
