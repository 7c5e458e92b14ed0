"""PID 1 of `--init`: forwards signals to its one program, reaps orphans, exits as the program did; as tini.

A fork of the shim stays as PID 1, with the program's own identity and limits, so that no binary has to be
bound into the container.
"""

from __future__ import annotations

import os

from sampan.linux import process, signals

# Not what the kernel raises for the process's own faults, what cannot be caught, and job control.
_FORWARDED = signals.all_but(*signals.FAULTS, signals.SIGKILL, signals.SIGSTOP, *signals.TERMINAL)


def split(arguments: list[str]) -> None:
    """Returns in a new child, which is to become the program; the caller stays and reaps until it exits."""
    signals.ignore(*signals.TERMINAL)
    # Blocked signals reach even a PID 1 that has no handler for them; pid_namespaces(7).
    signals.block(*_FORWARDED)
    child = os.fork()
    if child == 0:
        _lead_terminal()
        signals.reset(*signals.TERMINAL)
        signals.block()
        return
    process.set_name("docker-init")
    process.set_command_line("/sbin/docker-init -- " + " ".join(arguments))
    process.close_other_descriptors([])
    os._exit(_reap_until(child))


def _lead_terminal() -> None:
    """A group of its own, in the terminal's foreground: Ctrl-C reaches the program once, not twice."""
    os.setpgid(0, 0)
    try:
        os.tcsetpgrp(0, os.getpgrp())
    except OSError:
        pass  # no terminal


def _reap_until(child: int) -> int:
    code = -1
    while code < 0:
        received = signals.wait(_FORWARDED)
        if received != signals.SIGCHLD:
            try:
                os.kill(child, received)
            except ProcessLookupError:
                pass
            continue
        code = _reap(child)
    return code


def _reap(child: int) -> int:
    """Collect whoever has died; the program's exit code once it is among them."""
    code = -1
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            code = exit_code(status)


def exit_code(status: int) -> int:
    """128+n for a signal, as a shell has it."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
