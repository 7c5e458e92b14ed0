"""What the attacks have in common. These scripts run inside the attacker's image, each as /NAME.py."""

import ctypes
import errno
import os
from collections.abc import Callable
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def tried(call: Callable[..., Any], *arguments: Any) -> str:
    """ "done", or the name of the error."""
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def identity(of: str) -> list[int]:
    found = os.stat(of)
    return [found.st_dev, found.st_ino]


def quiet(call: Callable[..., Any], *arguments: Any) -> Any:
    """None when it fails."""
    try:
        return call(*arguments)
    except OSError:
        return None


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
