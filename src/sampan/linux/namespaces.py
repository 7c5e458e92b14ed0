"""Namespaces: unshare(2), setns(2), user namespace mappings. namespaces(7), user_namespaces(7)."""

from __future__ import annotations

import os

from sampan.linux.syscalls import c_int, libc

CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# OCI's names -> (flag, name in /proc/<pid>/ns).
KINDS = {
    "user": (CLONE_NEWUSER, "user"),
    "mount": (CLONE_NEWNS, "mnt"),
    "uts": (CLONE_NEWUTS, "uts"),
    "ipc": (CLONE_NEWIPC, "ipc"),
    "network": (CLONE_NEWNET, "net"),
    "cgroup": (CLONE_NEWCGROUP, "cgroup"),
    "pid": (CLONE_NEWPID, "pid"),
    "time": (CLONE_NEWTIME, "time"),
}

unshare = libc("unshare", c_int)
setns = libc("setns", c_int, c_int)


def open_namespace(pid: int | str, name: str) -> int:
    """For setns(2), as /proc/<pid>/ns calls it, `pid` being a number or "self"; it outlives its processes
    while open. Raises OSError.
    """
    return os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)


def same_as_mine(descriptor: int, name: str) -> bool:
    """Whether the caller is in that namespace already: joining one's own user namespace fails."""
    theirs, mine = os.fstat(descriptor), os.stat(f"/proc/self/ns/{name}")
    return (theirs.st_dev, theirs.st_ino) == (mine.st_dev, mine.st_ino)


def differs(pid: int, name: str) -> bool:
    """Whether `pid` is in another namespace of that kind than the caller. Raises FileNotFoundError when it
    is gone.
    """
    theirs, mine = os.stat(f"/proc/{pid}/ns/{name}"), os.stat(f"/proc/self/ns/{name}")
    return (theirs.st_dev, theirs.st_ino) != (mine.st_dev, mine.st_ino)


def become_root() -> None:
    """Inside a user namespace just entered: its id 0, without groups that have no meaning there."""
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def write_mappings(pid: int, uids: list[dict[str, int]], gids: list[dict[str, int]]) -> None:
    """Give the user namespace `pid` just made its ids: OCI's uidMappings and gidMappings."""
    for name, mappings in (("uid_map", uids), ("gid_map", gids)):
        text = "".join(f"{m['containerID']} {m['hostID']} {m['size']}\n" for m in mappings)
        # One write for the whole map: the kernel takes no second one.
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
