"""Mounts by descriptor: fsopen(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2), pivot_root(2).

A new mount is first a descriptor, attached nowhere; attaching goes by descriptor as well, so no path is
looked up twice and no symbolic link can redirect a mount. Linux 5.12; `lowerdir+` is 6.5, see
runtime/rootfs.py.
"""

from __future__ import annotations

import ctypes
import os

from sampan.linux.syscalls import c_char_p, c_int, c_size_t, c_uint, c_ulong, c_void_p, libc, numbered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
AT_SYMLINK_NOFOLLOW = 0x100

MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NOSUID = 0x2
MOUNT_ATTR_NODEV = 0x4
MOUNT_ATTR_NOEXEC = 0x8
MOUNT_ATTR__ATIME = 0x70
MOUNT_ATTR_RELATIME = 0x0
MOUNT_ATTR_NOATIME = 0x10
MOUNT_ATTR_STRICTATIME = 0x20
MOUNT_ATTR_NODIRATIME = 0x80
MOUNT_ATTR_IDMAP = 0x100000
MOUNT_ATTR_NOSYMFOLLOW = 0x200000

MS_RDONLY = 0x1
MS_BIND = 0x1000
MS_REC = 0x4000
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MNT_DETACH = 2

_FSCONFIG_SET_FLAG = 0
_FSCONFIG_SET_STRING = 1
_FSCONFIG_SET_FD = 5
_FSCONFIG_CMD_CREATE = 6
_FSOPEN_CLOEXEC = 1
_FSMOUNT_CLOEXEC = 1
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_MOVE_MOUNT_T_EMPTY_PATH = 0x40


class mount_attr(ctypes.Structure):
    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


_mount = libc("mount", c_char_p, c_char_p, c_char_p, c_ulong, c_char_p)
_umount2 = libc("umount2", c_char_p, c_int)
_pivot_root = numbered("pivot_root", {"x86_64": 155, "aarch64": 41, "riscv64": 41}, c_char_p, c_char_p)
_open_tree = numbered("open_tree", 428, c_int, c_char_p, c_uint)
_move_mount = numbered("move_mount", 429, c_int, c_char_p, c_int, c_char_p, c_uint)
_fsopen = numbered("fsopen", 430, c_char_p, c_uint)
_fsconfig = numbered("fsconfig", 431, c_int, c_uint, c_char_p, c_char_p, c_int)
_fsmount = numbered("fsmount", 432, c_int, c_uint, c_uint)
_mount_setattr = numbered("mount_setattr", 442, c_int, c_char_p, c_uint, c_void_p, c_size_t)


def create(
    fstype: str,
    options: Sequence[tuple[str, str | int | None]],
    attributes: int = 0,
    source: str | None = None,
) -> int:
    """A new, unattached mount of a filesystem; raises OSError with the filesystem's own explanation.

    An option's value is text, a descriptor, or None for a flag.
    """
    fs = _fsopen(fstype.encode(), _FSOPEN_CLOEXEC)
    try:
        if source is not None:
            options = [("source", source), *options]
        for key, value in options:
            if value is None:
                _fsconfig(fs, _FSCONFIG_SET_FLAG, os.fsencode(key), None, 0)
            elif isinstance(value, int):
                _fsconfig(fs, _FSCONFIG_SET_FD, os.fsencode(key), None, value)
            else:
                _fsconfig(fs, _FSCONFIG_SET_STRING, os.fsencode(key), os.fsencode(value), 0)
        _fsconfig(fs, _FSCONFIG_CMD_CREATE, None, None, 0)
        return _fsmount(fs, _FSMOUNT_CLOEXEC, attributes)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}{_explanation(fs)}", fstype) from None
    finally:
        os.close(fs)


def _explanation(fs: int) -> str:
    """What the filesystem logged into its context (fsopen(2)): "e overlay: ..." lines."""
    lines: list[str] = []
    try:
        while len(lines) < 8:
            lines.append(os.read(fs, 1024).decode(errors="replace").strip()[2:])
    except OSError:
        pass
    return f" ({'; '.join(lines)})" if lines else ""


def clone(path: str | bytes, *, at: int = AT_FDCWD, recursive: bool = False) -> int:
    """A bind mount, attached nowhere yet, of what `path` names (`at` itself when empty)."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | (AT_RECURSIVE if recursive else 0)
    return _open_tree(at, os.fsencode(path), flags | (0 if path else AT_EMPTY_PATH))


def attach(mount: int, target: int) -> None:
    """Put an unattached mount on top of the directory or file that `target` is open on."""
    _move_mount(mount, b"", target, b"", _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH)


def set_attributes(
    mount: int, on: int = 0, off: int = 0, propagation: int = 0, *, userns: int = 0, recursive: bool = False
) -> None:
    """Change a mount (attached or not); `userns` maps its ids (mount_setattr(2), MOUNT_ATTR_IDMAP)."""
    if on & MOUNT_ATTR__ATIME or off & MOUNT_ATTR__ATIME:
        off |= MOUNT_ATTR__ATIME  # the kernel wants the whole field cleared whenever it is set
    attr = mount_attr(on, off, propagation, userns)
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    _mount_setattr(mount, b"", flags, ctypes.addressof(attr), ctypes.sizeof(attr))


def set_propagation(path: str, flags: int) -> None:
    """`flags` are one of MS_SHARED, MS_SLAVE, MS_PRIVATE and MS_UNBINDABLE, and MS_REC for the mounts below;
    mount(2). Raises OSError.
    """
    _mount(None, os.fsencode(path), None, flags, None)


def mount(source: str, target: str, fstype: str | None, flags: int, data: str | None = None) -> None:
    """mount(2), for what the descriptor calls cannot express on older kernels."""
    _mount(
        os.fsencode(source),
        os.fsencode(target),
        None if fstype is None else fstype.encode(),
        flags,
        None if data is None else os.fsencode(data),
    )


def unmount(path: str, flags: int = MNT_DETACH) -> None:
    """umount2(2), by default lazily: one in use goes once nobody uses it. Raises OSError (EINVAL when nothing
    is mounted there).
    """
    _umount2(os.fsencode(path), flags)


def pivot_root(root: int) -> None:
    """Make the mount `root` is open on the root, and drop the old one.

    pivot_root(".", ".") stacks the old root on the new one, so no directory for it is needed; pivot_root(2).
    """
    old = os.open("/", os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fchdir(root)
        _pivot_root(b".", b".")
        os.fchdir(old)
        # The old root may be shared with the host: unmounting must not travel there.
        set_propagation(".", MS_REC | MS_SLAVE)
        unmount(".")
    finally:
        os.close(old)
    os.chdir("/")
