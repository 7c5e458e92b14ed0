"""Declaring system calls: one prototype each, and OSError for -1. syscalls(2), ctypes.

The error's "filename" is the call's name, so that it reads `unshare: Operation not permitted`. Facilities
(mounts, namespaces, ...) declare their own calls with these two functions, in their own modules.
"""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_MACHINE = os.uname().machine

c_int = ctypes.c_int
c_uint = ctypes.c_uint
c_long = ctypes.c_long
c_ulong = ctypes.c_ulong
c_size_t = ctypes.c_size_t
c_char_p = ctypes.c_char_p
c_void_p = ctypes.c_void_p


def libc(name: str, *argtypes: Any) -> Callable[..., int]:
    """The C library's function of that name, returning int."""
    function = ctypes.CFUNCTYPE(c_int, *argtypes, use_errno=True)((name, _libc))

    def call(*arguments: Any) -> int:
        result: int = function(*arguments)
        if result == -1:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), name)
        return result

    return call


def numbered(name: str, number: int | dict[str, int], *argtypes: Any) -> Callable[..., int]:
    """The system call of that number; a table by machine for calls older than the common numbering."""
    value = number if isinstance(number, int) else number.get(_MACHINE, -1)
    prototype = ctypes.CFUNCTYPE(c_long, c_long, *argtypes, use_errno=True)
    function = prototype(("syscall", _libc))

    def call(*arguments: Any) -> int:
        result: int = function(value, *arguments)
        if result == -1:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), name)
        return result

    return call
