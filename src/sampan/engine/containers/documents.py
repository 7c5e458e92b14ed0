"""The bodies of create and update as Docker stores them: every field present, of its type, in its order.

Docker decodes into Go structs, so a stored document always has all fields, with Go's zero values, and a wrong
type is refused with the decoder's words. Fields of unknown names are kept as they came.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sampan.specs.golang.json import mistyped


@dataclass(frozen=True)
class Field:
    """`go` is the Go type's name for messages; `zero` what is stored when absent, `omit`: nothing is."""

    kind: str
    go: str
    zero: Any = None
    omit: bool = False


STRING = Field("string", "string", "")
OPTIONAL_STRING = Field("string", "string", "", omit=True)
BOOL = Field("bool", "bool", False)
OPTIONAL_BOOL = Field("bool", "bool", None, omit=True)
INT = Field("int", "int64", 0)
NULLABLE_INT = Field("int", "int64", None)
OPTIONAL_INT = Field("int", "int64", None, omit=True)
STRINGS = Field("strings", "string", None)
COMMAND = Field("command", "string", None)
LABELS = Field("map", "string", None)
SET = Field("set", "struct {}", None)
OPTIONAL_SET = Field("set", "struct {}", None, omit=True)
OPTIONAL_MAP = Field("map", "string", None, omit=True)
OBJECTS = Field("objects", "struct", None)
OPTIONAL_OBJECTS = Field("objects", "struct", None, omit=True)
OBJECT = Field("object", "struct", None)
OPTIONAL_OBJECT = Field("object", "struct", None, omit=True)

CONFIG: dict[str, Field] = {
    "Hostname": STRING,
    "Domainname": STRING,
    "User": STRING,
    "AttachStdin": BOOL,
    "AttachStdout": BOOL,
    "AttachStderr": BOOL,
    "ExposedPorts": OPTIONAL_SET,
    "Tty": BOOL,
    "OpenStdin": BOOL,
    "StdinOnce": BOOL,
    "Env": STRINGS,
    "Cmd": COMMAND,
    "Healthcheck": OPTIONAL_OBJECT,
    "ArgsEscaped": OPTIONAL_BOOL,
    "Image": STRING,
    "Volumes": SET,
    "WorkingDir": STRING,
    "Entrypoint": COMMAND,
    "NetworkDisabled": OPTIONAL_BOOL,
    "MacAddress": OPTIONAL_STRING,
    "OnBuild": STRINGS,
    "Labels": LABELS,
    "StopSignal": OPTIONAL_STRING,
    "StopTimeout": OPTIONAL_INT,
    "Shell": Field("command", "string", None, omit=True),
}

RESOURCES: dict[str, Field] = {
    "CpuShares": INT,
    "Memory": INT,
    "NanoCpus": INT,
    "CgroupParent": STRING,
    "BlkioWeight": INT,
    "BlkioWeightDevice": OBJECTS,
    "BlkioDeviceReadBps": OBJECTS,
    "BlkioDeviceWriteBps": OBJECTS,
    "BlkioDeviceReadIOps": OBJECTS,
    "BlkioDeviceWriteIOps": OBJECTS,
    "CpuPeriod": INT,
    "CpuQuota": INT,
    "CpuRealtimePeriod": INT,
    "CpuRealtimeRuntime": INT,
    "CpusetCpus": STRING,
    "CpusetMems": STRING,
    "Devices": OBJECTS,
    "DeviceCgroupRules": STRINGS,
    "DeviceRequests": OBJECTS,
    "KernelMemory": OPTIONAL_INT,
    "KernelMemoryTCP": OPTIONAL_INT,
    "MemoryReservation": INT,
    "MemorySwap": INT,
    "MemorySwappiness": NULLABLE_INT,
    "OomKillDisable": Field("bool", "bool", None),
    "PidsLimit": NULLABLE_INT,
    "Ulimits": OBJECTS,
    "CpuCount": INT,
    "CpuPercent": INT,
    "IOMaximumIOps": INT,
    "IOMaximumBandwidth": INT,
}

HOST_CONFIG: dict[str, Field] = {
    "Binds": STRINGS,
    "ContainerIDFile": STRING,
    "LogConfig": OBJECT,
    "NetworkMode": STRING,
    "PortBindings": OBJECT,
    "RestartPolicy": OBJECT,
    "AutoRemove": BOOL,
    "VolumeDriver": STRING,
    "VolumesFrom": STRINGS,
    "ConsoleSize": Field("size", "uint", [0, 0]),
    "Annotations": OPTIONAL_MAP,
    "CapAdd": COMMAND,
    "CapDrop": COMMAND,
    "CgroupnsMode": STRING,
    "Dns": STRINGS,
    "DnsOptions": STRINGS,
    "DnsSearch": STRINGS,
    "ExtraHosts": STRINGS,
    "GroupAdd": STRINGS,
    "IpcMode": STRING,
    "Cgroup": STRING,
    "Links": STRINGS,
    "OomScoreAdj": INT,
    "PidMode": STRING,
    "Privileged": BOOL,
    "PublishAllPorts": BOOL,
    "ReadonlyRootfs": BOOL,
    "SecurityOpt": STRINGS,
    "StorageOpt": OPTIONAL_MAP,
    "Tmpfs": OPTIONAL_MAP,
    "UTSMode": STRING,
    "UsernsMode": STRING,
    "ShmSize": INT,
    "Sysctls": OPTIONAL_MAP,
    "Runtime": OPTIONAL_STRING,
    "Isolation": STRING,
    **RESOURCES,
    "Mounts": OPTIONAL_OBJECTS,
    "MaskedPaths": STRINGS,
    "ReadonlyPaths": STRINGS,
    "Init": OPTIONAL_BOOL,
}


def normalise(document: Mapping[str, Any], fields: Mapping[str, Field], path: str) -> dict[str, Any]:
    """A complete document in Docker's order. Raises Invalid for a value of the wrong type."""
    given = canonical(document, fields)
    result: dict[str, Any] = {}
    for name, field in fields.items():
        value = given.pop(name, None)
        if value is not None:
            value = convert(value, field, f"{path}.{name}")
        if value is None or (field.omit and value in ("", [], {}) and name != "Healthcheck"):
            if not field.omit:
                result[name] = deepcopy(field.zero)
            continue
        result[name] = value
    result.update(given)
    return result


def canonical(document: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """Go's decoder takes keys in any case; some clients rely on it."""
    if all(name in fields for name in document):
        return dict(document)
    lower = {name.lower(): name for name in fields}
    return {lower.get(name.lower(), name): value for name, value in document.items()}


def convert(value: Any, field: Field, path: str) -> Any:
    """As Docker stores it: a command in one string becomes a list, a map's nulls become "". Raises Invalid in
    Go's words, which name the field by `path`.
    """
    match field.kind:
        case "string" if isinstance(value, str):
            return value
        case "bool" if isinstance(value, bool):
            return value
        case "int" if is_int(value):
            return value
        case "size" if isinstance(value, list) and all(is_int(item) and item >= 0 for item in value):
            return [*value, 0, 0][:2]
        case "command" if isinstance(value, str):
            return [value]
        case "strings" | "command" if isinstance(value, list):
            return [expect(item, str, field, path) for item in value]
        case "map" if isinstance(value, dict):
            return {name: expect(item or "", str, field, path) for name, item in value.items()}
        case "set" if isinstance(value, dict):
            return {name: {} for name in value}
        case "object" if isinstance(value, dict):
            return value
        case "objects" if isinstance(value, list):
            return [expect(item, dict, field, path) for item in value]
    raise mistyped(value, field.go, path, what="invalid JSON")


def is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63


def expect(value: Any, kind: type, field: Field, path: str) -> Any:
    if not isinstance(value, kind):
        raise mistyped(value, field.go, path, what="invalid JSON")
    return value
