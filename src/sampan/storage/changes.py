"""What an overlayfs upper directory changed against its lower ones: `docker diff`.

Documentation/filesystems/overlayfs.rst: a character device 0:0 hides a name, trusted.overlay.opaque=y all of
a directory.
"""

import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from enum import IntEnum

from sampan.errors import Failed
from sampan.storage.trees import Facts, OnDisk, Place, is_whiteout, roots


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
    with ExitStack() as stack:
        # Not by calls in calls: directories may be nested deeper than these.
        pending = [(upper, roots(lowers, stack), "")]
        while pending:
            directory, below, path = pending.pop()
            try:
                pending += _compare(directory, below, path, found)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise Failed(f"read {path[:200]}: {error.strerror}") from error
    return [Change(path, found[path]) for path in sorted(found)]


def _compare(
    upper: str, lowers: list[Place], path: str, found: dict[str, Kind]
) -> list[tuple[str, list[Place], str]]:
    """One directory; returns those in it."""
    inside: list[tuple[str, list[Place], str]] = []
    for entry in os.scandir(upper):
        name = f"{path}/{entry.name}"
        try:
            new = OnDisk(entry.path, entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            continue
        old, merged = _lookup(lowers, entry.name)
        if is_whiteout(new.facts):
            found[name] = Kind.DELETED
        elif old is None:
            found[name] = Kind.ADDED
        elif not (_is_directory(new.facts) and _is_directory(old) and _same_directory(new.facts, old)):
            found[name] = Kind.MODIFIED
        if path and name in found and found[name] != Kind.MODIFIED:
            # As Docker: who gained or lost a name has changed, even if its times were set back.
            found.setdefault(path, Kind.MODIFIED)
        if _is_directory(new.facts):
            inside.append((entry.path, [] if new.is_opaque() else merged, name))
    return inside


def _lookup(lowers: list[Place], name: str) -> tuple[Facts | None, list[Place]]:
    """What the lower layers show under a name, and, for a directory, all that merge into it."""
    top: Facts | None = None
    merged: list[Place] = []
    for lower in lowers:
        place = lower.child(name)
        if place is None:
            continue
        if is_whiteout(place.facts) or (top is not None and not _is_directory(place.facts)):
            break
        top = top or place.facts
        if not _is_directory(place.facts):
            break
        merged.append(place)
        if place.is_opaque():
            break
    return top, merged


def _is_directory(facts: Facts) -> bool:
    return stat.S_ISDIR(facts.st_mode)


def _same_directory(new: Facts, old: Facts) -> bool:
    # Docker compares times to the second when either side has no finer ones. Sizes of directories are the
    # file system's business.
    times = new.st_mtime_ns, old.st_mtime_ns
    if any(time % 1_000_000_000 == 0 for time in times):
        times = times[0] // 1_000_000_000, times[1] // 1_000_000_000
    return times[0] == times[1] and (new.st_mode, new.st_uid, new.st_gid) == (
        old.st_mode,
        old.st_uid,
        old.st_gid,
    )
