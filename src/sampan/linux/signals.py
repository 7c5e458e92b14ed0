"""signal(2) from the C module beneath `signal`, whose enums cost every forked process 220 KiB.

A shim shares what it never touches with the launcher; each page of the interpreter's that it does touch is
its own.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]

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
_RESETTABLE = tuple(sorted(_signal.valid_signals() - {SIGKILL, SIGSTOP}))
TERMINAL: tuple[int, ...] = (_signal.SIGTTIN, _signal.SIGTTOU)


def ignore(*numbers: int) -> None:
    for number in numbers:
        _signal.signal(number, _signal.SIG_IGN)


def reset(*numbers: int) -> None:
    """To what the kernel does by default."""
    for number in numbers:
        _signal.signal(number, _signal.SIG_DFL)


def reset_all() -> None:
    """Every signal that can be, also those that were ignored when this program was started."""
    for number in _RESETTABLE:
        if _signal.getsignal(number) != _signal.SIG_DFL:
            _signal.signal(number, _signal.SIG_DFL)


def catch(number: int, handler: Callable[[int, object], None]) -> None:
    _signal.signal(number, handler)


def set_wakeup_fd(fd: int) -> None:
    """Every caught signal writes a byte there; -1 for nowhere."""
    _signal.set_wakeup_fd(fd, warn_on_full_buffer=False)


def all_but(*numbers: int) -> frozenset[int]:
    return frozenset(_signal.valid_signals()).difference(numbers)


def block(*numbers: int) -> None:
    """These and no others."""
    _signal.pthread_sigmask(_signal.SIG_SETMASK, numbers)


def wait(numbers: frozenset[int]) -> int:
    """Until one of these, blocked, comes; sigwait(3)."""
    received: int = _signal.sigwait(numbers)
    return received
