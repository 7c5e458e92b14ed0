"""Paths in a container's filesystem, seen from inside it: Docker's path stat, and what resolves where."""

from __future__ import annotations

import os
import stat

from sampan.errors import Failed, NotFound
from sampan.runtime.failures import reason
from sampan.specs.golang.filemode import from_unix
from sampan.specs.golang.path import clean
from sampan.specs.golang.time import rfc3339

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def absolute(path: str) -> str:
    """Clean, absolute, with a final "/" or "/." kept: they ask to follow a link."""
    whole = clean("/" + path)
    if path.endswith("/.") or path == ".":
        return whole.rstrip("/") + "/."
    if path.endswith("/") and whole != "/":
        return whole + "/"
    return whole


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
        "mode": from_unix(info.st_mode),
        "mtime": rfc3339(info.st_mtime_ns),
        "linkTarget": link,
    }
