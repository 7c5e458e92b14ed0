"""What may be mounted on a container's /proc: a procfs, and over single files what LXCFS emulates.

Anything else there would stand in for the kernel's own words when the next process enters: CVE-2019-16884,
CVE-2019-19921, CVE-2025-52881. The list is runc's (libcontainer/rootfs_linux.go, checkProcMount). Decided by
what was opened, not by its name, so no link in the image leads past it (CVE-2023-27561, CVE-2023-28642).
"""

from __future__ import annotations

import os

from sampan.linux import filesystems
from sampan.runtime.failures import during_init
from sampan.runtime.inroot import open_path

_EMULATED = (
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/net/dev",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
)


def place(root: int) -> os.stat_result | None:
    """The root's own /proc, before anything is mounted; None where it has none yet."""
    try:
        found = open_path(root, "/proc")
    except OSError:
        return None
    try:
        return os.fstat(found)
    finally:
        os.close(found)


def check(root: int, target: int, destination: str, is_proc: bool, proc: os.stat_result | None) -> None:
    """Raises StartFailure. `proc` is from `place`.

    `target`: what is open at `destination`; `is_proc`: a procfs is to be mounted there.
    """
    if _is_place(root, target, destination, proc):
        if not is_proc:
            raise _unsafe(destination, "it is not of type proc")
    elif filesystems.kind(target) == filesystems.PROC and not _is_emulated(root, target):
        raise _unsafe(destination, "it is inside /proc")


def _is_place(root: int, target: int, destination: str, proc: os.stat_result | None) -> bool:
    if filesystems.kind(target) == filesystems.PROC:
        return _is_same(root, "/proc", target)
    if os.path.normpath("/" + destination.lstrip("/")) == "/proc":
        return True
    return proc is not None and os.path.samestat(os.fstat(target), proc)


def _is_emulated(root: int, target: int) -> bool:
    return any(_is_same(root, path, target) for path in _EMULATED)


def _is_same(root: int, path: str, target: int) -> bool:
    try:
        found = open_path(root, path)
    except OSError:
        return False
    try:
        return os.path.samestat(os.fstat(found), os.fstat(target))
    finally:
        os.close(found)


def _unsafe(destination: str, why: str) -> Exception:
    return during_init(
        f'check proc-safety of {destination} mount: "{destination}" cannot be mounted because {why}'
    )
