"""The mounts of a container, in the order they are made: defaults, then files of /etc, volumes, tmpfs.

moby daemon/oci_linux.go WithMounts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sampan.engine.ocispec import defaults
from sampan.specs.oci.runtime import Mount

# A read-only root file system leaves these writable.
_KEPT_WRITABLE = ("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")


def mounts(
    host_config: Mapping[str, Any],
    user_mounts: Iterable[Mount],
    etc: Mapping[str, str],
    shm_namespace: str | None,
    own_users: bool,
) -> list[Mount]:
    """`etc`: destination -> source of the files we write.

    `shm_namespace`: the mount namespace whose /dev/shm is shared (ipc mode "container:").
    """
    wanted = list(user_mounts)
    taken = {mount["destination"] for mount in wanted}
    wanted += _etc(etc, taken, bool(host_config.get("ReadonlyRootfs")))
    if own_users:
        wanted = [_shifted(mount) for mount in wanted]
    wanted += _shared_memory(host_config.get("IpcMode") or "", taken, shm_namespace)
    # Stable, so mounts of one depth keep their order; a parent always comes before what lies in it.
    wanted.sort(key=lambda mount: _depth(mount["destination"]))
    taken = {mount["destination"] for mount in wanted}
    base = [mount for mount in _base(host_config) if _is_free(mount["destination"], taken)]
    if host_config.get("ReadonlyRootfs"):
        for mount in base:
            if mount["destination"] not in _KEPT_WRITABLE and "ro" not in mount["options"]:
                mount["options"].append("ro")
    if host_config.get("Privileged"):
        _clear_read_only(base, "/sys")
    if host_config.get("Privileged") or own_users:
        _clear_read_only(base, "/sys/fs/cgroup")
    return base + wanted


def _depth(path: str) -> int:
    return len([part for part in path.split("/") if part])


def _is_free(destination: str, taken: set[str]) -> bool:
    return destination not in taken and not ("/dev" in taken and destination.startswith("/dev/"))


def _base(host_config: Mapping[str, Any]) -> list[Mount]:
    found = defaults.mounts()
    shm = found[-1]
    if host_config.get("IpcMode") == "none":
        return found[:-1]
    if size := host_config.get("ShmSize"):
        shm["options"].append(f"size={size}")
    return found


def _etc(etc: Mapping[str, str], taken: set[str], read_only: bool) -> list[Mount]:
    options = ["rbind", "rro", "rprivate"] if read_only else ["rbind", "rprivate"]
    return [
        {"destination": destination, "type": "bind", "source": source, "options": list(options)}
        for destination, source in etc.items()
        if destination not in taken
    ]


def _shifted(mount: Mount) -> Mount:
    """A bind whose files have in the user namespace the owners they have on disk; mount_setattr(2)."""
    options = mount.get("options") or []
    if mount.get("type") != "bind":
        return mount
    return {**mount, "options": [*options, "ridmap" if "rbind" in options else "idmap"]}


def _shared_memory(mode: str, taken: set[str], namespace: str | None) -> list[Mount]:
    if "/dev/shm" in taken or (mode != "host" and namespace is None):
        return []
    mount: Mount = {
        "destination": "/dev/shm",
        "type": "bind",
        "source": "/dev/shm",
        "options": ["rbind", "rprivate"],
    }
    if mode != "host" and namespace is not None:
        mount["namespace"] = namespace
    return [mount]


def _clear_read_only(found: list[Mount], destination: str) -> None:
    for mount in found:
        if mount["destination"] == destination:
            mount["options"] = [option for option in mount["options"] if option != "ro"]
