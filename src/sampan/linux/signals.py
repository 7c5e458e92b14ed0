"""signal(2) from the C module beneath `signal`, whose enums cost every forked process 220 KiB.

A shim shares what it never touches with the launcher; each page of the interpreter's that it does touch is
its own.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]

from sampan.linux.syscalls import c_char_p, c_int, c_size_t, c_void_p, numbered

_rt_sigaction = numbered(
    "rt_sigaction", {"x86_64": 13, "aarch64": 134, "riscv64": 134}, c_int, c_char_p, c_void_p, c_size_t
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SIGHUP = 1
SIGINT = 2
SIGKILL = 9
SIGPIPE = 13
SIGTERM = 15
SIGCHLD: int = _signal.SIGCHLD
SIGSTOP: int = _signal.SIGSTOP
SIGXFSZ: int = _signal.SIGXFSZ
FAULTS: tuple[int, ...] = (
    _signal.SIGFPE,
    _signal.SIGILL,
    _signal.SIGSEGV,
    _signal.SIGBUS,
    _signal.SIGABRT,
    _signal.SIGTRAP,
    _signal.SIGSYS,
)
CATCHABLE: frozenset[int] = frozenset(_signal.valid_signals()) - {SIGKILL, SIGSTOP}
TERMINAL: tuple[int, ...] = (_signal.SIGTTIN, _signal.SIGTTOU)


def ignore(*numbers: int) -> None:
    """Child processes inherit it, even through execve(2). Raises OSError for SIGKILL and SIGSTOP, ValueError
    outside the main thread.
    """
    for number in numbers:
        _signal.signal(number, _signal.SIG_IGN)


def reset(*numbers: int) -> None:
    """To what the kernel does by default."""
    for number in numbers:
        _signal.signal(number, _signal.SIG_DFL)


def reset_all() -> None:
    """Every signal that can be, also those that were ignored when this program was started."""
    for number in CATCHABLE:
        if _signal.getsignal(number) != _signal.SIG_DFL:
            _signal.signal(number, _signal.SIG_DFL)


def reset_internal() -> None:
    """The C library's own two: its posix_spawn(3) has them ignored, and its sigaction(3) refuses them.

    The kernel's struct sigaction of zeros is SIG_DFL; rt_sigaction(2).
    """
    default = bytes(32)
    for number in (32, 33):
        _rt_sigaction(number, default, None, 8)


def catch(number: int, handler: Callable[[int, object], None]) -> None:
    """The interpreter calls `handler` in the main thread, between instructions. Raises as `ignore` does."""
    _signal.signal(number, handler)


def set_wakeup_fd(fd: int) -> None:
    """Every caught signal writes a byte there; -1 for nowhere."""
    _signal.set_wakeup_fd(fd, warn_on_full_buffer=False)


def all_but(*numbers: int) -> frozenset[int]:
    """Of those that the C library leaves to programs: with SIGKILL and SIGSTOP, without its own 32 and 33."""
    return frozenset(_signal.valid_signals()).difference(numbers)


def block(*numbers: int) -> None:
    """These and no others."""
    _signal.pthread_sigmask(_signal.SIG_SETMASK, numbers)


def wait(numbers: frozenset[int]) -> int:
    """Until one of these, blocked, comes; sigwait(3)."""
    received: int = _signal.sigwait(numbers)
    return received
