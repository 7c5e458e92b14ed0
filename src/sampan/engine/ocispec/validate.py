"""What of a HostConfig this machine cannot do: refused, or dropped with a warning, in Docker's words.

moby daemon_unix.go verifyPlatformContainerSettings and verifyPlatformContainerResources.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from sampan.engine.ocispec import build, cpuset, namespaces, security, shapes
from sampan.engine.ocispec import host as machine
from sampan.engine.ocispec.host import Host
from sampan.errors import Failed, Invalid, Unsupported

MIN_MEMORY = 6 << 20


def validate(
    host_config: MutableMapping[str, Any],
    config: Mapping[str, Any],
    host: Host | None = None,
    *,
    update: bool = False,
) -> list[str]:
    """Warnings for the client. Drops from `host_config` what the kernel lacks.

    Raises Invalid; Failed and Unsupported for what Docker, or this engine, has no way to do.
    """
    host = host or machine.detect()
    shapes.check_shapes(host_config)
    warnings = check_resources(host_config, host, update)
    if update:
        return warnings
    namespaces.check_modes(host_config)
    if (host_config.get("ShmSize") or 0) < 0:
        raise Invalid("SHM size can not be less than 0")
    score = host_config.get("OomScoreAdj") or 0
    if not -1000 <= score <= 1000:
        raise Invalid(f"Invalid value {score}, range for oom score adj is [-1000, 1000]")
    network = host_config.get("NetworkMode") or ""
    if not host.ipv4_forwarding() and network not in ("host", "none"):
        warnings.append("IPv4 forwarding is disabled. Networking will not work.")
    if network == "host" and host_config.get("PortBindings"):
        warnings.append("Published ports are discarded when using host network mode")
    _check_users(host_config)
    _check_storage(host_config.get("StorageOpt") or {})
    if host_config.get("Cgroup"):
        raise Unsupported(f"cannot use the cgroup {host_config['Cgroup']}: a container has its own")
    for path in host_config.get("Tmpfs") or {}:
        _check_tmpfs(path)
    if "" in (host_config.get("Annotations") or {}):
        raise Invalid("invalid Annotations: the empty string is not permitted as an annotation key")
    security.parse_options(host_config.get("SecurityOpt"))
    build.granted_capabilities(host_config, host)
    return warnings


def _check_users(host_config: Mapping[str, Any]) -> None:
    if host_config.get("UsernsMode") != "auto":
        return
    if host_config.get("Privileged"):
        raise Invalid(
            "privileged mode is incompatible with user namespaces.  "
            "You must run the container in the host namespace when running privileged mode"
        )
    if host_config.get("NetworkMode") == "host":
        raise Invalid("cannot share the host's network namespace when user namespaces are enabled")
    if host_config.get("PidMode") == "host":
        raise Invalid("cannot share the host PID namespace when user namespaces are enabled")


def _check_storage(options: Mapping[str, str]) -> None:
    """As dockerd's overlay2 on a disk without project quotas (moby overlay2.go, CreateReadWrite)."""
    for name in options:
        if name.lower() != "size":
            raise Failed(f"Unknown option {name.lower()}")
        raise Failed("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")


def _check_tmpfs(path: str) -> None:
    if not path.startswith("/"):
        raise Invalid(f"invalid mount path: '{path}' mount path must be absolute")
    if not path.strip("/"):
        raise Invalid("invalid specification: destination can't be '/'")


def check_resources(resources: MutableMapping[str, Any], host: Host, update: bool) -> list[str]:
    """Raises Invalid."""
    warnings: list[str] = []
    # Obsolete in the kernel since 5.4, gone from Docker's API since 1.42.
    if resources.pop("KernelMemory", None):
        warnings.append(_missing("kernel memory limit capabilities", "Limitation discarded."))
    if resources.get("KernelMemoryTCP") and not host.supports("KernelMemoryTCP"):
        warnings.append(_missing("kernel memory TCP limit capabilities", "Limitation discarded."))
        del resources["KernelMemoryTCP"]
    _check_memory(resources, host, update, warnings)
    _check_oom_and_pids(resources, host, warnings)
    _check_cpu(resources, host, warnings)
    _check_cpuset(resources, host, warnings)
    _check_block(resources, host, warnings)
    return warnings


def _missing(what: str, consequence: str) -> str:
    return f"Your kernel does not support {what} or the cgroup is not mounted. {consequence}"


def _check_memory(resources: MutableMapping[str, Any], host: Host, update: bool, warnings: list[str]) -> None:
    memory = resources.get("Memory") or 0
    if resources.get("MemorySwappiness") == -1:
        resources["MemorySwappiness"] = None
    if memory and memory < MIN_MEMORY:
        raise Invalid("Minimum memory limit allowed is 6MB")
    if memory > 0 and not host.supports("MemoryLimit"):
        warnings.append(_missing("memory limit capabilities", "Limitation discarded."))
        memory = resources["Memory"] = 0
        resources["MemorySwap"] = -1
    if memory > 0 and resources.get("MemorySwap") != -1 and not host.supports("SwapLimit"):
        warnings.append(_missing("swap limit capabilities", "Memory limited without swap."))
        resources["MemorySwap"] = -1
    swap = resources.get("MemorySwap") or 0
    if memory > 0 and 0 < swap < memory:
        raise Invalid("Minimum memoryswap limit should be larger than memory limit, see usage")
    if memory == 0 and swap > 0 and not update:
        raise Invalid("You should always set the Memory limit when using Memoryswap limit, see usage")
    swappiness = resources.get("MemorySwappiness")
    if swappiness is not None and not host.supports("MemorySwappiness"):
        warnings.append(_missing("memory swappiness capabilities", "Memory swappiness discarded."))
        swappiness = resources["MemorySwappiness"] = None
    if swappiness is not None and not 0 <= swappiness <= 100:
        raise Invalid(f"Invalid value: {swappiness}, valid memory swappiness range is 0-100")
    _check_reservation(resources, host, memory, warnings)


def _check_reservation(
    resources: MutableMapping[str, Any], host: Host, memory: int, warnings: list[str]
) -> None:
    reservation = resources.get("MemoryReservation") or 0
    if reservation > 0 and not host.supports("MemoryReservation"):
        warnings.append(_missing("memory soft limit capabilities", "Limitation discarded."))
        reservation = resources["MemoryReservation"] = 0
    if 0 < reservation < MIN_MEMORY:
        raise Invalid("Minimum memory reservation allowed is 6MB")
    if 0 < memory < reservation:
        raise Invalid("Minimum memory limit can not be less than memory reservation limit, see usage")


def _check_oom_and_pids(resources: MutableMapping[str, Any], host: Host, warnings: list[str]) -> None:
    disabled = resources.get("OomKillDisable")
    if disabled and not host.supports("OomKillDisable"):
        warnings.append("Your kernel does not support OomKillDisable. OomKillDisable discarded.")
        resources["OomKillDisable"] = disabled = None
    if disabled and not resources.get("Memory"):
        warnings.append(
            "OOM killer is disabled for the container, but no memory limit is set, "
            "this can result in the system running out of resources."
        )
    limit = resources.get("PidsLimit")
    if limit is not None and not host.supports("PidsLimit"):
        if limit > 0:
            warnings.append(_missing("PIDs limit capabilities", "PIDs limit discarded."))
        resources["PidsLimit"] = None


def _check_cpu(resources: MutableMapping[str, Any], host: Host, warnings: list[str]) -> None:
    nano, period = resources.get("NanoCpus") or 0, resources.get("CpuPeriod") or 0
    quota = resources.get("CpuQuota") or 0
    if nano > 0 and period > 0:
        raise Invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if nano > 0 and quota > 0:
        raise Invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    if nano > 0 and not host.supports("CPUCfs"):
        raise Invalid(
            "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler "
            "or the cgroup is not mounted"
        )
    if nano < 0 or nano > host.cpu_count * 1_000_000_000:
        raise Invalid(
            f"Range of CPUs is from 0.01 to {host.cpu_count}.00, "
            f"as there are only {host.cpu_count} CPUs available"
        )
    if (resources.get("CpuShares") or 0) > 0 and not host.supports("CPUShares"):
        warnings.append(_missing("CPU shares", "Shares discarded."))
        resources["CpuShares"] = 0
    if (period or quota) and not host.supports("CPUCfs"):
        warnings.append("Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.")
        period = quota = resources["CpuPeriod"] = resources["CpuQuota"] = 0
    if period and not 1000 <= period <= 1_000_000:
        raise Invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
    if 0 < quota < 1000:
        raise Invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)")
    realtime_period = resources.get("CpuRealtimePeriod") or 0
    realtime_runtime = resources.get("CpuRealtimeRuntime") or 0
    if (realtime_period or realtime_runtime) and not host.supports("CPURealtime"):
        raise Invalid("kernel does not support CPU real-time scheduler")
    if realtime_period and realtime_runtime > realtime_period:
        raise Invalid("cpu real-time runtime cannot be higher than cpu real-time period")
    if (resources.get("CpuPercent") or 0) > 0:
        warnings.append("linux does not support CPU percent. Percent discarded.")
        resources["CpuPercent"] = 0


def _check_cpuset(resources: MutableMapping[str, Any], host: Host, warnings: list[str]) -> None:
    cpus, mems = resources.get("CpusetCpus") or "", resources.get("CpusetMems") or ""
    if (cpus or mems) and not host.supports("Cpuset"):
        warnings.append(_missing("cpuset", "Cpuset discarded."))
        resources["CpusetCpus"] = resources["CpusetMems"] = ""
        return
    for value, available, name, what in (
        (cpus, host.cpus, "cpus", "CPUs"),
        (mems, host.mems, "mems", "memory nodes"),
    ):
        try:
            wanted = cpuset.parse(value)
        except ValueError as error:
            raise Invalid(f"Invalid value {value} for cpuset {name}: {error}") from None
        if not wanted <= cpuset.parse(available):
            raise Invalid(f"Requested {what} are not available - requested {value}, available: {available}")


_BLOCK = (
    ("BlkioWeightDevice", "BlkioWeightDevice", "Block I/O weight_device", "Weight-device discarded."),
    (
        "BlkioDeviceReadBps",
        "BlkioReadBpsDevice",
        "BPS Block I/O read limit",
        "Block I/O BPS read limit discarded.",
    ),
    (
        "BlkioDeviceWriteBps",
        "BlkioWriteBpsDevice",
        "BPS Block I/O write limit",
        "Block I/O BPS write limit discarded.",
    ),
    (
        "BlkioDeviceReadIOps",
        "BlkioReadIOpsDevice",
        "IOPS Block read limit",
        "Block I/O IOPS read limit discarded.",
    ),
    (
        "BlkioDeviceWriteIOps",
        "BlkioWriteIOpsDevice",
        "IOPS Block write limit",
        "Block I/O IOPS write limit discarded.",
    ),
)


def _check_block(resources: MutableMapping[str, Any], host: Host, warnings: list[str]) -> None:
    weight = resources.get("BlkioWeight") or 0
    if weight > 0 and not host.supports("BlkioWeight"):
        warnings.append(_missing("Block I/O weight", "Weight discarded."))
        weight = resources["BlkioWeight"] = 0
    if weight and not 10 <= weight <= 1000:
        raise Invalid("Range of blkio weight is from 10 to 1000")
    if resources.get("IOMaximumBandwidth"):
        raise Invalid("Invalid QoS settings: linux does not support configuration of maximum bandwidth")
    if resources.get("IOMaximumIOps"):
        raise Invalid("Invalid QoS settings: linux does not support configuration of maximum IOPs")
    for key, limit, what, consequence in _BLOCK:
        if resources.get(key) and not host.supports(limit):
            warnings.append(_missing(what, consequence))
            resources[key] = []
