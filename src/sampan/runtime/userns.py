"""A container in a user namespace of its own: the namespace, and a root whose ids its mount shifts.

Nothing on disk is changed: layers, the container's upper directory and volumes hold the ids of the image,
and idmapped mounts make them appear as the host ids that the namespace maps back (mount_setattr(2),
MOUNT_ATTR_IDMAP, overlayfs since Linux 5.19).
"""

from __future__ import annotations

import errno
import os

from sampan.linux import capabilities, files, signals
from sampan.linux import mount as m
from sampan.linux import namespaces as ns
from sampan.linux.process import setfsgid, setfsuid
from sampan.runtime import rootfs as plain
from sampan.runtime.failures import during_init, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sampan.runtime.protocol import Rootfs


def create(uids: Sequence[dict[str, int]], gids: Sequence[dict[str, int]]) -> int:
    """A descriptor of a new user namespace with those mappings (OCI's form). Raises OSError, StartFailure."""
    return _create(uids, gids, 0, ["user"])[0]


def create_with_network(uids: Sequence[dict[str, int]], gids: Sequence[dict[str, int]]) -> list[int]:
    """The same, and a new network namespace that belongs to it."""
    return _create(uids, gids, ns.CLONE_NEWNET, ["user", "net"])


def _create(
    uids: Sequence[dict[str, int]], gids: Sequence[dict[str, int]], more: int, wanted: list[str]
) -> list[int]:
    made, go = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            ns.unshare(ns.CLONE_NEWUSER | more)  # the user namespace first: it owns the others
            os.write(made[1], b"x")
            os.close(go[1])
            os.read(go[0], 1)  # until the parent has what it wants
        finally:
            os._exit(0)
    try:
        os.close(made[1])
        if not os.read(made[0], 1):
            raise during_init("unable to create a user namespace: the limit of user namespaces is reached")
        ns.write_mappings(pid, list(uids), list(gids))
        return [ns.open_namespace(pid, name) for name in wanted]
    except OSError as error:
        raise during_init(f"unable to map the ids of the user namespace: {reason(error)}") from None
    finally:
        os.kill(pid, signals.SIGKILL)
        os.waitpid(pid, 0)
        for fd in (made[0], *go):
            os.close(fd)


def mappings(userns: int) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    """The user and group mappings of a namespace that exists, as seen from here."""
    made, go = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            ns.setns(userns, ns.CLONE_NEWUSER)
            os.write(made[1], b"x")
            os.close(go[1])
            os.read(go[0], 1)
        finally:
            os._exit(0)
    try:
        os.close(made[1])
        if not os.read(made[0], 1):
            raise during_init("joining the user namespace: operation not permitted")
        return _read_map(f"/proc/{pid}/uid_map"), _read_map(f"/proc/{pid}/gid_map")
    finally:
        os.kill(pid, signals.SIGKILL)
        os.waitpid(pid, 0)
        for fd in (made[0], *go):
            os.close(fd)


def _read_map(path: str) -> list[dict[str, int]]:
    rows = [[int(field) for field in line.split()] for line in files.read(path).splitlines()]
    return [{"containerID": inside, "hostID": outside, "size": size} for inside, outside, size in rows]


def host_id(mappings: Sequence[dict[str, int]]) -> int:
    """What the namespace's id 0 is outside."""
    for mapping in mappings:
        if mapping["containerID"] == 0:
            return mapping["hostID"]
    raise during_init("the user namespace maps no root user")


def mount_root(
    rootfs: Rootfs, userns: int, uid: int, gid: int, layers: Mapping[int, int] | None = None
) -> int:
    """As rootfs.mount_root, shifted. The caller is in a mount namespace of its own, which this changes."""
    try:
        if rootfs["type"] == "bind" or (rootfs.get("upper") is None and len(rootfs["lower"]) == 1):
            root = plain.mount_root(rootfs)
            m.set_attributes(root, m.MOUNT_ATTR_IDMAP, userns=userns)
            return root
        lowers = plain.open_lowers(rootfs["lower"], layers)
        for lower in lowers:
            if isinstance(lower, int):
                m.set_attributes(lower, m.MOUNT_ATTR_IDMAP, userns=userns)
        directories = [lower for lower in lowers if isinstance(lower, str)]
        for path in dict.fromkeys([*directories, *_parents(rootfs)]):
            _shift(path, userns)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise during_init(
                "the filesystem of the data root does not support idmapped mounts, which user namespaces need"
            ) from None
        raise
    # overlayfs acts with its mounter's credentials, whose ids must exist on the shifted layers: the
    # namespace's
    # root, but with the host's capabilities, which the layers' trusted.* attributes ask for.
    setfsgid(gid)
    setfsuid(uid)
    everything = capabilities.bounding()
    capabilities.capset(everything, everything, 0)
    try:
        return plain.mount_layers(rootfs, lowers)
    finally:
        setfsuid(0)
        setfsgid(0)


def _parents(rootfs: Rootfs) -> list[str]:
    """The one directory above upper and work: overlayfs wants both on the same mount."""
    upper = rootfs.get("upper")
    if upper is None:
        return []
    parent = os.path.dirname(upper)
    if parent != os.path.dirname(rootfs["work"]):
        raise during_init(f"{upper} and {rootfs['work']} must be in the same directory")
    return [parent]


def _shift(path: str, userns: int) -> None:
    """Cover a directory with an idmapped view of itself."""
    shifted = m.clone(path)
    m.set_attributes(shifted, m.MOUNT_ATTR_IDMAP, userns=userns)
    target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    m.attach(shifted, target)
    os.close(target)
    os.close(shifted)
