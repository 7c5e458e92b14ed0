"""What `docker info` and `docker version` say about this engine and its machine."""

import asyncio
import ctypes
import ipaddress
import os
import platform
import socket
import uuid
from typing import Any

from sampan import __version__
from sampan.db.sqlite import Store
from sampan.engine.daemon.config import DaemonConfig, split_host
from sampan.engine.engine import API_VERSION, MIN_API_VERSION, Engine
from sampan.engine.ocispec.host import Host, detect
from sampan.http.app import text
from sampan.http.tls import exposure_warning
from sampan.specs.golang import time as times
from sampan.specs.oci.platform import machine

# statfs(2): the names Docker gives to filesystems.
FILESYSTEMS = {
    0xEF53: "extfs",
    0x58465342: "xfs",
    0x9123683E: "btrfs",
    0x01021994: "tmpfs",
    0x794C7630: "overlayfs",
    0xF2F52010: "f2fs",
    0x2FC12FC1: "zfs",
    0x6969: "nfs",
    0x01021997: "9p",
}
LOCAL_REGISTRIES = ("::1/128", "127.0.0.0/8")
# Info's field -> the limit as engine/ocispec/host.py names it, and what Docker warns of when it is missing.
LIMITS = (
    ("MemoryLimit", "MemoryLimit", "No memory limit support"),
    ("SwapLimit", "SwapLimit", "No swap limit support"),
    ("KernelMemoryTCP", "KernelMemoryTCP", ""),
    ("CpuCfsPeriod", "CPUCfs", "No cpu cfs period support"),
    ("CpuCfsQuota", "CPUCfs", "No cpu cfs quota support"),
    ("CPUShares", "CPUShares", "No cpu shares support"),
    ("CPUSet", "Cpuset", "No cpuset support"),
    ("PidsLimit", "PidsLimit", ""),
    ("OomKillDisable", "OomKillDisable", ""),
)


class System:
    """Answers from what is, at each call; only what cannot change is kept."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._host = detect()
        self._id = engine_id(engine.store)

    def version(self) -> dict[str, Any]:
        uname = os.uname()
        common = {
            "ApiVersion": text(API_VERSION),
            "Arch": machine(uname.machine)[0],
            "BuildTime": "",
            "Experimental": str(self._engine.config.experimental).lower(),
            "GitCommit": "",
            "GoVersion": "",
            "KernelVersion": uname.release,
            "MinAPIVersion": text(MIN_API_VERSION),
            "Os": "linux",
        }
        details = {**common, "PythonVersion": platform.python_version()}
        answer: dict[str, Any] = {
            "Platform": {"Name": "Sampan"},
            "Components": [{"Name": "Engine", "Version": __version__, "Details": details}],
            "Version": __version__,
            **{name: value for name, value in common.items() if name != "Experimental"},
        }
        if self._engine.config.experimental:
            answer["Experimental"] = True
        return answer

    def info(self) -> dict[str, Any]:
        engine, config, host = self._engine, self._engine.config, self._host
        uname, release = os.uname(), os_release()
        return {
            "ID": self._id,
            **self._counts(),
            "Driver": "overlay2",
            "DriverStatus": driver_status(config.data_root, engine.images.store.layer_files.form),
            "Plugins": {
                "Volume": ["local"],
                "Network": ["bridge", "host", "null"],
                "Authorization": None,
                "Log": ["json-file", "local", "none"],
            },
            **{field: host.supports(limit) for field, limit, _ in LIMITS},
            "IPv4Forwarding": host.ipv4_forwarding(),
            "Debug": config.debug,
            "NFd": len(os.listdir("/proc/self/fd")),
            "NGoroutines": len(asyncio.all_tasks()),
            "SystemTime": times.now(),
            "LoggingDriver": config.log_driver,
            "CgroupDriver": "cgroupfs",
            "CgroupVersion": str(host.cgroup_version),
            "NEventsListener": engine.events.listeners,
            "KernelVersion": uname.release,
            "OperatingSystem": release.get("PRETTY_NAME", "Linux"),
            "OSVersion": release.get("VERSION_ID", ""),
            "OSType": "linux",
            "Architecture": uname.machine,
            "IndexServerAddress": "https://index.docker.io/v1/",
            "RegistryConfig": registry_config(config),
            "NCPU": host.cpu_count,
            "MemTotal": host.memory,
            "GenericResources": None,
            "DockerRootDir": config.data_root,
            "HttpProxy": config.http_proxy,
            "HttpsProxy": config.https_proxy,
            "NoProxy": config.no_proxy,
            "Name": socket.gethostname(),
            "Labels": list(config.labels),
            "ExperimentalBuild": config.experimental,
            "ServerVersion": __version__,
            "Runtimes": {"sampan": {"path": "sampan"}},
            "DefaultRuntime": config.default_runtime,
            "Swarm": {
                "NodeID": "",
                "NodeAddr": "",
                "LocalNodeState": "inactive",
                "ControlAvailable": False,
                "Error": "",
                "RemoteManagers": None,
            },
            "LiveRestoreEnabled": True,
            "Isolation": "",
            "InitBinary": "sampan",
            **{name: {"ID": ""} for name in ("ContainerdCommit", "RuncCommit", "InitCommit")},
            "SecurityOptions": security_options(config, host),
            **_address_pools(config),
            "FirewallBackend": {"Driver": "nftables"},
            "CDISpecDirs": [],
            "Warnings": [*(warnings(config, host) or []), *self._network_warnings()] or None,
        }

    def _network_warnings(self) -> list[str]:
        return [f"WARNING: {warning}" for warning in self._engine.networks.warnings()]

    def _counts(self) -> dict[str, int]:
        records = self._engine.containers.all()
        running = sum(record.state.running and not record.state.paused for record in records)
        paused = sum(record.state.running and record.state.paused for record in records)
        return {
            "Containers": len(records),
            "ContainersRunning": running,
            "ContainersPaused": paused,
            "ContainersStopped": len(records) - running - paused,
            "Images": len(self._engine.images.store.images),
        }


def engine_id(store: Store) -> str:
    """This installation's own; made once."""
    known = store.get("engine/id")
    if isinstance(known, str):
        return known
    made = str(uuid.uuid4())
    store.put("engine/id", made)
    return made


def os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def driver_status(data_root: str, layers: str) -> list[list[str]]:
    return [
        ["Backing Filesystem", FILESYSTEMS.get(filesystem_magic(data_root), "<unknown>")],
        ["Supports d_type", "true"],
        ["Using metacopy", "false"],
        ["Native Overlay Diff", "true"],
        ["userxattr", "false"],
        ["Layers", layers],
    ]


def filesystem_magic(path: str) -> int:
    """f_type of statfs(2), which os.statvfs leaves out; it is the structure's first word."""
    buffer = ctypes.create_string_buffer(256)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(os.fsencode(path), buffer) != 0:
        return 0
    return ctypes.c_ulong.from_buffer(buffer).value & 0xFFFFFFFF


def registry_config(config: DaemonConfig) -> dict[str, Any]:
    ranges, names = list(LOCAL_REGISTRIES), []
    for registry in config.insecure_registries:
        try:
            ranges.append(str(ipaddress.ip_network(registry)))
        except ValueError:
            names.append(registry.split("://")[-1].rstrip("/"))
    mirrors = list(config.registry_mirrors)
    index: dict[str, Any] = {
        name: {"Name": name, "Mirrors": [], "Secure": False, "Official": False} for name in names
    }
    index["docker.io"] = {"Name": "docker.io", "Mirrors": mirrors, "Secure": True, "Official": True}
    return {
        "AllowNondistributableArtifactsCIDRs": None,
        "AllowNondistributableArtifactsHostnames": None,
        "InsecureRegistryCIDRs": sorted(ranges),
        "IndexConfigs": index,
        "Mirrors": mirrors or None,
    }


def security_options(config: DaemonConfig, host: Host) -> list[str]:
    options = []
    if host.apparmor is not None:
        options.append("name=apparmor")
    if host.seccomp:
        options.append(f"name=seccomp,profile={config.seccomp_profile or 'builtin'}")
    private = config.default_cgroupns_mode or ("private" if host.cgroup_version == 2 else "host")
    if private == "private":
        options.append("name=cgroupns")
    if config.no_new_privileges:
        options.append("name=no-new-privileges")
    return options


def _address_pools(config: DaemonConfig) -> dict[str, Any]:
    if not config.default_address_pools:
        return {}
    return {"DefaultAddressPools": [{"Base": b, "Size": s} for b, s in config.default_address_pools]}


def warnings(config: DaemonConfig, host: Host) -> list[str] | None:
    """Docker's, in its order; None when all is well."""
    found = []
    for address in config.listen:
        protocol, name, port = split_host(address)
        if protocol == "tcp":
            where = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
            warning = exposure_warning(where, encrypted=config.use_tls, verified=config.tlsverify)
            if warning:
                found.append(warning)
    found += [f"WARNING: {warning}" for _, limit, warning in LIMITS if warning and not host.supports(limit)]
    if not host.ipv4_forwarding():
        found.append("WARNING: IPv4 forwarding is disabled")
    return found or None
