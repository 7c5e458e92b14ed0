"""A cgroup tree of ordinary files, for what is pure: which file gets which value."""

from pathlib import Path

V1_FILES = {
    "cpu": (
        "cpu.shares",
        "cpu.cfs_period_us",
        "cpu.cfs_quota_us",
        "cpu.rt_period_us",
        "cpu.rt_runtime_us",
        "cpu.stat",
    ),
    "cpuacct": ("cpuacct.usage", "cpuacct.stat", "cpuacct.usage_percpu"),
    "cpuset": ("cpuset.cpus", "cpuset.mems", "cgroup.clone_children"),
    "memory": (
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.soft_limit_in_bytes",
        "memory.oom_control",
        "memory.swappiness",
        "memory.usage_in_bytes",
        "memory.max_usage_in_bytes",
        "memory.failcnt",
        "memory.stat",
    ),
    "pids": ("pids.max", "pids.current"),
    "blkio": (
        "blkio.weight",
        "blkio.throttle.read_bps_device",
        "blkio.throttle.write_iops_device",
        "blkio.throttle.io_service_bytes_recursive",
    ),
    "devices": ("devices.allow", "devices.deny"),
    "freezer": ("freezer.state",),
}
_V2 = """
cgroup.controllers cgroup.subtree_control cgroup.events cgroup.kill cgroup.freeze cpu.weight cpu.max cpu.stat
cpuset.cpus cpuset.mems memory.max memory.swap.max memory.low memory.current memory.stat memory.events
memory.peak pids.max pids.current io.max io.weight io.stat
"""
V2_FILES = tuple(_V2.split())


def fill(directory: Path, names: tuple[str, ...]) -> None:
    directory.mkdir(parents=True)
    for name in (*names, "cgroup.procs", "tasks"):
        (directory / name).write_text("")


def v1_tree(root: Path, path: str) -> dict[str, str]:
    """Mount points by controller, `path` below each filled with files."""
    for controller, names in V1_FILES.items():
        fill(root / controller / path.strip("/"), names)
    return {controller: str(root / controller) for controller in V1_FILES}
