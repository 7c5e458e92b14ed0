"""Files of no file system that nobody can change any more: memfd_create(2), F_ADD_SEALS of fcntl(2)."""

from __future__ import annotations

import errno
import fcntl
import os
import sys

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_F_SEAL_EXEC = 0x20  # Linux 6.3: the execute bits stay
_MFD_EXEC = 0x10  # Linux 6.3: asked for by name where vm.memfd_noexec is 1
_FS_IOC_SETFLAGS = 0x40086602  # ioctl_iflags(2); the same on all 64-bit machines
_FS_IMMUTABLE_FL = 0x10


def sealed_copy(path: str, name: str) -> int:
    """A close-on-exec descriptor of an executable copy of `path`, sealed, and immutable where the kernel can.

    Seals keep the content; without the flag whoever is root could still give the copy another owner or mode.
    Raises OSError, EACCES where vm.memfd_noexec is 2.
    """
    copy = _create(name)
    try:
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _copy(source, copy)
        finally:
            os.close(source)
        os.fchmod(copy, 0o555)
        _freeze(copy)
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(copy)
        raise
    return copy


def is_sealed(path: str) -> bool:
    """Whether the file can never be written again, whoever tries."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS == _SEALS
    except OSError:  # EINVAL: not a memfd
        return False
    finally:
        os.close(descriptor)


def _create(name: str) -> int:
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        return os.memfd_create(name, flags | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.memfd_create(name, flags)  # before 6.3 all were executable


def _copy(source: int, target: int) -> None:
    size, done = os.fstat(source).st_size, 0
    while done < size:
        done += os.sendfile(target, source, done, size - done)


def _freeze(copy: int) -> None:
    """What only newer kernels have: each part adds to the seals, and none replaces them."""
    number = _FS_IMMUTABLE_FL.to_bytes(8, sys.byteorder)
    for change in (
        lambda: fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _F_SEAL_EXEC),
        lambda: fcntl.ioctl(copy, _FS_IOC_SETFLAGS, number),  # tmpfs has it since Linux 6.0
    ):
        try:
            change()
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EPERM, errno.ENOTTY, errno.EOPNOTSUPP):
                raise
