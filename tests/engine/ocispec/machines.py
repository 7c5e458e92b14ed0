"""A made-up machine, so that what a spec says does not depend on the one the tests run on."""

from typing import Any

from sampan.engine.ocispec.host import DeviceNode, Host
from sampan.linux import capabilities
from sampan.runtime.cgroups import Layout

V1 = Layout("/sys/fs/cgroup/unified", {name: f"/sys/fs/cgroup/{name}" for name in ("cpu", "memory", "pids")})
_LIMITS = """
MemoryLimit SwapLimit MemoryReservation OomKillDisable MemorySwappiness CPUShares CPUCfs Cpuset PidsLimit
BlkioReadBpsDevice BlkioWriteBpsDevice BlkioReadIOpsDevice BlkioWriteIOpsDevice
"""
V1_LIMITS = frozenset(_LIMITS.split())
NODES = {
    "/dev/null": DeviceNode("c", 1, 3, 0o666, 0, 0),
    "/dev/zero": DeviceNode("c", 1, 5, 0o666, 0, 0),
    "/dev/fuse": DeviceNode("c", 10, 229, 0o666, 0, 0),
    "/dev/vda": DeviceNode("b", 254, 0, 0o660, 0, 0),
    "/dev/net/tun": DeviceNode("c", 10, 200, 0o666, 0, 0),
}


def machine(**changes: Any) -> Host:
    known = tuple(name for name in capabilities.NAMES if name != "CAP_SYS_RESOURCE")
    plain: dict[str, Any] = {
        "layout": V1,
        "capabilities": known,
        "cpus": "0-1",
        "cpu_count": 2,
        "limits": V1_LIMITS,
        "nodes": NODES,
    }
    return Host(**{**plain, **changes})
