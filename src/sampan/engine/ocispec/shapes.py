"""Lists of objects in a HostConfig: members of the types in Docker's Go structs, or refused in Go's words."""

from collections.abc import Mapping
from typing import Any

from sampan.specs.golang.json import mistyped

_PATH_AND_RATE = ("ThrottleDevice", {"Path": "string", "Rate": "uint64"})
_SHAPES: dict[str, tuple[str, dict[str, str]]] = {
    "Ulimits": ("Ulimit", {"Name": "string", "Soft": "int64", "Hard": "int64"}),
    "Devices": (
        "DeviceMapping",
        {"PathOnHost": "string", "PathInContainer": "string", "CgroupPermissions": "string"},
    ),
    "BlkioWeightDevice": ("WeightDevice", {"Path": "string", "Weight": "uint16"}),
    "BlkioDeviceReadBps": _PATH_AND_RATE,
    "BlkioDeviceWriteBps": _PATH_AND_RATE,
    "BlkioDeviceReadIOps": _PATH_AND_RATE,
    "BlkioDeviceWriteIOps": _PATH_AND_RATE,
    "DeviceRequests": (
        "DeviceRequest",
        {
            "Driver": "string",
            "Count": "int",
            "DeviceIDs": "[]string",
            "Capabilities": "[][]string",
            "Options": "map[string]string",
        },
    ),
}
_RANGES = {
    "int": (-(1 << 63), (1 << 63) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint16": (0, (1 << 16) - 1),
    "uint64": (0, (1 << 64) - 1),
}


def check_shapes(host_config: Mapping[str, Any]) -> None:
    """Raises Invalid."""
    weight = host_config.get("BlkioWeight")
    if weight is not None and not _fits(weight, "uint16"):
        raise mistyped(weight, "uint16", "HostConfig.HostConfig.Resources.BlkioWeight", what="invalid JSON")
    for name, (struct, members) in _SHAPES.items():
        for entry in host_config.get(name) or ():
            for member, kind in members.items():
                value = entry.get(member)
                if value is not None and not _fits(value, kind):
                    raise mistyped(
                        value, kind, f"{struct}.HostConfig.Resources.{name}.{member}", what="invalid JSON"
                    )


def _fits(value: Any, kind: str) -> bool:
    if kind in _RANGES:
        low, high = _RANGES[kind]
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if kind == "string":
        return isinstance(value, str) and "\0" not in value
    if kind.startswith("[]"):
        return isinstance(value, list) and all(_fits(item, kind[2:]) for item in value)
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
