"""openat2(2): open a path that cannot leave a directory. Linux 5.6."""

import ctypes
import os

SYS_openat2 = 437  # the same on every architecture

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10


class open_how(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long


def openat2(dir_fd: int, path: bytes, flags: int, resolve: int, mode: int = 0) -> int:
    """Raises OSError; ENOSYS means the kernel is older than 5.6 or a seccomp profile forbids the call."""
    how = open_how(flags | os.O_CLOEXEC, mode, resolve)
    fd: int = _syscall(
        ctypes.c_long(SYS_openat2),
        ctypes.c_int(dir_fd),
        path,
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fsdecode(path))
    return fd
