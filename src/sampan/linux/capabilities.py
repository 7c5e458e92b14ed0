"""Capabilities: names, Docker's rules for --cap-add and --cap-drop, and enforcing sets. capabilities(7).

Light: the container's init imports it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from sampan.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# include/uapi/linux/capability.h, in order of their numbers
_NAMES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP
MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
# moby oci/caps: what a container has unless told otherwise, in Docker's order
_DEFAULT = """
CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
AUDIT_WRITE
"""
NAMES = tuple("CAP_" + name for name in _NAMES.split())
NUMBERS = {name: number for number, name in enumerate(NAMES)}
DEFAULT = tuple("CAP_" + name for name in _DEFAULT.split())

ALL = "ALL"

PR_CAPBSET_DROP = 24
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4
_LINUX_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


# Rules


def normalize(names: Iterable[str], known: Iterable[str] | None = None) -> list[str]:
    """Upper case with CAP_, "ALL" as it is.

    Raises Invalid for a name that does not exist or, when `known` is given, that this machine cannot give.
    """
    result = []
    for name in names:
        upper = name.strip().upper()
        if upper != ALL and not upper.startswith("CAP_"):
            upper = "CAP_" + upper
        if upper != ALL and upper not in NUMBERS:
            raise Invalid(f'unknown capability: "{upper}"')
        if upper != ALL and known is not None and upper not in known:
            reason = "capability not supported by your kernel or not available in the current environment"
            raise Invalid(f'{reason}: "{upper}"')
        result.append(upper)
    return result


def tweak(
    add: Iterable[str], drop: Iterable[str], privileged: bool, known: Iterable[str] | None = None
) -> list[str]:
    """A container's capabilities, in Docker's order (moby oci/caps TweakCapabilities).

    `known` is what this machine can give, all when None. Raises Invalid, worded as Docker words it.
    """
    available = list(NAMES if known is None else known)
    adds = _option("CapAdd", add, available)
    drops = _option("CapDrop", drop, available)
    if privileged:
        return available
    if ALL in adds:
        # The kernel's own order, as Docker lists them for ALL.
        result = [name for name in available if name not in drops]
    elif ALL in drops:
        result = [name for name in adds if name != ALL]
    else:
        result = [name for name in DEFAULT if name not in drops]
        result += [name for name in adds if name not in DEFAULT and name not in result]
    return [name for name in dict.fromkeys(result) if name in available]


def _option(option: str, wanted: Iterable[str], available: list[str]) -> list[str]:
    try:
        return normalize(wanted, available)
    except Invalid as error:
        raise Invalid(f"invalid {option}: {error.message}") from None


def mask(names: Iterable[str]) -> int:
    """Bit n for capability n; `names` are spelt as in NAMES. Raises KeyError for one that is not."""
    return sum(1 << NUMBERS[name] for name in set(names))


def names(bits: int) -> list[str]:
    """In the order of their numbers; bits of a newer kernel that have no name here are left out."""
    return [name for number, name in enumerate(NAMES) if bits >> number & 1]


# The kernel


def bounding() -> int:
    """The calling thread's bounding set, which is all that any of its children can have."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapBnd:"):
                return int(line.split()[1], 16)
    return 0


def _prctl(option: int, second: int = 0, third: int = 0) -> int:
    result: int = _libc.prctl(option, second, third, 0, 0)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def drop_bounding(keep: int) -> None:
    """Drop every capability outside `keep` from the bounding set; needs CAP_SETPCAP."""
    # Dropping what is not there succeeds, which is cheaper than asking; EINVAL ends the kernel's own list.
    for number in range(64):
        if keep >> number & 1:
            continue
        try:
            _prctl(PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return
            raise


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """capset(2) of the calling thread; each argument is a mask. Raises OSError, EPERM for permitted ones that
    it does not have.
    """
    header = struct.pack("<Ii", _LINUX_CAPABILITY_VERSION_3, 0)
    sets = (effective, permitted, inheritable)
    data = struct.pack("<6I", *[bits & 0xFFFFFFFF for bits in sets], *[bits >> 32 for bits in sets])
    if _libc.capset(header, data) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"capset: {os.strerror(code)}")


def raise_ambient(bits: int) -> None:
    """Replace the ambient set; each bit must be permitted and inheritable already."""
    try:
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    except OSError as error:
        if error.errno == errno.EINVAL and not bits:  # before Linux 4.3
            return
        raise
    for number in range(64):
        if bits >> number & 1:
            _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)
