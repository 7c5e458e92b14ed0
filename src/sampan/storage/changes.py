"""What an overlayfs upper directory changed against its lower ones: `docker diff`.

Documentation/filesystems/overlayfs.rst: a character device 0:0 hides a name, trusted.overlay.opaque=y all of
a directory.
"""

import os
import stat
from dataclasses import dataclass
from enum import IntEnum

OPAQUE_XATTR = "trusted.overlay.opaque"


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
    """Sorted by path. `lowers` is top-most first, as overlayfs has them. Blocks: for a worker thread."""
    found: dict[str, Kind] = {}
    _compare(upper, lowers, "", found)
    return [Change(path, found[path]) for path in sorted(found)]


def _compare(upper: str, lowers: list[str], path: str, found: dict[str, Kind]) -> None:
    for entry in os.scandir(upper):
        name = f"{path}/{entry.name}"
        new = entry.stat(follow_symlinks=False)
        old, merged = _lookup([f"{lower}/{entry.name}" for lower in lowers])
        if _is_whiteout(new):
            found[name] = Kind.DELETED
        elif old is None:
            found[name] = Kind.ADDED
        elif not (stat.S_ISDIR(new.st_mode) and stat.S_ISDIR(old.st_mode) and _same_directory(new, old)):
            found[name] = Kind.MODIFIED
        if path and name in found and found[name] != Kind.MODIFIED:
            # As Docker: who gained or lost a name has changed, even if its times were set back.
            found.setdefault(path, Kind.MODIFIED)
        if stat.S_ISDIR(new.st_mode):
            _compare(entry.path, [] if _is_opaque(entry.path) else merged, name, found)


def _lookup(candidates: list[str]) -> tuple[os.stat_result | None, list[str]]:
    """What the lower layers show under a name, and, for a directory, all that merge into it."""
    top: os.stat_result | None = None
    merged: list[str] = []
    for candidate in candidates:
        try:
            found = os.lstat(candidate)
        except FileNotFoundError:
            continue
        if _is_whiteout(found) or (top is not None and not stat.S_ISDIR(found.st_mode)):
            break
        top = top or found
        if not stat.S_ISDIR(found.st_mode):
            break
        merged.append(candidate)
        if _is_opaque(candidate):
            break
    return top, merged


def _same_directory(new: os.stat_result, old: os.stat_result) -> bool:
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


def _is_whiteout(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def _is_opaque(path: str) -> bool:
    try:
        return os.getxattr(path, OPAQUE_XATTR, follow_symlinks=False) == b"y"
    except OSError:
        return False
