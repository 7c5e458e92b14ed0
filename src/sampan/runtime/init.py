"""Container init: from the fork to execve(2), in runc's order (libcontainer/standard_init_linux.go).

The process starts as a fork of the shim, in a pid namespace of its own already, everything else still the
host's. It opens what it needs from the host first, then enters. It speaks to the shim over one SOCK_SEQPACKET
channel: a terminal's master (as SCM_RIGHTS), an error, or "ready".

A pid namespace that is joined has others in it, who may look at whoever appears there: a child that has
nothing of the host's any more goes there, and goes on (`_enter_shared`).
"""

from __future__ import annotations

import errno
import os
import stat

from sampan.linux import files, process, sockets
from sampan.linux import mount as m
from sampan.linux import namespaces as ns
from sampan.linux.syscalls import c_char_p, c_size_t, libc
from sampan.runtime import devices, inroot, mounts, program, reaper, rootfs, spawn, userns
from sampan.runtime.failures import StartFailure, during_init, reason, reply
from sampan.runtime.jsontext import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from sampan.runtime.cgroups import Cgroup
    from sampan.runtime.protocol import StartRequest

_sethostname = libc("sethostname", c_char_p, c_size_t)
_setdomainname = libc("setdomainname", c_char_p, c_size_t)

_PROPAGATION = {
    "private": m.MS_PRIVATE | m.MS_REC,
    "rprivate": m.MS_PRIVATE | m.MS_REC,
    "slave": m.MS_SLAVE | m.MS_REC,
    "rslave": m.MS_SLAVE | m.MS_REC,
    "shared": m.MS_SHARED | m.MS_REC,
    "rshared": m.MS_SHARED | m.MS_REC,
    "unbindable": m.MS_UNBINDABLE | m.MS_REC,
    "runbindable": m.MS_UNBINDABLE | m.MS_REC,
}


class Setting:
    """What the shim hands its child: the request, and what was decided or opened already."""

    __slots__ = (
        "cgroup", "channel", "filesystems", "inside", "layers", "linux", "mounts", "namespaces", "request",
        "seccomp", "spec", "stdio",
    )  # fmt: skip

    def __init__(
        self,
        request: StartRequest,
        namespaces: dict[str, int | None],
        cgroup: Cgroup | None,
        inside: bool,
        seccomp: bytes | None,
        stdio: tuple[int, int, int] | None,
        channel: sockets.Socket,
        layers: dict[int, int],
        filesystems: dict[int, int],
    ) -> None:
        self.request = request
        self.spec = request["spec"]
        self.mounts: list[dict[str, Any]] = self.spec.get("mounts") or []
        self.linux: dict[str, Any] = self.spec.get("linux") or {}
        self.namespaces = namespaces  # OCI type -> descriptor to join, or None for a new one
        self.cgroup = cgroup
        self.inside = inside  # the cgroup, by birth
        self.seccomp = seccomp
        self.stdio = stdio  # None: a terminal
        self.channel = channel
        self.layers = layers  # position in "lower" -> a mount to copy
        self.filesystems = filesystems  # position in "mounts" -> a file system that was made for it

    @property
    def streams(self) -> list[int]:
        return [fd for fd in self.stdio or () if fd >= 0]


def main(setting: Setting) -> NoReturn:
    """Never returns: execve(2), or a report to the shim and _exit(2)."""
    try:
        _run(setting)
    except BaseException as error:  # the only place such an error can be heard about
        setting.channel.send(encode({"error": reply(error)}))
    os._exit(1)


def _run(setting: Setting) -> None:
    spec = setting.spec
    process.new_session_keyring()
    program.prepare(spec["process"])
    if "user" in setting.namespaces:
        root_mount, binds = _enter_shifted(setting)
    else:
        root_mount, binds = _enter(setting)
    shared = _shares_processes(setting)
    root = _assemble(setting, root_mount, binds, _needs_no_processes if shared else None)
    _name_host(setting)
    _write_sysctls(setting, local=True)
    if "user" not in setting.namespaces or setting.namespaces.get("network") is None:
        _write_sysctls(setting, local=False)
    if shared:
        m.pivot_root(root)
        root = _enter_shared(setting, binds)
        _protect(root, setting)
    else:
        _protect(root, setting)
        m.pivot_root(root)
    _set_root_attributes(root, setting)
    os.close(root)
    os.setsid()
    _use_streams(setting)
    _make_cwd(spec["process"])
    program.run(
        spec["process"],
        setting.seccomp,
        lambda: _ready(setting, spec["process"]["args"]),
        setting.channel.fileno(),
    )


def _ready(setting: Setting, arguments: list[str]) -> None:
    if setting.request["init"]:
        reaper.split(arguments)
    spawn.report_ready(setting.channel)


def _shares_processes(setting: Setting) -> bool:
    return setting.namespaces.get("pid") is not None and "user" not in setting.namespaces


def _needs_no_processes(mount: dict[str, Any]) -> bool:
    return not mounts.needs_processes(mount)


def _enter_shared(setting: Setting, binds: dict[int, int]) -> int:
    """Into the pid namespace, where what shows processes can be mounted; returns the root, opened anew."""
    pids = setting.namespaces["pid"]
    assert pids is not None
    ns.setns(pids, ns.CLONE_NEWPID)
    late = {index: fd for index, fd in binds.items() if mounts.needs_processes(setting.mounts[index])}
    process.close_other_descriptors([setting.channel.fileno(), *setting.streams, *late.values()])
    spawn.go_on_in_heir(setting.channel)
    root = inroot.open_root()
    mounts.attach_all(root, setting.mounts, late, None, False, mounts.needs_processes)
    return root


def _enter(setting: Setting) -> tuple[int, dict[int, int]]:
    """Into the namespaces; returns the root and the binds as mounts not yet attached."""
    _join_others(setting)
    flags = _new_ones(setting)
    ns.unshare(flags & ~ns.CLONE_NEWCGROUP)
    _set_propagation(setting)
    root = rootfs.mount_root(setting.request["rootfs"], setting.layers)
    binds = rootfs.open_binds(setting.mounts, made=setting.filesystems)
    _join_cgroup(setting)
    ns.unshare(flags & ns.CLONE_NEWCGROUP)  # its root is the cgroup one is in
    return root, binds


def _join_cgroup(setting: Setting) -> None:
    """As late as can be: the shim is making it meanwhile."""
    if setting.channel.recv(16) == b"":
        os._exit(1)  # it could not, and has said so
    if setting.cgroup is not None:
        setting.cgroup.join_self(setting.inside)


def _enter_shifted(setting: Setting) -> tuple[int, dict[int, int]]:
    """The same with a user namespace: first all that takes the host's rights, then into it, then the rest.

    Returns in a child, the first process of the pid namespace, which the user namespace then owns.
    """
    users = setting.namespaces["user"]
    assert users is not None
    uids, gids = setting.linux.get("uidMappings"), setting.linux.get("gidMappings")
    if not uids or not gids:
        uids, gids = userns.mappings(users)
    uid, gid = userns.host_id(uids), userns.host_id(gids)
    _join_others(setting)
    if setting.namespaces.get("network") is not None:
        _write_sysctls(setting, local=False)
    ns.unshare(ns.CLONE_NEWNS)
    _set_propagation(setting)
    binds = rootfs.open_binds(setting.mounts, users, setting.filesystems)
    root_mount = userns.mount_root(setting.request["rootfs"], users, uid, gid, setting.layers)
    for descriptor in setting.streams:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.fchown(descriptor, uid, gid)  # so that /dev/stdout can be opened by name
    if (pid_namespace := setting.namespaces.get("pid")) is not None:
        ns.setns(pid_namespace, ns.CLONE_NEWPID)
    _join_cgroup(setting)
    _join("user", users)
    ns.become_root()
    own_pids = "pid" in setting.namespaces and pid_namespace is None
    ns.unshare(_new_ones(setting) | (ns.CLONE_NEWPID if own_pids else 0))
    spawn.go_on_in_heir(setting.channel)
    return root_mount, binds


def _join_others(setting: Setting) -> None:
    for kind, descriptor in setting.namespaces.items():
        if descriptor is not None and kind not in ("mount", "pid", "user"):
            _join(kind, descriptor)


def _new_ones(setting: Setting) -> int:
    flags = 0
    for kind, descriptor in setting.namespaces.items():
        if descriptor is None and kind not in ("pid", "user"):
            flags |= ns.KINDS[kind][0]
    return flags


def _set_propagation(setting: Setting) -> None:
    wanted = setting.linux.get("rootfsPropagation") or ""
    propagation = _PROPAGATION.get(wanted, m.MS_SLAVE | m.MS_REC)
    m.set_propagation("/", propagation)


def _join(kind: str, descriptor: int) -> None:
    try:
        ns.setns(descriptor, ns.KINDS[kind][0])
    except OSError as error:
        raise during_init(f"joining the {kind} namespace: {reason(error)}") from None


def _assemble(
    setting: Setting,
    root_mount: int,
    binds: dict[int, int],
    select: Callable[[dict[str, Any]], bool] | None,
) -> int:
    # Over the old root, which needs no directory of its own and is there for every user namespace's root.
    # pivot_root(2) refuses a new root whose parent mount is shared.
    m.set_propagation("/", m.MS_PRIVATE)
    target = inroot.open_root()
    m.attach(root_mount, target)
    os.close(target)
    m.set_attributes(root_mount, propagation=m.MS_PRIVATE)
    mounts.attach_all(
        root_mount, setting.mounts, binds, setting.cgroup, "cgroup" in setting.namespaces, select
    )
    if not any(setting.mounts[index]["destination"].rstrip("/") == "/dev" for index in binds):
        devices.populate(root_mount, setting.linux.get("devices") or [], "user" in setting.namespaces)
    return root_mount


def _use_streams(setting: Setting) -> None:
    if setting.stdio is not None:
        devices.use_streams(setting.stdio)
        return
    devices.use_terminal(setting.channel, setting.request.get("console_size"))
    devices.control_terminal()
    devices.bind_console()


def _name_host(setting: Setting) -> None:
    if "uts" not in setting.namespaces:
        return
    if name := setting.spec.get("hostname"):
        _sethostname(name.encode(), len(name.encode()))
    if name := setting.spec.get("domainname"):
        _setdomainname(name.encode(), len(name.encode()))


def _write_sysctls(setting: Setting, local: bool) -> None:
    """/proc/sys shows the writer's namespaces. `local` ones are of ipc and uts, the others of the network.

    A network namespace the daemon made belongs to the host's user namespace, so its are set before ours is
    entered.
    """
    for name, value in (setting.linux.get("sysctl") or {}).items():
        if local == name.startswith("net."):
            continue
        path = "/proc/sys/" + name.replace(".", "/")
        try:
            files.write(path, str(value).encode())
        except FileNotFoundError:
            raise during_init(f"open {path}: no such file or directory") from None
        except OSError as error:
            raise during_init(f"write {path}: {reason(error)}") from None


def _protect(root: int, setting: Setting) -> None:
    mounts.make_read_only(root, setting.linux.get("readonlyPaths") or [])
    mounts.mask(root, setting.linux.get("maskedPaths") or [])


def _set_root_attributes(root: int, setting: Setting) -> None:
    if (setting.spec.get("root") or {}).get("readonly"):
        m.set_attributes(root, m.MOUNT_ATTR_RDONLY)
    wanted = _PROPAGATION.get(setting.linux.get("rootfsPropagation") or "")
    if wanted is not None:
        m.set_propagation("/", wanted)


def _make_cwd(process_spec: dict[str, Any]) -> None:
    """Docker makes a missing working directory, with root as its owner."""
    cwd = process_spec.get("cwd") or "/"
    root = inroot.open_root()
    try:
        made = inroot.open_or_create(root, cwd, True)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise StartFailure(inroot.OUTSIDE) from None
        raise during_init(f"mkdir {cwd}: {reason(error)}") from None
    finally:
        os.close(root)
    is_directory = stat.S_ISDIR(os.fstat(made).st_mode)
    os.close(made)
    if not is_directory:
        raise StartFailure(f"Cannot mkdir: {cwd} is not a directory", "Invalid", bare=True)
