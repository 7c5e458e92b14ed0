"""Which namespaces a container gets of its own, joins, or shares with the host."""

from collections.abc import Mapping
from typing import Any

from sampan.errors import Invalid
from sampan.specs.oci.runtime import Namespace, NamespaceType


def is_container(mode: str) -> bool:
    return mode.startswith("container:") and len(mode) > len("container:")


def is_private_network(mode: str) -> bool:
    """Neither the host's nor another container's: its sysctls are the container's own."""
    return mode != "host" and not mode.startswith("container:")


def check_modes(host_config: Mapping[str, Any]) -> None:
    """Raises Invalid, worded as moby's verifyPlatformContainerSettings."""
    ipc, pid = host_config.get("IpcMode") or "", host_config.get("PidMode") or ""
    if ipc not in ("", "none", "private", "shareable", "host") and not is_container(ipc):
        raise Invalid(f"invalid IPC mode: {ipc}")
    if pid not in ("", "private", "host") and not is_container(pid):
        raise Invalid(f"invalid PID mode: {pid}")
    uts, cgroup = host_config.get("UTSMode") or "", host_config.get("CgroupnsMode") or ""
    if uts not in ("", "private", "host"):
        raise Invalid(f"invalid UTS mode: {uts}")
    if cgroup not in ("", "private", "host"):
        raise Invalid(f"invalid cgroup namespace mode: {cgroup}")
    users = host_config.get("UsernsMode") or ""
    if users not in ("", "host", "private", "auto") and not is_container(users):
        raise Invalid(f"invalid user namespace mode: {users}")


def namespaces(host_config: Mapping[str, Any], joined: Mapping[str, str], own_users: bool) -> list[Namespace]:
    """`joined`: paths of other containers' namespaces, by OCI type, for the modes that say "container:".

    Raises Invalid when a mode names a container whose namespace was not given.
    """
    found: list[Namespace] = [{"type": "mount"}]
    modes: list[tuple[NamespaceType, str]] = [
        ("network", host_config.get("NetworkMode") or ""),
        ("uts", host_config.get("UTSMode") or ""),
        ("pid", host_config.get("PidMode") or ""),
        ("ipc", host_config.get("IpcMode") or ""),
    ]
    for kind, mode in modes:
        if mode == "host":
            continue
        entry: Namespace = {"type": kind}
        if is_container(mode):
            if kind not in joined:
                raise Invalid(f"cannot join the {kind} namespace of {mode}: it is not running")
            entry["path"] = joined[kind]
        found.append(entry)
    if host_config.get("CgroupnsMode") == "private":
        found.append({"type": "cgroup"})
    if "user" in joined:
        found.append({"type": "user", "path": joined["user"]})
    elif own_users:
        found.append({"type": "user"})
    return found
