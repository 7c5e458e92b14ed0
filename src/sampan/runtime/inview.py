"""Paths in a container's filesystem, seen from inside it: Docker's path stat, and what resolves where."""

from __future__ import annotations

import os
import stat

from sampan.errors import Failed, NotFound
from sampan.runtime.failures import reason
from sampan.specs.golang.time import rfc3339

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Go's io/fs FileMode bits.
_TYPES = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
}


def go_mode(mode: int) -> int:
    bits = mode & 0o777 | _TYPES.get(stat.S_IFMT(mode), 0)
    bits |= 1 << 23 if mode & stat.S_ISUID else 0
    bits |= 1 << 22 if mode & stat.S_ISGID else 0
    return bits | (1 << 20 if mode & stat.S_ISVTX else 0)


def absolute(path: str) -> str:
    """Clean, absolute, with a final "/" or "/." kept: they ask to follow a link."""
    clean = os.path.normpath("/" + path).replace("//", "/")
    if path.endswith("/.") or path == ".":
        return clean.rstrip("/") + "/."
    if path.endswith("/") and clean != "/":
        return clean + "/"
    return clean


def base_name(path: str) -> str:
    """Go's filepath.Base of what `absolute` returned."""
    return path.rstrip("/").rpartition("/")[2] or "/"


def lstat(path: str) -> os.stat_result:
    """Raises NotFound, Failed."""
    try:
        return os.lstat(path)
    except FileNotFoundError:
        raise NotFound(path) from None
    except OSError as error:
        raise Failed(f"lstat {path}: {reason(error)}") from None


def stat_path(path: str) -> dict[str, Any]:
    """What X-Docker-Container-Path-Stat holds. Raises NotFound, Failed."""
    name = absolute(path)
    info = lstat(name)
    link = os.path.realpath(name) if stat.S_ISLNK(info.st_mode) else ""
    return {
        "name": base_name(name),
        "size": info.st_size,
        "mode": go_mode(info.st_mode),
        "mtime": rfc3339(info.st_mtime_ns),
        "linkTarget": link,
    }
