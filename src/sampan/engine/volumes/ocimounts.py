"""A container's mount points -> OCI mounts, at start.

A volume with options (`type`, `device`, `o`) is mounted inside the container, each container its own mount
of the device: nothing is ever mounted on the host. "subpath" is our extension to an OCI mount: a path within
"source" for whoever mounts it to resolve without leaving it.
"""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sampan.engine.volumes.mountpoints import merge_tmpfs
from sampan.errors import Failed, Invalid
from sampan.storage.volumes import check_subpath

OciMount = dict[str, Any]


def bind(point: dict[str, Any], source: str) -> OciMount:
    spec = point["Spec"]
    read_only = not point["RW"]
    options = ["bind" if spec.get("non_recursive") else "rbind", point["Propagation"] or "rprivate"]
    if spec.get("read_only_force_recursive"):
        if not read_only:
            raise Invalid("mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive")
        if spec.get("read_only_non_recursive"):
            raise Invalid(
                "mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive"
            )
        if not point["Propagation"].endswith("private"):
            raise Invalid(
                f"mount options conflict: BindOptions.ReadOnlyForceRecursive needs private or rprivate "
                f'propagation, not "{point["Propagation"]}"'
            )
    if read_only:
        plain = spec.get("non_recursive") or spec.get("read_only_non_recursive")
        options.append("ro" if plain else "rro")
    mount: OciMount = {
        "destination": point["Destination"],
        "type": "bind",
        "source": source,
        "options": options,
    }
    if spec.get("subpath"):
        mount["subpath"] = spec["subpath"]
    return mount


def make_source(path: str) -> None:
    """The host directory of a `-v` that names a missing one. Raises Failed."""
    if os.path.lexists(path):
        return
    try:
        os.makedirs(path, 0o755, exist_ok=True)
    except OSError as error:
        text = (error.strerror or "").lower()
        raise Failed(
            f"error while creating mount source path '{path}': mkdir {error.filename}: {text}"
        ) from None


def host_directory(point: dict[str, Any]) -> OciMount:
    if point["Spec"].get("create_source"):
        make_source(point["Source"])
    elif not os.path.lexists(point["Source"]):
        raise no_source(point)
    return bind(point, point["Source"])


def exists(path: str) -> bool:
    return os.path.lexists(path)


def no_source(point: Mapping[str, Any]) -> Invalid:
    where = point["Source"]
    return Invalid(f'invalid mount config for type "bind": bind source path does not exist: {where}')


def tmpfs(destination: str, options: list[str]) -> OciMount:
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": options}


def image(point: dict[str, Any], lower: list[str]) -> OciMount:
    """An image's content, read-only. "lower" is our extension: layers for runtime/rootfs.py to mount."""
    return {
        "destination": point["Destination"],
        "type": "overlay",
        "source": "overlay",
        "lower": lower,
        "options": ["ro"],
    }


async def local_volume(point: dict[str, Any], options: dict[str, str]) -> OciMount:
    """A volume, whether its own directory or what its options say. Raises Failed, Invalid."""
    subpath = point["Spec"].get("subpath")
    if not options.get("device"):
        if subpath:
            check_subpath(Path(point["Source"]), subpath)
        return bind(point, point["Source"])
    words = [word for word in options.get("o", "").split(",") if word]
    if "bind" in words or "rbind" in words:
        return _bound_device(point, options["device"], words)
    if subpath:
        raise Invalid(
            f"cannot use a subpath of volume {point['Name']}: it is a filesystem of type {options['type']}, "
            "mounted for each container"
        )
    if options["type"].startswith(("nfs", "cifs")):
        words = await asyncio.to_thread(_with_address, words)
    return {
        "destination": point["Destination"],
        "type": options["type"],
        "source": options["device"],
        "options": words + ([] if point["RW"] else ["ro"]),
    }


def _bound_device(point: dict[str, Any], device: str, words: list[str]) -> OciMount:
    if not os.path.lexists(device):
        raise Failed(
            f"error while mounting volume '{point['Source']}': failed to mount local volume: "
            f"mount {device}:{point['Source']}, flags: 0x1000: no such file or directory"
        )
    mount = bind(point, device)
    kept = [word for word in words if word not in ("bind", "rbind", "rw")]
    mount["options"] = ["rbind" if "rbind" in words else "bind", *kept, *mount["options"][1:]]
    return mount


def _with_address(words: list[str]) -> list[str]:
    """The kernel's network filesystems take addresses only: resolve addr=NAME, as mount.nfs(8) does."""
    resolved = []
    for word in words:
        name, eq, value = word.partition("=")
        if name == "addr" and eq and not _is_address(value):
            try:
                value = str(socket.getaddrinfo(value, None, type=socket.SOCK_STREAM)[0][4][0])
            except OSError as error:
                raise Failed(f"error resolving passed in network volume address: {value}: {error}") from None
        resolved.append(f"{name}={value}" if eq else word)
    return resolved


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def from_tmpfs_map(tmpfs_map: dict[str, str]) -> list[OciMount]:
    """HostConfig.Tmpfs: target -> "size=64m,exec"."""
    return [tmpfs(target, merge_tmpfs(options.split(","))) for target, options in tmpfs_map.items()]


def by_depth(mounts: Iterable[OciMount]) -> list[OciMount]:
    """Parents before what lies in them."""
    return sorted(mounts, key=lambda mount: mount["destination"].rstrip("/").count("/"))


def rootfs_propagation(points: Iterable[dict[str, Any]], mountinfo: str) -> str:
    """What the root's propagation must be for these binds. Raises Failed when the host's mount is private."""
    wanted = ""
    for point in points:
        kind = point["Propagation"].removeprefix("r") if point["Type"] == "bind" else ""
        if kind not in ("shared", "slave"):
            continue
        mounted_on, tags = _mount_of(os.path.realpath(point["Source"]), mountinfo)
        if kind == "shared":
            if not any(tag.startswith("shared:") for tag in tags):
                raise Failed(
                    f"path {point['Source']} is mounted on {mounted_on} but it is not a shared mount"
                )
            wanted = "shared"
        elif not any(tag.startswith(("shared:", "master:")) for tag in tags):
            raise Failed(
                f"path {point['Source']} is mounted on {mounted_on} but it is not a shared or slave mount"
            )
        wanted = wanted or "rslave"
    return wanted


def _mount_of(path: str, mountinfo: str) -> tuple[str, list[str]]:
    """(mount point, optional fields) of the mount that `path` lies on. proc_pid_mountinfo(5)"""
    best: tuple[str, list[str]] = ("", [])
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        target = fields[4].encode().decode("unicode_escape") if "\\" in fields[4] else fields[4]
        inside = path == target or path.startswith(target.rstrip("/") + "/")
        # Of several mounts on one directory the last is on top.
        if inside and len(target) >= len(best[0]):
            best = (target, fields[6 : fields.index("-")])
    return best
