"""The daemon's documents as the Go types that Docker's client decodes them into, as far as templates show.

What matters: which objects are maps and which are structs, what a null stands for, which fields are left out
of the JSON when empty, and which Go fields are spelt differently from the JSON.
"""

from __future__ import annotations

from sampan.cli.gotemplate.values import NIL, NilList, NilMap, NilTexts, Struct, Texts
from sampan.specs.golang.duration import format_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TEXT_MAPS = frozenset(
    [
        "Annotations",
        "AuxAddress",
        "AuxiliaryAddresses",
        "Config",
        "Data",
        "DriverOpts",
        "Labels",
        "Options",
        "StorageOpt",
        "Sysctls",
        "Tmpfs",
    ]
)
_MAPS = frozenset(["Containers", "ExposedPorts", "Networks", "PortBindings", "Ports", "Runtimes", "Volumes"])
_POINTERS = frozenset(
    [
        "Details",
        "DeviceRequests",
        "EndpointIPAMConfig",
        "Healthcheck",
        "Health",
        "IPAMConfig",
        "Init",
        "OomKillDisable",
        "PidsLimit",
        "StopTimeout",
        "UsageData",
        "ContainerConfig",
        "MemorySwappiness",
        "ImageManifestDescriptor",
    ]
)
# JSON name -> Go name
_GO_NAMES = {
    "Id": "ID",
    "Dns": "DNS",
    "DnsOptions": "DNSOptions",
    "DnsSearch": "DNSSearch",
    "CpuShares": "CPUShares",
    "NanoCpus": "NanoCPUs",
    "CpuPeriod": "CPUPeriod",
    "CpuQuota": "CPUQuota",
    "CpuRealtimePeriod": "CPURealtimePeriod",
    "CpuRealtimeRuntime": "CPURealtimeRuntime",
    "CpuCount": "CPUCount",
    "CpuPercent": "CPUPercent",
}
_ABSENT: dict[str, dict[str, Any]] = {
    "State": {"Health": NIL},
    "Config": {
        "ExposedPorts": NilMap(),
        "Healthcheck": NIL,
        "ArgsEscaped": False,
        "NetworkDisabled": False,
        "MacAddress": "",
        "StopSignal": "",
        "StopTimeout": NIL,
        "Shell": NilList(),
        "Labels": NilTexts(),
    },
    "HostConfig": {
        "Annotations": NilTexts(),
        "Init": NIL,
        "KernelMemory": 0,
        "KernelMemoryTCP": 0,
        "Mounts": NilList(),
        "Runtime": "",
        "StorageOpt": NilTexts(),
        "Sysctls": NilTexts(),
        "Tmpfs": NilTexts(),
    },
    "Mounts": {"Name": "", "Driver": "", "Type": ""},
    "": {"SizeRw": NIL, "SizeRootFs": NIL, "ImageManifestDescriptor": NIL, "Status": {}, "UsageData": NIL},
}


def typed(value: Any, type_name: str = "types.Object", key: str = "", parent: str = "") -> Any:
    """`value` with its dicts and nulls replaced by what Go would hold."""
    if value is None:
        return _null(key)
    if isinstance(value, list):
        return [typed(item, type_name, key, parent) for item in value]
    if not isinstance(value, dict):
        return value
    if key in _TEXT_MAPS and not (key == "Config" and parent != "LogConfig"):
        return Texts(value)
    if key in _MAPS:
        return {name: typed(item, type_name) for name, item in value.items()}
    fields = {name: typed(item, type_name, name, key) for name, item in value.items()}
    renamed = {go: name for name, go in _GO_NAMES.items() if name in fields}
    return Struct(fields, type_name, _ABSENT.get(key), renamed, _shown(key, fields))


_MOUNT_POINT = ["Type", "Name", "Source", "Destination", "Driver", "Mode", "RW", "Propagation"]
_HEALTHCHECK = ["Interval", "Timeout", "StartPeriod", "StartInterval"]


def _shown(key: str, fields: dict[str, Any]) -> list[Any] | None:
    """All fields in Go's order, of the structs that people print and that leave some out of the JSON."""
    if key == "Mounts" and "Destination" in fields:
        return [fields.get(name, "") for name in _MOUNT_POINT]
    if key == "State" and "Health" not in fields:
        return [*fields.values(), NIL]
    if key == "Healthcheck":
        durations = [format_duration(fields.get(name, 0)) for name in _HEALTHCHECK]
        return [fields.get("Test", []), *durations, fields.get("Retries", 0)]
    return None


def _null(key: str) -> Any:
    if key in _POINTERS:
        return NIL
    if key in _TEXT_MAPS:
        return NilTexts()
    return NilMap() if key in _MAPS else NilList()
