"""Forking a container's processes: into its pid namespace, with a channel to hear from the child.

unshare(2) and setns(2) of a pid namespace concern children only, so the shim visits it for one fork and
returns; pid_namespaces(7).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

from sampan.linux import namespaces as ns
from sampan.runtime.init import READY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from sampan.runtime.loop import Loop
    from sampan.runtime.protocol import ErrorReply

OWN_PID_NAMESPACE = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


class Child:
    """A forked process on its way to execve(2); `outcome` is called once, with what became of it."""

    def __init__(
        self, loop: Loop, pid: int, channel: socket.socket, on_terminal: Callable[[int], None]
    ) -> None:
        self._loop = loop
        self.pid = pid
        self._channel = channel
        self._on_terminal = on_terminal
        self._ready = False
        self.outcome: Callable[[ErrorReply | None], None] = lambda error: None
        channel.setblocking(False)
        loop.watch(channel.fileno(), 1, self._hear)

    def _hear(self, _events: int) -> None:
        try:
            data, fds, _flags, _address = socket.recv_fds(self._channel, 1 << 16, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        if fds:
            self._on_terminal(fds[0])
            return
        if data == READY:
            self._ready = True  # but only the end of file, from execve's close-on-exec, says that it runs
            return
        self._loop.forget(self._channel.fileno())
        self._channel.close()
        if data:
            error: ErrorReply | None = json.loads(data)["error"]
        elif self._ready:
            error = None
        else:
            error = {"kind": "Failed", "message": "the container's process died while it was being set up"}
        self.outcome(error)


def fork(
    loop: Loop,
    pid_namespace: int | bool | None,
    main: Callable[[socket.socket], NoReturn],
    on_terminal: Callable[[int], None],
) -> Child:
    """Fork a child that runs `main` with its end of the channel.

    `pid_namespace`: None for a new one, False for the caller's own, or a descriptor to join.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    visited = pid_namespace is not False
    try:
        if pid_namespace is None:
            ns.unshare(ns.CLONE_NEWPID)
        elif visited:
            ns.setns(int(pid_namespace), ns.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            try:
                _reset_signals()
                forbid_imports()
                main(theirs)
            finally:
                os._exit(1)
    finally:
        if visited:
            ns.setns(OWN_PID_NAMESPACE, ns.CLONE_NEWPID)
    theirs.close()
    return Child(loop, pid, ours, on_terminal)


def forbid_imports() -> None:
    """Whatever was not loaded before would be looked for in the container's files, and run with our
    rights.
    """
    sys.meta_path.clear()
    sys.path.clear()
    sys.path_hooks.clear()


def _reset_signals() -> None:
    """execve(2) keeps ignored signals ignored, so what Python and the shim ignore must be undone."""
    signal.set_wakeup_fd(-1)
    for number in (
        signal.SIGPIPE,
        signal.SIGXFSZ,
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGHUP,
        signal.SIGCHLD,
    ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
