"""A container's cgroups where each controller has its own hierarchy. Documentation/admin-guide/cgroup-v1/."""

from __future__ import annotations

import errno
import os
import select
import time

from sampan.errors import Failed
from sampan.linux.signals import SIGKILL
from sampan.runtime.cgroups import files
from sampan.runtime.cgroups.devices import v1_rules
from sampan.runtime.cgroups.layout import below_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.runtime.cgroups.layout import Layout

FREEZE_TIMEOUT = 10.0
REMOVE_TIMEOUT = 5.0


class V1:
    """`path` is the same below every hierarchy. A hybrid's unified tree is used only after clone_fd()."""

    def __init__(self, path: str, layout: Layout) -> None:
        self.path = below_root(path)
        self.layout = layout
        self._dirs = {controller: point + path for controller, point in layout.v1.items()}

    # Making and joining

    def create(self) -> None:
        for directory in self._hierarchies():
            files.make(directory)
        if "cpuset" in self._dirs:
            self._fill_cpuset(self._dirs["cpuset"])

    def _fill_cpuset(self, directory: str) -> None:
        """A v1 cpuset starts empty, and an empty one takes no process (ENOSPC). cgroup-v1/cpusets.rst"""
        if files.read(directory + "/cpuset.cpus").strip():
            return
        parent = os.path.dirname(directory)
        if parent != self.layout.v1["cpuset"]:
            self._fill_cpuset(parent)
            # Children made from now on start with the parent's CPUs and nodes: four calls fewer each.
            files.write(parent + "/cgroup.clone_children", "1")
        # CPUs last: another container that starts now takes a cpuset with CPUs for one that is filled.
        for name in ("cpuset.mems", "cpuset.cpus"):
            files.write(f"{directory}/{name}", files.read(f"{parent}/{name}").strip())

    def join_self(self, cloned: bool = False) -> None:
        """Move the calling, single-threaded process in.

        Writing 0 to `tasks` moves only the caller, which needs no cgroup_threadgroup_rwsem: 25 us instead of
        9 ms (kernel/cgroup/cgroup.c, cgroup_procs_write_start, since Linux 5.5).
        """
        for directory in self._hierarchies():
            files.write(directory + "/tasks", "0")

    def join(self, pid: int) -> None:
        """Move another process in. Slow, see join_self."""
        for directory in self._hierarchies():
            files.write(directory + "/cgroup.procs", str(pid))

    def clone_fd(self) -> int | None:
        """A directory for clone3(CLONE_INTO_CGROUP), so that cgroup.kill of the unified tree can be used."""
        directory = self._unified()
        if directory is None:
            return None
        files.make(directory)
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _hierarchies(self) -> list[str]:
        # Controllers mounted together (cpu,cpuacct) share one directory.
        return list(dict.fromkeys(self._dirs.values()))

    def directories(self) -> list[str]:
        unified = self._unified()
        return self._hierarchies() + ([] if unified is None else [unified])

    def _unified(self) -> str | None:
        return None if self.layout.unified is None else self.layout.unified + self.path

    # Limits

    def apply(self, resources: dict[str, Any]) -> None:
        """Set what `resources` (OCI linux.resources) names and leave the rest. Raises Failed."""
        if memory := resources.get("memory"):
            self._apply_memory(memory)
        if cpu := resources.get("cpu"):
            self._apply_cpu(cpu)
        if pids := resources.get("pids"):
            self._set("pids", "pids.max", _limit(pids.get("limit")))
        if block := resources.get("blockIO"):
            self._apply_block(block)
        for limit in resources.get("hugepageLimits") or ():
            self._set("hugetlb", f"hugetlb.{limit['pageSize']}.limit_in_bytes", limit["limit"])
        if rules := resources.get("devices"):
            self._apply_devices(rules)

    def _set(self, controller: str, name: str, value: Any) -> None:
        if value is None:
            return
        directory = self._dirs.get(controller)
        if directory is None:
            raise Failed(f"cannot set {name}: the {controller} controller is not mounted")
        files.write(f"{directory}/{name}", str(value))

    def _apply_memory(self, memory: dict[str, Any]) -> None:
        limit, swap = memory.get("limit"), memory.get("swap")
        if limit == -1 and swap is None and self._has("memory", "memory.memsw.limit_in_bytes"):
            swap = -1  # unlimited memory under a swap limit would be refused
        if limit is not None and swap is not None and self._swap_first(limit, swap):
            self._set("memory", "memory.memsw.limit_in_bytes", swap)
            self._set("memory", "memory.limit_in_bytes", limit)
        else:
            self._set("memory", "memory.limit_in_bytes", limit)
            if swap is not None and self._has("memory", "memory.memsw.limit_in_bytes"):
                self._set("memory", "memory.memsw.limit_in_bytes", swap)
        self._set("memory", "memory.soft_limit_in_bytes", memory.get("reservation"))
        # memory.kmem.limit_in_bytes is obsolete: EOPNOTSUPP since Linux 5.16.
        if memory.get("kernelTCP"):
            self._set("memory", "memory.kmem.tcp.limit_in_bytes", memory["kernelTCP"])
        if memory.get("disableOOMKiller"):
            self._set("memory", "memory.oom_control", 1)
        self._set("memory", "memory.swappiness", memory.get("swappiness"))

    def _has(self, controller: str, name: str) -> bool:
        return controller in self._dirs and os.path.exists(f"{self._dirs[controller]}/{name}")

    def _swap_first(self, limit: int, swap: int) -> bool:
        """Memory may never exceed memory+swap, so the order depends on the present memory+swap limit."""
        present = (
            files.number(self._dirs["memory"] + "/memory.memsw.limit_in_bytes")
            if "memory" in self._dirs
            else None
        )
        return present is not None and (swap == -1 or present < limit)

    def _apply_cpu(self, cpu: dict[str, Any]) -> None:
        if cpu.get("shares"):
            self._set("cpu", "cpu.shares", cpu["shares"])
        self._set("cpu", "cpu.idle", cpu.get("idle"))
        self._apply_bandwidth(cpu.get("period"), cpu.get("quota"))
        if cpu.get("burst") is not None:
            self._set("cpu", "cpu.cfs_burst_us", cpu["burst"])
        if cpu.get("realtimePeriod"):
            self._set("cpu", "cpu.rt_period_us", cpu["realtimePeriod"])
        if cpu.get("realtimeRuntime"):
            self._set("cpu", "cpu.rt_runtime_us", cpu["realtimeRuntime"])
        if cpu.get("cpus"):
            self._set("cpuset", "cpuset.cpus", cpu["cpus"])
        if cpu.get("mems"):
            self._set("cpuset", "cpuset.mems", cpu["mems"])

    def _apply_bandwidth(self, period: int | None, quota: int | None) -> None:
        if period:
            path = self._dirs.get("cpu", "") + "/cpu.cfs_period_us"
            # A shorter period may exceed the parent's bandwidth under the old quota (EINVAL).
            if "cpu" in self._dirs and not files.try_write(path, str(period), errno.EINVAL):
                if not quota:
                    raise Failed(f'failed to write "{period}": write {path}: invalid argument')
                self._set("cpu", "cpu.cfs_quota_us", quota)
                self._set("cpu", "cpu.cfs_period_us", period)
                return
        if quota:
            self._set("cpu", "cpu.cfs_quota_us", quota)

    def _apply_block(self, block: dict[str, Any]) -> None:
        if block.get("weight"):
            self._set("blkio", self._weight_file("weight"), block["weight"])
        for device in block.get("weightDevice") or ():
            line = f"{device['major']}:{device['minor']} {device['weight']}"
            self._set("blkio", self._weight_file("weight_device"), line)
        for key, name in _THROTTLES.items():
            for device in block.get(key) or ():
                self._set("blkio", name, f"{device['major']}:{device['minor']} {device['rate']}")

    def _weight_file(self, suffix: str) -> str:
        # CFQ's files went with CFQ in Linux 5.0; BFQ's exist only while BFQ is loaded.
        plain = f"blkio.{suffix}"
        return plain if self._has("blkio", plain) else f"blkio.bfq.{suffix}"

    def _apply_devices(self, rules: list[dict[str, Any]]) -> None:
        directory = self._dirs.get("devices")
        if directory is None:
            raise Failed("cannot restrict devices: the devices controller is not mounted")
        # A dozen rules are usual, and opening costs more than writing.
        opened: dict[bool, int] = {}
        try:
            for allow, line in v1_rules(rules):
                path = f"{directory}/devices.{'allow' if allow else 'deny'}"
                if allow not in opened:
                    opened[allow] = files.open_to_write(path)
                files.write_to(opened[allow], path, line)
        finally:
            for fd in opened.values():
                os.close(fd)

    # Freezing and killing

    def freeze(self) -> None:
        """Stop every process; returns once all are. Raises Failed after ten seconds."""
        directory = self._freezer()
        deadline = time.monotonic() + FREEZE_TIMEOUT
        pause = 0.0005
        while True:
            files.write(directory + "/freezer.state", "FROZEN")
            state = files.read(directory + "/freezer.state").strip()
            if state == "FROZEN":
                return
            if time.monotonic() > deadline:
                files.write(directory + "/freezer.state", "THAWED")
                raise Failed("unable to freeze: a process did not stop")
            time.sleep(pause)
            pause = min(pause * 2, 0.02)

    def thaw(self) -> None:
        files.write(self._freezer() + "/freezer.state", "THAWED")

    def frozen(self) -> bool:
        return files.read_or(self._freezer() + "/freezer.state").strip() == "FROZEN"

    def _freezer(self) -> str:
        if "freezer" not in self._dirs:
            raise Failed("cannot pause: the freezer controller is not mounted")
        return self._dirs["freezer"]

    def kill(self, number: int = SIGKILL) -> None:
        """Signal every process. For SIGKILL, frozen ones are thawed so that they can die."""
        unified = self._unified()
        if number == SIGKILL and unified is not None and os.path.isdir(unified):
            files.try_write(unified + "/cgroup.kill", "1", errno.ENOENT, errno.EOPNOTSUPP)
        files.signal_all(self._census(), number)
        if number == SIGKILL and "freezer" in self._dirs and os.path.isdir(self._dirs["freezer"]):
            self.thaw()

    def pids(self) -> list[int]:
        return files.pids(self._census())

    def _census(self) -> str:
        """The hierarchy that is asked who is in: one where processes cannot leave on their own."""
        for controller in ("pids", "freezer", "devices", "memory"):
            if controller in self._dirs:
                return self._dirs[controller]
        return next(iter(self._dirs.values()))

    def exists(self) -> bool:
        return os.path.isdir(self._census())

    def remove(self) -> None:
        """Remove every hierarchy's directory, killing what is inside. Raises Failed after five seconds."""
        deadline = time.monotonic() + REMOVE_TIMEOUT
        left = [directory for directory in self.directories() if os.path.isdir(directory)]
        pause = 0.0005
        while left := [directory for directory in left if not files.rmdir(directory)]:
            if time.monotonic() > deadline:
                raise Failed(f"unable to remove cgroup {left[0]}: device or resource busy")
            self.kill()
            time.sleep(pause)
            pause = min(pause * 2, 0.05)

    # Watching

    def watch_oom(self) -> tuple[int, int] | None:
        """A descriptor and its poll events: it fires when the OOM killer acts, and when the cgroup goes."""
        directory = self._dirs.get("memory")
        if directory is None:
            return None
        event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            control = os.open(directory + "/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
            try:
                files.write(directory + "/cgroup.event_control", f"{event} {control}")
            finally:
                os.close(control)
        except BaseException:
            os.close(event)
            raise
        return event, select.POLLIN

    def acknowledge_oom(self, fd: int) -> None:
        """Make a descriptor of watch_oom() quiet again."""
        try:
            os.eventfd_read(fd)
        except BlockingIOError:
            return

    def oom_count(self) -> int:
        """How many processes of this cgroup the OOM killer has killed (Linux 4.13)."""
        directory = self._dirs.get("memory")
        return 0 if directory is None else files.pairs(directory + "/memory.oom_control").get("oom_kill", 0)

    def stat(self) -> dict[str, Any]:
        """Usage as plain data; see `stat.py` for its form."""
        from sampan.runtime.cgroups import stat

        return stat.v1(self._dirs, self.pids_current())

    def pids_current(self) -> int | None:
        directory = self._dirs.get("pids")
        return len(self.pids()) if directory is None else files.number(directory + "/pids.current")


_THROTTLES = {
    "throttleReadBpsDevice": "blkio.throttle.read_bps_device",
    "throttleWriteBpsDevice": "blkio.throttle.write_bps_device",
    "throttleReadIOPSDevice": "blkio.throttle.read_iops_device",
    "throttleWriteIOPSDevice": "blkio.throttle.write_iops_device",
}


def _limit(value: int | None) -> str | None:
    if value is None or value == 0:
        return None
    return "max" if value < 0 else str(value)
