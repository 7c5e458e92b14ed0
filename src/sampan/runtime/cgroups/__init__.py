"""Control groups of containers: one interface over v1, v2 and the hybrid layout.

A cgroup's configuration is plain data, the "cgroup" of `protocol.StartRequest`:

    {"path": "/sampan/<id>",         below the root of each hierarchy
     "layout": Layout.to_dict(),     optional; detected when missing
     "resources": {...}}             OCI linux.resources, devices included

Imported by launcher and shims, so it imports next to nothing itself.
"""

from __future__ import annotations

from sampan.errors import Unsupported
from sampan.runtime.cgroups import files
from sampan.runtime.cgroups.layout import Layout, default_parent, detect, settle
from sampan.runtime.cgroups.v1 import V1
from sampan.runtime.cgroups.v2 import V2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Cgroup = V1 | V2

__all__ = [
    "Cgroup",
    "Layout",
    "create",
    "default_parent",
    "detect",
    "leave",
    "open_cgroup",
    "settle",
    "unified",
]


def unified() -> bool:
    """Whether all controllers are in the v2 tree."""
    return detect().kind == "v2"


def open_cgroup(path: str, layout: Layout | dict[str, Any] | None = None) -> V1 | V2:
    """A handle on a container's cgroup or a parent of some, whether or not it exists.

    Raises Unsupported without cgroups, Failed for the root cgroup or no path at all.
    """
    if layout is None:
        layout = detect()
    elif isinstance(layout, dict):
        layout = Layout.from_dict(layout)
    if layout.v1:
        return V1(path, layout)
    if layout.unified is None:
        raise Unsupported("no cgroup hierarchy is mounted", hint="mount cgroup2 on /sys/fs/cgroup")
    return V2(path, layout)


def leave(path: str, layout: Layout | None = None) -> None:
    """Remove the parent cgroup at `path`, if create() made it and nothing is in it any more."""
    for directory in open_cgroup(path, layout).directories():
        files.leave(directory)


def create(config: dict[str, Any]) -> V1 | V2:
    """Make the cgroup and set its limits; on failure nothing is left. Raises Failed."""
    cgroup = open_cgroup(config["path"], config.get("layout"))
    try:
        cgroup.create()
        cgroup.apply(config.get("resources") or {})
    except BaseException:
        cgroup.remove()
        raise
    return cgroup
