"""HostConfig's limits to OCI linux.resources, and what an update changes (moby update_linux.go)."""

from collections.abc import Mapping
from typing import Any

from sampan.engine.ocispec.host import Host, stat_failure
from sampan.errors import Conflict, Failed, Invalid
from sampan.specs.oci.runtime import BlockIO, Cpu, Memory, Resources, ThrottleDevice, WeightDevice

CPU_PERIOD = 100_000  # microseconds; the kernel's own default


def resources(host_config: Mapping[str, Any], host: Host) -> Resources:
    """Only what was asked for: what is absent stays as the kernel has it. Raises Failed."""
    result: Resources = {}
    if memory := _memory(host_config):
        result["memory"] = memory
    if cpu := _cpu(host_config):
        result["cpu"] = cpu
    limit = host_config.get("PidsLimit")
    if limit is not None and limit > 0:
        result["pids"] = {"limit": limit}
    if block := _block(host_config, host):
        result["blockIO"] = block
    return result


def _memory(host_config: Mapping[str, Any]) -> Memory:
    memory: Memory = {}
    if (limit := host_config.get("Memory") or 0) > 0:
        memory["limit"] = limit
    if (reservation := host_config.get("MemoryReservation") or 0) > 0:
        memory["reservation"] = reservation
    swap = host_config.get("MemorySwap") or 0
    # -1 is the kernel's own state as long as memory is limited by nobody.
    if swap > 0 or (swap == -1 and limit > 0):
        memory["swap"] = swap
    swappiness = host_config.get("MemorySwappiness")
    if swappiness is not None and swappiness >= 0:
        memory["swappiness"] = swappiness
    if host_config.get("OomKillDisable"):
        memory["disableOOMKiller"] = True
    if host_config.get("KernelMemoryTCP"):
        memory["kernelTCP"] = host_config["KernelMemoryTCP"]
    return memory


def _cpu(host_config: Mapping[str, Any]) -> Cpu:
    cpu: Cpu = {}
    shares = host_config.get("CpuShares") or 0
    if shares < 0:
        raise Failed("shares: invalid argument")
    if shares:
        cpu["shares"] = shares
    if (nano := host_config.get("NanoCpus") or 0) > 0:
        cpu["period"] = CPU_PERIOD
        cpu["quota"] = nano * CPU_PERIOD // 1_000_000_000
    if period := host_config.get("CpuPeriod"):
        cpu["period"] = period
    if quota := host_config.get("CpuQuota"):
        cpu["quota"] = quota
    if period := host_config.get("CpuRealtimePeriod"):
        cpu["realtimePeriod"] = period
    if runtime := host_config.get("CpuRealtimeRuntime"):
        cpu["realtimeRuntime"] = runtime
    if cpus := host_config.get("CpusetCpus"):
        cpu["cpus"] = cpus
    if mems := host_config.get("CpusetMems"):
        cpu["mems"] = mems
    return cpu


def _block(host_config: Mapping[str, Any], host: Host) -> BlockIO:
    block: BlockIO = {}
    if weight := host_config.get("BlkioWeight"):
        block["weight"] = weight
    weights: list[WeightDevice] = []
    for entry in host_config.get("BlkioWeightDevice") or ():
        major, minor = _number(entry, host)
        weights.append({"major": major, "minor": minor, "weight": _integer(entry, "Weight")})
    if weights:
        block["weightDevice"] = weights
    if found := _throttles(host_config.get("BlkioDeviceReadBps"), host):
        block["throttleReadBpsDevice"] = found
    if found := _throttles(host_config.get("BlkioDeviceWriteBps"), host):
        block["throttleWriteBpsDevice"] = found
    if found := _throttles(host_config.get("BlkioDeviceReadIOps"), host):
        block["throttleReadIOPSDevice"] = found
    if found := _throttles(host_config.get("BlkioDeviceWriteIOps"), host):
        block["throttleWriteIOPSDevice"] = found
    return block


def _throttles(entries: list[dict[str, Any]] | None, host: Host) -> list[ThrottleDevice]:
    found: list[ThrottleDevice] = []
    for entry in entries or ():
        major, minor = _number(entry, host)
        found.append({"major": major, "minor": minor, "rate": _integer(entry, "Rate")})
    return found


def _number(entry: Mapping[str, Any], host: Host) -> tuple[int, int]:
    path = entry.get("Path") or ""
    if not isinstance(path, str) or "\0" in path:
        raise Invalid("invalid device path")
    try:
        node = host.device(path)
    except OSError as error:
        raise stat_failure(path, error) from None
    return (0, 0) if node is None else (node.major, node.minor)


def _integer(entry: Mapping[str, Any], name: str) -> int:
    value = entry.get(name) or 0
    if not isinstance(value, int) or value < 0:
        raise Invalid(f"invalid {name.lower()}: {value}")
    return value


# Updates

_COPIED = (
    "BlkioWeight", "CpuShares", "NanoCpus", "CpuPeriod", "CpuQuota", "CpusetCpus", "CpusetMems", "MemorySwap",
    "MemoryReservation", "CpuRealtimePeriod", "CpuRealtimeRuntime",
)  # fmt: skip


def updated(present: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The container's new HostConfig after POST /containers/<id>/update; zero means "leave". Raises Conflict.

    A conflict is between what is asked now and what was set before.
    """
    if conflict := _conflict(present, change):
        raise Conflict(conflict)
    result = dict(present)
    for name in ("Memory", *_COPIED):
        if change.get(name):
            result[name] = change[name]
    if change.get("PidsLimit") is not None:
        result["PidsLimit"] = max(change["PidsLimit"], 0)
    policy = change.get("RestartPolicy") or {}
    if policy.get("Name"):
        result["RestartPolicy"] = {**policy, "MaximumRetryCount": policy.get("MaximumRetryCount") or 0}
    return result


_CONFLICTS = (
    ("NanoCpus", "CpuPeriod", "Nano CPUs cannot be updated as CPU Period has already been set"),
    ("NanoCpus", "CpuQuota", "Nano CPUs cannot be updated as CPU Quota has already been set"),
    ("CpuPeriod", "NanoCpus", "CPU Period cannot be updated as NanoCPUs has already been set"),
    ("CpuQuota", "NanoCpus", "CPU Quota cannot be updated as NanoCPUs has already been set"),
)


def _conflict(present: Mapping[str, Any], change: Mapping[str, Any]) -> str:
    for asked, before, what in _CONFLICTS:
        if (change.get(asked) or 0) > 0 and (present.get(before) or 0) > 0:
            return f"Conflicting options: {what}"
    # Docker compares with an unset (0) and an unlimited (-1) swap as well.
    memory = change.get("Memory") or 0
    if memory and not change.get("MemorySwap") and memory > (present.get("MemorySwap") or 0):
        return (
            "Memory limit should be smaller than already set memoryswap limit, "
            "update the memoryswap at the same time"
        )
    policy = (change.get("RestartPolicy") or {}).get("Name")
    if policy and policy != "no" and present.get("AutoRemove"):
        return "Restart policy cannot be updated because AutoRemove is enabled for the container"
    return ""


def update_resources(result: Mapping[str, Any], change: Mapping[str, Any], host: Host) -> Resources:
    """What to write into a running container's cgroup for `change`; `result` is what updated() returned."""
    wanted = {name: change[name] for name in _COPIED if change.get(name)}
    if change.get("Memory"):
        wanted["Memory"] = result["Memory"]
        wanted["MemorySwap"] = result.get("MemorySwap") or 0
    if wanted.get("MemorySwap") and result.get("Memory"):
        # v2's swap limit is computed from both.
        wanted["Memory"] = result["Memory"]
    if ("CpuQuota" in wanted or "CpuPeriod" in wanted) and not wanted.get("NanoCpus"):
        # v2 holds both in one file.
        wanted["CpuPeriod"] = result.get("CpuPeriod") or 0
        wanted["CpuQuota"] = result.get("CpuQuota") or 0
    found = resources(wanted, host)
    limit = change.get("PidsLimit")
    if limit is not None:
        found["pids"] = {"limit": limit if limit > 0 else -1}
    return found
