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
    from collections.abc import Callable
    from typing import Any, NoReturn

_MESSAGE = 1 << 16
_MAX_FDS = 253  # SCM_MAX_FD


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
        _prepare(connection)
        status = _loop(connection)
    finally:
        os._exit(status)


def _prepare(connection: sockets.Socket) -> None:
    os.setsid()  # Ctrl-C in the daemon's terminal is not for us
    os.chdir("/")
    # After the fork, so that the daemon does not wait: everything a shim needs, loaded once.
    from sampan.linux import bpf, process, signals  # noqa: F401
    from sampan.runtime import shim, tasks  # noqa: F401

    for encoding in ("ascii", "latin-1", "utf-8"):
        codecs.lookup(encoding)  # loaded lazily otherwise, which a process inside a container cannot
    process.set_name("sampan-launcher")
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


def _loop(connection: sockets.Socket) -> int:
    from sampan.runtime import shim, tasks
    from sampan.runtime.jsontext import decode

    while True:
        try:
            data, fds = sockets.receive(connection, _MESSAGE, _MAX_FDS)
        except ConnectionResetError:
            return 0
        if not data:
            return 0
        message = decode(data)
        if os.fork() == 0:
            connection.close()
            _become(message, fds, shim.main, tasks.main)
        for fd in fds:
            os.close(fd)


def _become(
    message: dict[str, Any],
    fds: list[int],
    start: Callable[[str, dict[str, int]], None],
    perform: Callable[[str, str, dict[str, int]], None],
) -> NoReturn:
    status = 1
    try:
        named = dict(zip(message["fds"], fds, strict=True))
        if message["op"] == "start":
            start(message["dir"], named)
        else:
            perform(message["task"], message["request"], named)
        status = 0
    except BaseException as error:
        sys.stderr.write(
            f"sampan {message.get('op')} {message.get('dir') or message.get('task')}: {error!r}\n"
        )
    finally:
        os._exit(status)


if __name__ == "__main__":
    serve(sockets.Socket(fileno=int(sys.argv[1])))
