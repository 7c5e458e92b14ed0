"""The launcher: started by the daemon, it forks shims and tasks for it.

Single-threaded and small, so that a fork is cheap and safe; see protocol.py for its messages. It exits when
the daemon's end of its socket closes; what it has forked continues.

It is executed from a sealed copy of the interpreter, in an environment of its own, and cannot be looked into:
what it forks is for a moment a process in a container, and /proc/self/exe of that must be nothing that the
container could change (CVE-2019-5736). docs/decisions/sealed-launcher.md
"""

from __future__ import annotations

import codecs
import fcntl
import gc
import os
import sys

from sampan import interpreter
from sampan.linux import files, memfd, process, signals, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

READY = b"ready"  # its only message, once it can take some
_LOWEST = 10  # of the numbers handed over: above the standard streams, which are opened anew
_MAIN = "from sampan.runtime.launcher import main; main(int(sys.argv[1]))"


def spawn() -> tuple[int, sockets.Socket]:
    """Start a launcher; returns its pid and the daemon's end of its SOCK_SEQPACKET socket. Raises OSError."""
    ours, theirs = sockets.pair()
    opened = []
    try:
        opened.append(copy := memfd.sealed_copy("/proc/self/exe", "sampan"))
        opened.append(program := fcntl.fcntl(copy, fcntl.F_DUPFD_CLOEXEC, _LOWEST))
        opened.append(connection := fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD, _LOWEST))
        pid = os.posix_spawn(
            f"/proc/self/fd/{program}",
            # The first argument, the file of the same interpreter, is where it looks for its library.
            interpreter.bare(_MAIN, str(connection)),
            _environment(),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 1),
            ],
            # A script's background jobs ignore what would interrupt it, and so would all containers.
            setsigdef=signals.CATCHABLE,
            setsigmask=[],
            setsid=True,  # Ctrl-C in the daemon's terminal is not for us
        )
    except BaseException:
        ours.close()
        raise
    finally:
        for fd in opened:
            os.close(fd)
        theirs.close()
    return pid, ours


def _environment() -> dict[str, str]:
    """Nothing of the daemon's, but where the interpreter's library is: found beside the file otherwise."""
    for line in files.read("/proc/self/maps").splitlines():
        path = os.fsdecode(line).partition("/")[2]
        if os.path.basename(path).startswith("libpython"):
            return {"LD_LIBRARY_PATH": "/" + os.path.dirname(path)}
    return {}


def main(number: int) -> NoReturn:
    """Answer requests on that descriptor until the daemon is gone; never returns."""
    status = 1
    try:
        process.set_dumpable(False)  # for all that is forked, until it executes another program
        if memfd.is_sealed("/proc/self/exe"):
            connection = sockets.Socket(fileno=number)
            status = _serve(connection)
        else:
            sys.stderr.write("sampan-launcher: refusing to run from a file that could be changed\n")
    except BaseException as error:  # the only place such an error can be heard about
        sys.stderr.write(f"sampan-launcher: {error!r}\n")
    finally:
        os._exit(status)


def _serve(connection: sockets.Socket) -> int:
    # Everything a shim needs, loaded once.
    from sampan.linux import bpf  # noqa: F401
    from sampan.runtime import forks, shim

    for encoding in ("ascii", "latin-1", "utf-8"):
        codecs.lookup(encoding)  # loaded lazily otherwise, which a process inside a container cannot
    os.chdir("/")
    process.set_name("sampan-launcher")
    process.set_command_line("sampan-launcher")
    process.set_oom_score_adj(process.SHIM_OOM_SCORE)
    process.close_other_descriptors([connection.fileno(), *shim.kept_descriptors()])
    signals.reset_internal()
    signals.ignore(signals.SIGINT, signals.SIGTERM, signals.SIGHUP)
    signals.ignore(signals.SIGCHLD)  # the kernel reaps shims for us
    gc.disable()
    gc.collect()
    gc.freeze()
    connection.send(READY)
    return forks.answer(connection)
