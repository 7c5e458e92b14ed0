"""What this machine offers, looked up once: the only part of engine/ocispec that reads the system."""

import functools
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sampan.errors import Failed
from sampan.linux import capabilities, sysctl
from sampan.runtime import cgroups


@dataclass(frozen=True)
class DeviceNode:
    type: str  # "b" or "c"; "p" for a FIFO
    major: int
    minor: int
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True)
class Host:
    """The machine as the spec sees it. `devices` is None on a real one; tests give nodes by path."""

    layout: cgroups.Layout = field(default_factory=cgroups.detect)
    capabilities: tuple[str, ...] = capabilities.NAMES
    cpus: str = "0"  # the cpuset all may use, and so for mems
    mems: str = "0"
    cpu_count: int = 1
    memory: int = 0
    machine: str = "x86_64"
    kernel: str = "6.0"
    limits: frozenset[str] = frozenset()  # Docker's sysinfo names, such as "MemoryLimit"
    apparmor: frozenset[str] | None = None  # loaded profiles; None: no AppArmor
    seccomp: bool = True
    # Asked each time: the engine itself enables it after its start, and anybody may disable it.
    ipv4_forwarding: Callable[[], bool] = lambda: True
    nodes: dict[str, DeviceNode] | None = None

    def supports(self, limit: str) -> bool:
        return limit in self.limits

    @property
    def cgroup_version(self) -> int:
        return self.layout.version

    def device(self, path: str) -> DeviceNode | None:
        """The device node at `path`; None when something else is there. Raises OSError when nothing is."""
        if self.nodes is not None:
            if path not in self.nodes:
                raise FileNotFoundError(2, "No such file or directory", path)
            return self.nodes[path]
        return _node(os.stat(path))

    def device_tree(self, path: str) -> list[tuple[str, DeviceNode]]:
        """Every device node below a directory, links and terminals' own filesystems left out."""
        if self.nodes is not None:
            return [(name, node) for name, node in self.nodes.items() if name.startswith(path + "/")]
        return list(_walk(path))

    def is_directory(self, path: str) -> bool:
        if self.nodes is not None:
            return any(name.startswith(path + "/") for name in self.nodes)
        return os.path.isdir(path)

    def real_path(self, path: str) -> str:
        return path if self.nodes is not None else os.path.realpath(path)

    def sysctl_exists(self, name: str) -> bool:
        return self.nodes is not None or os.path.exists("/proc/sys/" + name.replace(".", "/"))


# containerd oci/utils_unix.go: entries of /dev that are not the host's to give
_SKIPPED = ("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev")


def _walk(path: str) -> list[tuple[str, DeviceNode]]:
    found: list[tuple[str, DeviceNode]] = []
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError:
        return found
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _SKIPPED:
                found += _walk(entry.path)
        elif entry.name != "console":
            try:
                node = _node(entry.stat(follow_symlinks=False))
            except FileNotFoundError:
                continue
            if node is not None:
                found.append((entry.path, node))
    return found


def _node(status: os.stat_result) -> DeviceNode | None:
    kinds = {stat.S_IFBLK: "b", stat.S_IFCHR: "c", stat.S_IFIFO: "p"}
    kind = kinds.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return None
    device = status.st_rdev
    mode = stat.S_IMODE(status.st_mode)
    return DeviceNode(kind, os.major(device), os.minor(device), mode, status.st_uid, status.st_gid)


@functools.cache
def detect() -> Host:
    """The real machine; what is kept of it does not change while the daemon runs."""
    layout = cgroups.detect()
    uname = os.uname()
    cpus, mems = _cpuset(layout)
    return Host(
        layout=layout,
        capabilities=tuple(capabilities.names(capabilities.bounding())),
        cpus=cpus,
        mems=mems,
        cpu_count=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        machine=uname.machine,
        kernel=uname.release,
        limits=_v2_limits(layout) if layout.kind == "v2" else _v1_limits(layout),
        apparmor=_apparmor(),
        seccomp=os.path.exists("/proc/sys/kernel/seccomp/actions_avail"),
        ipv4_forwarding=ipv4_forwarding,
    )


def ipv4_forwarding() -> bool:
    return sysctl.read("ipv4", "ip_forward") == "1"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def _cpuset(layout: cgroups.Layout) -> tuple[str, str]:
    if layout.kind == "v2":
        root = layout.unified or ""
        cpus, mems = _read(root + "/cpuset.cpus.effective"), _read(root + "/cpuset.mems.effective")
    else:
        root = layout.v1.get("cpuset", "/nonexistent")
        cpus, mems = _read(root + "/cpuset.cpus"), _read(root + "/cpuset.mems")
    return (
        cpus or _read("/sys/devices/system/cpu/online") or "0",
        mems or _read("/sys/devices/system/node/online") or "0",
    )


_V1_LIMITS = {
    "MemoryLimit": ("memory", "memory.limit_in_bytes"),
    "SwapLimit": ("memory", "memory.memsw.limit_in_bytes"),
    "MemoryReservation": ("memory", "memory.soft_limit_in_bytes"),
    "OomKillDisable": ("memory", "memory.oom_control"),
    "MemorySwappiness": ("memory", "memory.swappiness"),
    "KernelMemoryTCP": ("memory", "memory.kmem.tcp.limit_in_bytes"),
    "CPUShares": ("cpu", "cpu.shares"),
    "CPUCfs": ("cpu", "cpu.cfs_quota_us"),
    "CPURealtime": ("cpu", "cpu.rt_period_us"),
    "BlkioWeight": ("blkio", "blkio.weight"),
    "BlkioWeightDevice": ("blkio", "blkio.weight_device"),
    "BlkioReadBpsDevice": ("blkio", "blkio.throttle.read_bps_device"),
    "BlkioWriteBpsDevice": ("blkio", "blkio.throttle.write_bps_device"),
    "BlkioReadIOpsDevice": ("blkio", "blkio.throttle.read_iops_device"),
    "BlkioWriteIOpsDevice": ("blkio", "blkio.throttle.write_iops_device"),
    "Cpuset": ("cpuset", ""),
    "PidsLimit": ("pids", ""),
    "CgroupDevicesEnabled": ("devices", ""),
}
# On v2 a limit is there when its controller is. Swappiness, OOM disabling and realtime have no v2 form.
_V2_LIMITS = {
    "memory": ("MemoryLimit", "SwapLimit", "MemoryReservation"),
    "cpu": ("CPUShares", "CPUCfs"),
    "io": (
        "BlkioWeight", "BlkioWeightDevice", "BlkioReadBpsDevice", "BlkioWriteBpsDevice",
        "BlkioReadIOpsDevice", "BlkioWriteIOpsDevice",
    ),
    "cpuset": ("Cpuset",),
    "pids": ("PidsLimit",),
}  # fmt: skip


def _v1_limits(layout: cgroups.Layout) -> frozenset[str]:
    found = set()
    for limit, (controller, name) in _V1_LIMITS.items():
        point = layout.v1.get(controller)
        if point is not None and os.path.exists(f"{point}/{name}"):
            found.add(limit)
    if os.path.exists("/proc/self/ns/cgroup"):
        found.add("CgroupNamespaces")
    return frozenset(found)


def _v2_limits(layout: cgroups.Layout) -> frozenset[str]:
    controllers = _read((layout.unified or "") + "/cgroup.controllers").split()
    found = {limit for controller in controllers for limit in _V2_LIMITS.get(controller, ())}
    if not os.path.exists("/proc/swaps"):
        found.discard("SwapLimit")
    return frozenset(found | {"CgroupNamespaces", "CgroupDevicesEnabled"})


def _apparmor() -> frozenset[str] | None:
    if _read("/sys/module/apparmor/parameters/enabled") != "Y":
        return None
    profiles = _read("/sys/kernel/security/apparmor/profiles")
    return frozenset(line.rpartition(" (")[0] for line in profiles.splitlines())


def stat_failure(path: str, error: OSError) -> Failed:
    return Failed(f"stat {path}: {(error.strerror or '').lower()}")
