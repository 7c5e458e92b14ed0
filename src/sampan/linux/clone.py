"""clone(2) and clone3(2) for what fork(2) cannot do: a child born inside a cgroup, a child of one's parent.

The C library does not know of such children: its idea of the thread's id stays the parent's, which matters to
nobody in a single-threaded process that execs or exits soon.
"""

from __future__ import annotations

import ctypes
import errno
import os

from sampan.linux.signals import SIGCHLD
from sampan.linux.syscalls import c_size_t, c_ulong, c_void_p, numbered

CLONE_PARENT = 0x00008000
CLONE_INTO_CGROUP = 0x200000000


class clone_args(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "flags",
            "pidfd",
            "child_tid",
            "parent_tid",
            "exit_signal",
            "stack",
            "stack_size",
            "tls",
            "set_tid",
            "set_tid_size",
            "cgroup",
        )
    ]


SIBLING = (CLONE_PARENT | SIGCHLD, 0, 0, 0, 0)  # clone(2)'s arguments
NUMBER = {"x86_64": 56, "aarch64": 220}
_clone = numbered("clone", NUMBER, c_ulong, c_ulong, c_ulong, c_ulong, c_ulong)
_clone3 = numbered("clone3", 435, c_void_p, c_size_t)


def fork_into_cgroup(directory: int) -> int:
    """As os.fork(), the child being in the cgroup whose directory is open; it must exec or _exit soon.

    Raises OSError, ENOSYS where the kernel or a seccomp filter has no clone3.
    """
    arguments = clone_args(flags=CLONE_INTO_CGROUP, exit_signal=SIGCHLD, cgroup=directory)
    return _clone3(ctypes.addressof(arguments), ctypes.sizeof(arguments))


def fork(directory: int | None) -> tuple[int, bool]:
    """(pid, whether the child is in the cgroup already)."""
    if directory is not None:
        try:
            return fork_into_cgroup(directory), True
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.E2BIG):
                raise
    return os.fork(), False


def fork_sibling() -> int:
    """As os.fork(), but the child is the caller's parent's."""
    return _clone(*SIBLING)
