"""The launcher: forked from the daemon before anything is imported, it forks shims and tasks for it.

Single-threaded and small, so that a fork is cheap and safe; see protocol.py for its messages. It exits when
the daemon's end of its socket closes; what it has forked goes on.
"""

from __future__ import annotations

import codecs
import gc
import os
import sys

from sampan.linux import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def fork() -> tuple[int, sockets.Socket]:
    """Fork the launcher; returns its pid and the daemon's end of its SOCK_SEQPACKET socket."""
    ours, theirs = sockets.pair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        serve(theirs)
    theirs.close()
    return pid, ours


def serve(connection: sockets.Socket) -> NoReturn:
    """Answer requests until the daemon is gone; never returns."""
    status = 1
    try:
        # After the fork, so that the daemon does not wait: everything a shim needs, loaded once.
        from sampan.runtime import forks

        _prepare(connection)
        status = forks.answer(connection)
    finally:
        os._exit(status)


def _prepare(connection: sockets.Socket) -> None:
    os.setsid()  # Ctrl-C in the daemon's terminal is not for us
    os.chdir("/")
    from sampan.linux import bpf, process, signals  # noqa: F401
    from sampan.runtime import shim

    for encoding in ("ascii", "latin-1", "utf-8"):
        codecs.lookup(encoding)  # loaded lazily otherwise, which a process inside a container cannot
    process.set_name("sampan-launcher")
    process.set_oom_score_adj(process.SHIM_OOM_SCORE)
    process.close_other_descriptors([connection.fileno(), *shim.kept_descriptors()])
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    signals.ignore(signals.SIGINT, signals.SIGTERM, signals.SIGHUP)
    signals.ignore(signals.SIGCHLD)  # the kernel reaps shims for us
    gc.disable()
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    serve(sockets.Socket(fileno=int(sys.argv[1])))
