"""Going into a container's filesystem with a whole process: what cp, export and commit do in a task."""

from __future__ import annotations

import os

from sampan.errors import Conflict
from sampan.linux import mount as m
from sampan.linux import namespaces as ns
from sampan.runtime import mounts as attaching
from sampan.runtime import rootfs as opening
from sampan.runtime.failures import StartFailure
from sampan.runtime.mountoptions import is_bind
from sampan.runtime.spawn import forbid_imports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sampan.runtime.protocol import Rootfs


def enter_rootfs(rootfs: Rootfs, mounts: Sequence[dict[str, Any]], pid: int | None = None) -> None:
    """Make the container's root this process's root; there is no way back, so only a task may do it.

    With `pid`, a running container's init, the process joins its mount namespace and sees all its mounts.
    Without, `rootfs` (read-only when it has no "upper") is mounted in a private namespace, with the bind
    mounts among `mounts` (OCI) attached. Nothing can be imported afterwards: the files would be the
    container's. Raises Conflict when `pid` is gone, OSError or StartFailure when something cannot be
    mounted.
    """
    if pid is not None:
        _join(pid)
    else:
        _mount(rootfs, [mount for mount in mounts if is_bind(mount)])
    forbid_imports()


def _join(pid: int) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        raise Conflict("the container is not running") from None
    try:
        flags = sum(ns.KINDS[kind][0] for kind in ("user", "mount") if ns.differs(pid, ns.KINDS[kind][1]))
        if flags:
            ns.setns(pidfd, flags)
    except (FileNotFoundError, ProcessLookupError):
        raise Conflict("the container is not running") from None
    finally:
        os.close(pidfd)
    if flags & ns.CLONE_NEWUSER:
        ns.become_root()
    os.chdir("/")


def _mount(rootfs: Rootfs, binds: Sequence[dict[str, Any]]) -> None:
    ns.unshare(ns.CLONE_NEWNS)
    m.set_propagation("/", m.MS_PRIVATE | m.MS_REC)
    root = opening.mount_root(rootfs)
    opened = opening.open_binds(binds)
    # Over the old root, where no directory of its own is needed. What is below stays out of reach after
    # chroot.
    below = os.open("/", os.O_PATH | os.O_CLOEXEC)
    m.attach(root, below)
    os.close(below)
    for index, bind in enumerate(binds):
        try:
            attaching.attach_all(root, [bind], {0: opened[index]}, None, False)
        except StartFailure:
            # A read-only root cannot get a directory it lacks; then there is nothing to be seen below it
            # either.
            if rootfs.get("upper") is not None:
                raise
    os.fchdir(root)
    os.chroot(".")
    os.chdir("/")
    os.close(root)
