"""Attaching a container's mounts below its root. OCI runtime-spec config.md "Mounts"; runc's rootfs_linux.go.

Runs in the container's namespaces: /proc belongs to its pid namespace, /sys to its network namespace,
mqueue to its ipc namespace. Targets are looked up inside the root only (inroot.py), and mounts attached by
descriptor.
"""

from __future__ import annotations

import errno
import os
import stat

from sampan.linux import filesystems
from sampan.linux import mount as m
from sampan.runtime import devices, procmounts
from sampan.runtime.copytree import copy_tree
from sampan.runtime.failures import StartFailure, during_init, reason
from sampan.runtime.inroot import open_or_create, open_path
from sampan.runtime.mountoptions import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from sampan.runtime.cgroups import Cgroup

_CGROUP_ATTRIBUTES = m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NODEV | m.MOUNT_ATTR_NOEXEC


def attach_all(
    root: int,
    mounts: Sequence[dict[str, Any]],
    binds: dict[int, int],
    cgroup: Cgroup | None,
    own_cgroup: bool,
    select: Callable[[dict[str, Any]], bool] | None = None,
) -> None:
    """Attach every mount of the spec, or those that `select` takes, in order.

    `own_cgroup`: a cgroup namespace hides what is above.
    """
    proc = procmounts.place(root)
    for index, mount in enumerate(mounts):
        if select is not None and not select(mount):
            continue
        target = mount["destination"]
        try:
            if index in binds:
                _attach_bind(root, mount, binds[index], proc)
            elif mount.get("type") in ("cgroup", "cgroup2"):
                _attach_cgroup(root, mount, cgroup, own_cgroup)
            else:
                _attach_filesystem(root, mount, proc)
        except StartFailure:
            raise
        except OSError as error:
            source = mount.get("source") or mount.get("type")
            raise during_init(f'error mounting "{source}" to rootfs at "{target}": {reason(error)}') from None


def needs_processes(mount: dict[str, Any]) -> bool:
    """Whether it can only be attached within the pid namespace: /proc, and what is on it."""
    return mount.get("type") == "proc" or (mount["destination"] + "/").startswith("/proc/")


def _attach_bind(root: int, mount: dict[str, Any], source: int, proc: os.stat_result | None) -> None:
    options = Options(mount.get("options") or [])
    is_directory = stat.S_ISDIR(os.fstat(source).st_mode)
    target = open_or_create(root, mount["destination"], is_directory)
    try:
        is_proc = filesystems.kind(source) == filesystems.PROC
        procmounts.check(root, target, mount["destination"], is_proc, proc)
        if is_directory != stat.S_ISDIR(os.fstat(target).st_mode):
            text = os.strerror(errno.ENOTDIR).lower()
            raise during_init(
                f'error mounting "{mount["source"]}" to rootfs at "{mount["destination"]}": mount '
                f"{mount['source']}:{mount['destination']} (via /proc/self/fd/{target}), "
                f"flags: 0x5000: {text}"
            )
        m.attach(source, target)
    finally:
        os.close(target)
    _adjust(source, options)
    os.close(source)


def _adjust(mount: int, options: Options) -> None:
    """Attributes and propagation of an attached mount. Attributes of a bind mount never come with the
    bind.
    """
    if options.on or options.off:
        m.set_attributes(mount, options.on, options.off)
    if options.rec_on or options.rec_off:
        m.set_attributes(mount, options.rec_on, options.rec_off, recursive=True)
    for propagation in options.propagation:
        m.set_attributes(mount, propagation=propagation & ~m.MS_REC, recursive=bool(propagation & m.MS_REC))


def _attach_filesystem(root: int, mount: dict[str, Any], proc: os.stat_result | None) -> None:
    fstype = mount["type"]
    options = Options(mount.get("options") or [])
    # Only an ordinary directory may become /proc or /sys: a link could hide the real one (CVE-2019-16884).
    plain = fstype in ("proc", "sysfs")
    target = (
        _open_plain(root, mount["destination"]) if plain else open_or_create(root, mount["destination"], True)
    )
    try:
        procmounts.check(root, target, mount["destination"], fstype == "proc", proc)
        late = m.MOUNT_ATTR_RDONLY if options.copy_up else 0
        try:
            made = m.create(fstype, options.data, options.on & ~late, mount.get("source"))
        except PermissionError:
            if fstype != "sysfs":
                raise
            # In a user namespace that does not own the network namespace; the host's /sys, read-only,
            # instead.
            made = m.clone("/sys", recursive=True)
            m.set_attributes(made, options.on | m.MOUNT_ATTR_RDONLY, recursive=True)
        if options.copy_up:
            copy_tree(target, made)
        m.attach(made, target)
    finally:
        os.close(target)
    if late:
        m.set_attributes(made, late)
    options.on = options.off = 0
    _adjust(made, options)
    os.close(made)


def _open_plain(root: int, path: str) -> int:
    try:
        return open_path(root, path, os.O_DIRECTORY, symlinks=False)
    except FileNotFoundError:
        return open_or_create(root, path, True)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise during_init(f'filesystem at "{path}" must be mounted on ordinary directory') from None


def _attach_cgroup(root: int, mount: dict[str, Any], cgroup: Cgroup | None, own_cgroup: bool) -> None:
    if cgroup is None:
        return
    options = Options(mount.get("options") or [])
    destination = mount["destination"]
    target = open_or_create(root, destination, True)
    if not cgroup.layout.v1:
        point = cgroup.layout.unified or ""
        made = m.create("cgroup2", [], options.on) if own_cgroup else m.clone(point + cgroup.path)
        m.attach(made, target)
        if not own_cgroup:
            m.set_attributes(made, options.on)
    else:
        made = m.create("tmpfs", [("mode", "755")], options.on & ~m.MOUNT_ATTR_RDONLY, "cgroup")
        m.attach(made, target)
        _attach_hierarchies(made, cgroup, options, own_cgroup)
        m.set_attributes(made, options.on)
    os.close(target)
    _adjust(
        made, Options([o for o in mount.get("options") or [] if o.endswith(("private", "slave", "shared"))])
    )
    os.close(made)


def _attach_hierarchies(tmpfs: int, cgroup: Cgroup, options: Options, own_cgroup: bool) -> None:
    points: dict[str, list[str]] = {}
    for controller, point in cgroup.layout.v1.items():
        points.setdefault(point, []).append(controller)
    for point, controllers in points.items():
        name = os.path.basename(point)
        os.mkdir(name, 0o755, dir_fd=tmpfs)
        target = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=tmpfs)
        if own_cgroup:
            # fsconfig takes "name=x" as a pair and a controller as a flag.
            pairs = [(a, b if eq else None) for a, eq, b in (c.partition("=") for c in controllers)]
            made = m.create("cgroup", pairs, options.on, "cgroup")
        else:
            made = m.clone(point + cgroup.path)
            m.set_attributes(made, options.on)
        m.attach(made, target)
        os.close(target)
        os.close(made)
        for controller in controllers:
            if controller != name and "=" not in controller:
                os.symlink(name, controller, dir_fd=tmpfs)


def mask(root: int, paths: Sequence[str]) -> None:
    """Hide files behind a null device and directories behind one empty, read-only tmpfs."""
    if not paths:
        return
    empty = -1
    null = devices.open_null(root)
    for target in _existing(root, paths):
        if stat.S_ISDIR(os.fstat(target).st_mode):
            if empty < 0:
                empty = made = m.create(
                    "tmpfs", [("nr_inodes", "2"), ("size", "4k")], m.MOUNT_ATTR_RDONLY, "tmpfs"
                )
            else:
                made = m.clone("", at=empty)
        else:
            made = m.clone("", at=null)
        m.attach(made, target)
        if made != empty:
            os.close(made)
    os.close(null)
    if empty >= 0:
        os.close(empty)


def make_read_only(root: int, paths: Sequence[str]) -> None:
    for target in _existing(root, paths):
        made = m.clone("", at=target, recursive=True)
        m.attach(made, target)
        m.set_attributes(made, m.MOUNT_ATTR_RDONLY)
        os.close(made)


def _existing(root: int, paths: Sequence[str]) -> Iterator[int]:
    """Those that are there, one after the other, opened with O_PATH."""
    for path in paths:
        try:
            target = open_path(root, path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        yield target
        os.close(target)
