"""--device, --device-cgroup-rule and --privileged: nodes to make, and rules for the device controller.

moby oci/devices_linux.go, daemon/oci_linux.go WithDevices.
"""

import re
from collections.abc import Mapping
from typing import Any

from sampan.engine.ocispec import defaults
from sampan.engine.ocispec.host import DeviceNode, Host
from sampan.errors import Failed, Unsupported
from sampan.specs.oci.runtime import Device, DeviceRule

_RULE = re.compile(r"([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})")


def devices(host_config: Mapping[str, Any], host: Host) -> tuple[list[Device], list[DeviceRule]]:
    """Raises Failed for a path that is no device, Unsupported for requests (GPUs) without a driver."""
    check_requests(host_config)
    mappings = host_config.get("Devices") or []
    if host_config.get("Privileged"):
        nodes = [_device(path, node) for path, node in host.device_tree("/dev")]
        known = {node["path"] for node in nodes}
        for mapping in mappings:
            if mapping.get("PathOnHost") != mapping.get("PathInContainer"):
                nodes += [node for node in _mapped(mapping, "rwm", host)[0] if node["path"] not in known]
        return nodes, [{"allow": True, "access": "rwm"}]
    nodes = []
    rules = defaults.device_rules()
    for mapping in mappings:
        found, allowed = _mapped(mapping, mapping.get("CgroupPermissions") or "rwm", host)
        nodes += found
        rules += allowed
    rules += [_rule(text) for text in host_config.get("DeviceCgroupRules") or ()]
    return nodes, rules


def check_requests(host_config: Mapping[str, Any]) -> None:
    for request in host_config.get("DeviceRequests") or ():
        driver = request.get("Driver") or ""
        groups = request.get("Capabilities") or []
        shown = " ".join(f"[{' '.join(str(name) for name in group)}]" for group in groups)
        raise Unsupported(f'could not select device driver "{driver}" with capabilities: [{shown}]')


def _mapped(
    mapping: Mapping[str, Any], permissions: str, host: Host
) -> tuple[list[Device], list[DeviceRule]]:
    """One --device: a node, or every node below a directory."""
    source = mapping.get("PathOnHost") or ""
    target = mapping.get("PathInContainer") or source
    real = host.real_path(source)
    try:
        node = None if host.is_directory(real) else host.device(real)
    except OSError as error:
        raise _cannot(source, (error.strerror or "").lower()) from None
    if node is not None:
        return [_device(target, node)], [_allowed(node, permissions)]
    found = [
        (target.rstrip("/") + path[len(real.rstrip("/")) :], node) for path, node in host.device_tree(real)
    ]
    if not found:
        raise _cannot(source, "not a device node")
    return (
        [_device(path, node) for path, node in found],
        [_allowed(node, permissions) for _, node in found],
    )


def _cannot(path: str, reason: str) -> Failed:
    return Failed(f'error gathering device information while adding custom device "{path}": {reason}')


def _device(path: str, node: DeviceNode) -> Device:
    return {
        "path": path,
        "type": node.type,
        "major": node.major,
        "minor": node.minor,
        "fileMode": node.mode,
        "uid": node.uid,
        "gid": node.gid,
    }


def _allowed(node: DeviceNode, permissions: str) -> DeviceRule:
    # Docker lets any text through to the runtime, where letters other than these mean nothing.
    access = "".join(letter for letter in "rwm" if letter in permissions)
    return {"allow": True, "type": node.type, "major": node.major, "minor": node.minor, "access": access}


def _rule(text: str) -> DeviceRule:
    match = _RULE.fullmatch(text)
    if match is None:
        raise Failed(f"invalid device cgroup rule format: '{text}'")
    kind, major, minor, access = match.groups()
    rule: DeviceRule = {"allow": True, "type": kind, "access": access}
    if major != "*":
        rule["major"] = int(major)
    if minor != "*":
        rule["minor"] = int(minor)
    return rule
