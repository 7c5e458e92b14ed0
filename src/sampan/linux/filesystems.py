"""Which file system an open file is on. statfs(2), include/uapi/linux/magic.h."""

from __future__ import annotations

import ctypes

from sampan.linux.syscalls import c_int, c_void_p, libc

PROC = 0x9FA0
DEVPTS = 0x1CD1

_fstatfs = libc("fstatfs", c_int, c_void_p)


def kind(descriptor: int) -> int:
    """f_type; the descriptor may be one of O_PATH."""
    # struct statfs: 120 bytes on 64-bit machines, and the type is its first word.
    buffer = ctypes.create_string_buffer(256)
    _fstatfs(descriptor, ctypes.addressof(buffer))
    return int.from_bytes(buffer.raw[:8], "little") & 0xFFFFFFFF
