"""The value of --device: a device of this machine, or the name of a CDI device."""

from __future__ import annotations

import posixpath

from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_cdi(text: str) -> bool:
    """VENDOR/CLASS=NAME, as in vendor.com/device=gpu0 (CDI spec, "qualified names")."""
    kind, equals, name = text.partition("=")
    vendor, slash, klass = kind.partition("/")
    return bool(equals and slash and vendor and klass and name) and vendor[0].isalpha() and "/" not in klass


def parse_device(text: str) -> dict[str, Any]:
    """PATH[:PATH_INSIDE][:MODE]; raises CliError as Docker words it."""
    parts = text.split(":")
    if len(parts) > 3 or not parts[0]:
        raise CliError(f"bad format for path: {text}")
    inside, mode = parts[0], "rwm"
    if len(parts) == 2:
        if _is_mode(parts[1]):
            mode = parts[1]
        else:
            inside = posixpath.normpath(parts[1]) if parts[1] else ""
    elif len(parts) == 3:
        if not _is_mode(parts[2]):
            raise CliError(f"bad mode specified: {parts[2]}")
        inside, mode = posixpath.normpath(parts[1]), parts[2]
    if not inside.startswith("/"):
        raise CliError(f"{inside} is not an absolute path")
    return {"PathOnHost": parts[0], "PathInContainer": inside, "CgroupPermissions": mode}


def _is_mode(text: str) -> bool:
    return bool(text) and len(set(text)) == len(text) and all(letter in "rwm" for letter in text)
