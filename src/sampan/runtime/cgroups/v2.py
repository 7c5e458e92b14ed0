"""A container's cgroup in the unified tree. Documentation/admin-guide/cgroup-v2.rst."""

from __future__ import annotations

import errno
import os
import select
import time

from sampan.errors import Failed
from sampan.linux.signals import SIGKILL
from sampan.runtime.cgroups import files
from sampan.runtime.cgroups.layout import below_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.runtime.cgroups.layout import Layout

FREEZE_TIMEOUT = 10.0
REMOVE_TIMEOUT = 5.0


class V2:
    def __init__(self, path: str, layout: Layout) -> None:
        assert layout.unified is not None
        self.path = below_root(path)
        self.layout = layout
        self.directory = layout.unified + self.path

    # Making and joining

    def create(self) -> None:
        parent = os.path.dirname(self.directory)
        fresh = not os.path.isdir(parent)
        if not files.make(self.directory):
            return
        # The parent may be somebody else's (--cgroup-parent), or a reboot of the tree made it anew.
        if fresh or set(files.read_or(parent + "/cgroup.controllers").split()) - set(
            files.read_or(parent + "/cgroup.subtree_control").split()
        ):
            self._delegate_down(parent)

    def _delegate_down(self, last: str) -> None:
        """Enable each controller from the mount point down to `last`: only then do its children have it."""
        root = self.layout.unified or ""
        directory = root
        for part in ["", *last[len(root) :].strip("/").split("/")]:
            directory = f"{directory}/{part}" if part else directory
            wanted = set(files.read_or(directory + "/cgroup.controllers").split())
            for controller in sorted(
                wanted - set(files.read_or(directory + "/cgroup.subtree_control").split())
            ):
                # One at a time: a controller that is not to be had (EBUSY below a cgroup with processes)
                # must not take the others with it.
                files.try_write(
                    directory + "/cgroup.subtree_control",
                    "+" + controller,
                    errno.EBUSY,
                    errno.EINVAL,
                    errno.ENOENT,
                    errno.EOPNOTSUPP,
                )

    def join_self(self, cloned: bool = False) -> None:
        """Move the calling process in; nothing to do for one that clone3(CLONE_INTO_CGROUP) put there."""
        if not cloned:
            files.write(self.directory + "/cgroup.procs", "0")

    def join(self, pid: int) -> None:
        files.write(self.directory + "/cgroup.procs", str(pid))

    def clone_fd(self) -> int | None:
        """A directory for clone3(CLONE_INTO_CGROUP): unlike cgroup.procs it does not wait for RCU (9 ms)."""
        return os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    # Limits

    def apply(self, resources: dict[str, Any]) -> None:
        """Set what `resources` (OCI linux.resources) names and leave the rest. Raises Failed."""
        if memory := resources.get("memory"):
            self._apply_memory(memory)
        if cpu := resources.get("cpu"):
            self._apply_cpu(cpu)
        if (limit := (resources.get("pids") or {}).get("limit")) not in (None, 0):
            self._set("pids.max", maximum(limit))
        if block := resources.get("blockIO"):
            self._apply_io(block)
        for huge in resources.get("hugepageLimits") or ():
            self._set(f"hugetlb.{huge['pageSize']}.max", maximum(huge["limit"]))
        if rules := resources.get("devices"):
            self._apply_devices(rules)
        for name, value in (resources.get("unified") or {}).items():
            if "/" in name:
                raise Failed(f'unified resource "{name}" must be a file name (no slashes)')
            self._set(name, value)

    def _set(self, name: str, value: str) -> None:
        files.write(f"{self.directory}/{name}", value)

    def _apply_memory(self, memory: dict[str, Any]) -> None:
        limit, memsw = memory.get("limit"), memory.get("swap")
        swap = swap_max(memsw, limit)
        if swap is not None and os.path.exists(self.directory + "/memory.swap.max"):
            self._set("memory.swap.max", swap)
        if limit:
            self._set("memory.max", maximum(limit))
        if memory.get("reservation") is not None:
            self._set("memory.low", maximum(memory["reservation"]))

    def _apply_cpu(self, cpu: dict[str, Any]) -> None:
        if cpu.get("shares"):
            self._set("cpu.weight", str(weight_from_shares(cpu["shares"])))
        if cpu.get("idle") is not None:
            self._set("cpu.idle", str(cpu["idle"]))
        if cpu.get("quota") or cpu.get("period"):
            self._set("cpu.max", cpu_max(cpu.get("quota"), cpu.get("period")))
        if cpu.get("burst") is not None:
            self._set("cpu.max.burst", str(cpu["burst"]))
        if cpu.get("cpus"):
            self._set("cpuset.cpus", cpu["cpus"])
        if cpu.get("mems"):
            self._set("cpuset.mems", cpu["mems"])

    def _apply_io(self, block: dict[str, Any]) -> None:
        bfq = os.path.exists(self.directory + "/io.bfq.weight")
        if block.get("weight"):
            self._set_weight(bfq, "", block["weight"])
        for device in block.get("weightDevice") or ():
            self._set_weight(bfq, f"{device['major']}:{device['minor']} ", device["weight"])
        for key, name in _THROTTLES.items():
            for device in block.get(key) or ():
                rate = device["rate"] or "max"
                self._set("io.max", f"{device['major']}:{device['minor']} {name}={rate}")

    def _set_weight(self, bfq: bool, device: str, weight: int) -> None:
        if bfq:
            self._set("io.bfq.weight", f"{device}{weight}")
        else:
            self._set("io.weight", f"{device or 'default '}{io_weight(weight)}")

    def _apply_devices(self, rules: list[dict[str, Any]]) -> None:
        from sampan.linux import bpf

        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            bpf.restrict_devices(directory, rules)
        except OSError as error:
            raise Failed(f"unable to restrict devices of {self.directory}: bpf: {error.strerror}") from error
        finally:
            os.close(directory)

    # Freezing and killing

    def freeze(self) -> None:
        """Stop every process; returns once all are. Raises Failed after ten seconds."""
        self._set("cgroup.freeze", "1")
        if not self._wait_event("frozen 1", FREEZE_TIMEOUT):
            self._set("cgroup.freeze", "0")
            raise Failed("unable to freeze: a process did not stop")

    def thaw(self) -> None:
        self._set("cgroup.freeze", "0")
        self._wait_event("frozen 0", FREEZE_TIMEOUT)

    def frozen(self) -> bool:
        return "frozen 1" in files.read_or(self.directory + "/cgroup.events")

    def kill(self, number: int = SIGKILL) -> None:
        """Signal every process; SIGKILL at once by cgroup.kill (Linux 5.14), frozen and forking ones too."""
        if number == SIGKILL:
            try:
                files.write(self.directory + "/cgroup.kill", "1")
                return
            except Failed:
                pass  # no such file before Linux 5.14, or the cgroup is gone
        files.signal_all(self.directory, number)

    def pids(self) -> list[int]:
        return files.pids(self.directory)

    def exists(self) -> bool:
        return os.path.isdir(self.directory)

    def directories(self) -> list[str]:
        return [self.directory]

    def remove(self) -> None:
        """Remove the directory, killing what is still inside. Raises Failed after five seconds."""
        deadline = time.monotonic() + REMOVE_TIMEOUT
        while not files.rmdir(self.directory):
            if time.monotonic() > deadline:
                raise Failed(f"unable to remove cgroup {self.directory}: device or resource busy")
            self.kill()
            self._wait_event("populated 0", 0.05)

    def _wait_event(self, line: str, timeout: float) -> bool:
        """Wait until cgroup.events has `line`; False after the timeout, True when the cgroup is gone."""
        deadline = time.monotonic() + timeout
        try:
            fd = os.open(self.directory + "/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            poll = select.poll()
            poll.register(fd, select.POLLPRI)
            while True:
                # Reading re-arms kernfs' notification, so nothing between read and poll is missed.
                if line in os.pread(fd, 4096, 0).decode("ascii"):
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                poll.poll(left * 1000)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return True
            raise
        finally:
            os.close(fd)

    # Watching

    def watch_oom(self) -> tuple[int, int] | None:
        """A descriptor and its poll events: it fires when memory.events changes."""
        try:
            fd = os.open(self.directory + "/memory.events", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        self.acknowledge_oom(fd)
        return fd, select.POLLPRI

    def acknowledge_oom(self, fd: int) -> None:
        """Make a descriptor of watch_oom() quiet again."""
        try:
            os.pread(fd, 4096, 0)
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise

    def oom_count(self) -> int:
        """How many processes of this cgroup the OOM killer has killed."""
        return files.pairs(self.directory + "/memory.events").get("oom_kill", 0)

    def stat(self) -> dict[str, Any]:
        """Usage as plain data; see `stat.py` for its form."""
        from sampan.runtime.cgroups import stat

        return stat.v2(self.directory)


_THROTTLES = {
    "throttleReadBpsDevice": "rbps",
    "throttleWriteBpsDevice": "wbps",
    "throttleReadIOPSDevice": "riops",
    "throttleWriteIOPSDevice": "wiops",
}


def maximum(value: int) -> str:
    return "max" if value < 0 else str(value)


def weight_from_shares(shares: int) -> int:
    """[2, 262144] to [1, 10000]: the formula of the OCI runtimes and Kubernetes (KEP-2254)."""
    return 1 + ((max(2, min(shares, 262144)) - 2) * 9999) // 262142


def io_weight(weight: int) -> int:
    """[10, 1000] to [1, 10000], as runc's ConvertBlkIOToIOWeightValue."""
    return 1 + (weight - 10) * 9999 // 990


def cpu_max(quota: int | None, period: int | None) -> str:
    text = str(quota) if quota and quota > 0 else "max"
    return f"{text} {period}" if period else text


def swap_max(memsw: int | None, memory: int | None) -> str | None:
    """memory.swap.max from Docker's memory+swap limit; None leaves it alone. Raises Failed.

    v2 limits swap by itself, so memory is subtracted (runc's ConvertMemorySwapToCgroupV2Value).
    """
    if memsw in (None, 0):
        return "max" if memory == -1 else None
    assert memsw is not None
    if memsw < 0:
        return "max"
    if memory is None or memory <= 0:
        raise Failed("unable to set swap limit without memory limit")
    if memsw < memory:
        raise Failed("memory+swap limit should be >= memory limit")
    return str(memsw - memory)
