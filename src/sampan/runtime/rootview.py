"""Entering a container's filesystem from a task, to pack or unpack there: cp and export.

In a mount namespace of the task's own: the container's root, its volumes and binds on it, but not its /proc,
/sys, /dev and tmpfs, as Docker's copies see it. Then the task pivots into it and drops what it needs no more,
so that whatever the content holds (links, devices, races) can only ever mean something inside.
"""

from __future__ import annotations

import os

from sampan.errors import Failed, Unavailable
from sampan.linux import capabilities, process
from sampan.linux import mount as m
from sampan.linux import namespaces as ns
from sampan.runtime import mounts as attaching
from sampan.runtime import rootfs
from sampan.runtime.failures import StartFailure
from sampan.runtime.spawn import forbid_imports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KEPT = capabilities.mask(
    [
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_DAC_READ_SEARCH",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_MKNOD",
        "CAP_SETFCAP",
    ]
)
_STOPPED = "the container stopped meanwhile"


def enter(view: dict[str, Any]) -> None:
    """Make the container's root the process's own. Raises Failed; Unavailable when it does not run any more.

    `view`: "directory" (any one of ours: the root is mounted there for a moment), "rootfs" (of a stopped
    container), or "pid" and "pid_start" of a running one; "mounts": OCI mounts of volumes and binds.
    """
    try:
        _enter(view)
    except StartFailure as error:
        raise Failed(error.text) from None


def _enter(view: dict[str, Any]) -> None:
    unshare_mounts()
    user = _foreign_user_namespace(view.get("pid"))
    wanted = view.get("mounts") or []
    if user >= 0:
        wanted = [_shifted(mount) for mount in wanted]
    binds = rootfs.open_binds(wanted, user)
    root = (
        _running_root(view["pid"], view["pid_start"])
        if view.get("pid")
        else rootfs.mount_root(view["rootfs"])
    )
    # The container may have made device nodes of its own: they are packed, but must never be opened.
    m.set_attributes(root, m.MOUNT_ATTR_NODEV)
    attach_at(root, view["directory"])
    attaching.attach_all(root, wanted, binds, None, False)
    capabilities.drop_bounding(_KEPT)  # needs /proc
    m.pivot_root(root)
    os.close(root)
    if user >= 0:
        # Ids shall read as the container's own.
        ns.setns(user, ns.CLONE_NEWUSER)
        os.close(user)
        ns.become_root()
    drop_capabilities()
    # From here on the files an import would find are the container's.
    forbid_imports()


def _shifted(mount: dict[str, Any]) -> dict[str, Any]:
    """As the container mounts it: files keep in its user namespace the owners they have on disk."""
    options = mount["options"]
    return {**mount, "options": [*options, "ridmap" if "rbind" in options else "idmap"]}


def _foreign_user_namespace(pid: int | None) -> int:
    try:
        if not pid or not ns.differs(pid, "user"):
            return -1
        return ns.open_namespace(pid, "user")
    except (FileNotFoundError, ProcessLookupError):
        raise Unavailable(_STOPPED) from None


def unshare_mounts() -> None:
    ns.unshare(ns.CLONE_NEWNS)
    m.set_propagation("/", m.MS_PRIVATE | m.MS_REC)


def attach_at(root: int, directory: str) -> None:
    target = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    m.attach(root, target)
    os.close(target)
    m.set_attributes(root, propagation=m.MS_PRIVATE)


def _running_root(pid: int, start: int) -> int:
    """A running container's root as it sees it, without what is mounted on it."""
    own = ns.open_namespace("self", "mnt")
    try:
        theirs = ns.open_namespace(pid, "mnt")
    except (FileNotFoundError, ProcessLookupError):
        raise Unavailable(_STOPPED) from None
    try:
        # Checked after opening: then it cannot be a later process with the same number.
        if process.start_time(pid) != start or ns.same_as_mine(theirs, "mnt"):
            raise Unavailable(_STOPPED)
        ns.setns(theirs, ns.CLONE_NEWNS)
        root = m.clone("/")
        ns.setns(own, ns.CLONE_NEWNS)
        return root
    finally:
        os.close(theirs)
        os.close(own)


def drop_capabilities() -> None:
    capabilities.raise_ambient(0)
    capabilities.capset(_KEPT, _KEPT, 0)
    process.set_no_new_privileges()
