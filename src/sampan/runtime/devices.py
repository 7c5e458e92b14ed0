"""/dev of a container. OCI runtime-spec config-linux.md "Default Devices"; makedev(3), pts(4)."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import termios

from sampan.linux import filesystems, sockets
from sampan.linux import mount as m
from sampan.runtime.failures import during_init, reason
from sampan.runtime.inroot import open_or_create, open_path, open_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_DEFAULT = (
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
)
_LINKS = (
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
)
_TYPES = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}
_NULL = os.makedev(1, 3)
_TIOCGPTPEER = 0x5441
_TIOCSPTLCK = 0x40045431


def populate(root: int, devices: Sequence[dict[str, Any]], by_bind: bool) -> None:
    """Nodes and links. `by_bind`: a user namespace may not mknod(2), so the host's nodes are bound
    instead.
    """
    dev = open_path(root, "/dev", os.O_DIRECTORY)
    previous = os.umask(0)
    try:
        wanted = {"/dev/" + name: (stat.S_IFCHR | 0o666, os.makedev(a, b), 0, 0) for name, a, b in _DEFAULT}
        for device in devices:
            number = os.makedev(device.get("major") or 0, device.get("minor") or 0)
            mode = _TYPES[device["type"]] | (device.get("fileMode") or 0o666) & 0o7777
            wanted[device["path"]] = (mode, number, device.get("uid") or 0, device.get("gid") or 0)
        for path, (mode, number, uid, gid) in wanted.items():
            if by_bind:
                _bind_node(root, path)
            else:
                _make_node(root, dev, path, mode, number, uid, gid)
        _make_links(dev)
    finally:
        os.umask(previous)
        os.close(dev)


def _make_node(root: int, dev: int, path: str, mode: int, number: int, uid: int, gid: int) -> None:
    directory, name = os.path.split(path)
    parent = dev if directory == "/dev" else open_or_create(root, directory, True)
    try:
        try:
            os.mknod(name, mode, number, dir_fd=parent)
        except FileExistsError:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_IFMT(found.st_mode) != stat.S_IFMT(mode) or found.st_rdev != number:
                raise during_init(f"error creating device nodes: mknod {path}: file exists") from None
        if uid or gid:
            os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
    except OSError as error:
        raise during_init(f"error creating device nodes: mknod {path}: {reason(error)}") from None
    finally:
        if parent != dev:
            os.close(parent)


def _bind_node(root: int, path: str) -> None:
    made = m.clone(path)
    target = open_or_create(root, path, False)
    m.attach(made, target)
    os.close(target)
    os.close(made)


def _make_links(dev: int) -> None:
    links = list(_LINKS)
    if os.path.exists("/proc/kcore"):
        links.append(("/proc/kcore", "core"))
    for target, name in links:
        try:
            os.symlink(target, name, dir_fd=dev)
        except FileExistsError:
            pass
    # devpts is the container's own instance, so its ptmx is the only right one.
    try:
        os.unlink("ptmx", dir_fd=dev)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EROFS, errno.EBUSY):
            raise
    try:
        os.symlink("pts/ptmx", "ptmx", dir_fd=dev)
    except FileExistsError:
        pass


def is_null(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == _NULL


def open_null(root: int) -> int:
    """A null device with O_PATH: the container's own or, where a volume covers /dev, one made for it.

    What stands at /dev/null there is the volume's: a file, or a link to what is hidden (CVE-2025-31133).
    """
    try:
        found = open_path(root, "/dev/null", os.O_NOFOLLOW)
    except OSError:
        return _make_null()
    if is_null(os.fstat(found)):
        return found
    os.close(found)
    return _make_null()


def _make_null() -> int:
    """On a tmpfs that is attached nowhere. Linux 6.15: before, such mounts cannot be copied, open_tree(2)."""
    tmpfs = m.create("tmpfs", [("nr_inodes", "2"), ("size", "4k"), ("mode", "755")], 0, "tmpfs")
    try:
        os.mknod("null", stat.S_IFCHR | 0o666, _NULL, dir_fd=tmpfs)
        return m.clone("null", at=tmpfs)
    except OSError as error:
        raise during_init(
            f"/dev/null is not the null device, and one cannot be created: {reason(error)}"
        ) from None
    finally:
        os.close(tmpfs)


def use_streams(streams: tuple[int, int, int]) -> None:
    """Make them the standard ones; -1 is the container's own /dev/null. The caller is in its root."""
    for target, source in enumerate(streams):
        os.dup2(source if source >= 0 else _open_null_input(), target)


def _open_null_input() -> int:
    """For reading; or what is always at its end, where the container has something else by that name."""
    try:
        # Opening another device may do something; and what is there may be exchanged meanwhile.
        if not is_null(os.stat("/dev/null")):
            return _open_nothing()
        descriptor = os.open("/dev/null", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return _open_nothing()
    if not is_null(os.fstat(descriptor)):
        os.close(descriptor)
        return _open_nothing()
    os.set_blocking(descriptor, True)
    return descriptor


def _open_nothing() -> int:
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.close(writer)
    return reader


def use_terminal(channel: sockets.Socket, size: tuple[int, int] | None) -> None:
    """Make a new terminal of the container's own the standard streams, and send its master to the shim."""
    master, slave = _open_terminal()
    if size:
        termios.tcsetwinsize(slave, size)
    for target in (0, 1, 2):
        os.dup2(slave, target)
    sockets.send(channel, b"terminal", [master])
    os.close(master)
    os.close(slave)


def control_terminal() -> None:
    """Of a session's leader: its input becomes its controlling terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _open_terminal() -> tuple[int, int]:
    """(master, slave) of the devpts at /dev/pts. ioctl_tty(2).

    By no name of /proc; and opening what a volume has there instead may do something.
    """
    pts = os.open("/dev/pts", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if filesystems.kind(pts) != filesystems.DEVPTS:
            raise during_init("/dev/pts is not a devpts file system: cannot create a terminal")
        flags = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
        master = os.open("ptmx", flags | os.O_NOFOLLOW, dir_fd=pts)
    finally:
        os.close(pts)
    fcntl.ioctl(master, _TIOCSPTLCK, b"\0\0\0\0")
    return master, fcntl.ioctl(master, _TIOCGPTPEER, flags)


def bind_console() -> None:
    """The terminal of the standard streams appears as /dev/console as well."""
    made = m.clone("", at=0)
    root = open_root()
    target = open_or_create(root, "/dev/console", False, 0o600)
    m.attach(made, target)
    for descriptor in (made, root, target):
        os.close(descriptor)
