"""Forking a container's processes: into its cgroup and pid namespace, with a channel to hear from the child.

unshare(2) and setns(2) of a pid namespace concern children only, so the shim visits it for one fork and
returns; pid_namespaces(7).
"""

from __future__ import annotations

import gc
import os
import sys

from sampan.linux import clone, process, signals, sockets
from sampan.linux import namespaces as ns
from sampan.runtime.init import HEIR, READY
from sampan.runtime.jsontext import decode
from sampan.runtime.loop import IN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from sampan.runtime.cgroups import Cgroup
    from sampan.runtime.loop import Loop
    from sampan.runtime.protocol import ErrorReply

OWN_PID_NAMESPACE = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

# Ignored by Python or by the shim; execve(2) would keep them so.
_IGNORED = (
    signals.SIGPIPE,
    signals.SIGXFSZ,
    signals.SIGTERM,
    signals.SIGINT,
    signals.SIGHUP,
    signals.SIGCHLD,
)


class Child:
    """A forked process on its way to execve(2).

    `outcome` is called once, with None when the program runs, or why it does not; `on_death` with its wait
    status.
    """

    def __init__(
        self,
        loop: Loop,
        pid: int,
        channel: sockets.Socket,
        on_terminal: Callable[[int], None],
        on_death: Callable[[int], None],
        waits: bool,
    ) -> None:
        self._loop = loop
        self.pid = pid
        self._channel = channel
        self._on_terminal = on_terminal
        self._on_death = on_death
        self._ready = False
        self._waits = waits
        self.outcome: Callable[[ErrorReply | None], None] = lambda error: None
        channel.setblocking(False)
        loop.on_death(pid, on_death)
        # A child that waits for no answer is heard once it is done (the hang-up): being woken by its last
        # words would take the processor from it, right before its execve.
        loop.watch(channel.fileno(), IN if waits else 0, self._hear)

    def _hear(self, events: int) -> None:
        try:
            data, fds = sockets.receive(self._channel, 1 << 16, 1)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        if fds:
            self._on_terminal(fds[0])
        elif self._waits and data.startswith(HEIR):
            self._hand_over(int(data[len(HEIR) :]))
        elif data == READY:
            self._ready = True  # but only the end of file, from execve's close-on-exec, says that it runs
        else:
            self._conclude(data)
            return
        self._hear(events)

    def proceed(self) -> None:
        """Its cgroup is there."""
        try:
            self._channel.send(b"go")
        except OSError:
            pass  # it has failed already, and why is there to be read

    def _hand_over(self, heir: int) -> None:
        """The child has forked the real one and ends, which makes that one ours: we are its subreaper."""
        self._loop.on_death(self.pid, lambda status: None)
        self.pid = heir
        self._loop.on_death(heir, self._on_death)
        self._channel.send(b"known")

    def _conclude(self, data: bytes) -> None:
        self._loop.forget(self._channel.fileno())
        self._channel.close()
        error: ErrorReply | None = None
        if data:
            error = _error_in(data)
        elif not self._ready:
            error = {"kind": "Failed", "message": "the container's process died while it was being set up"}
        self.outcome(error)


def _error_in(data: bytes) -> ErrorReply:
    """Who may trace the child can take its channel and say anything: then it has failed."""
    try:
        error = decode(data)["error"]
        return {"kind": str(error["kind"]), "message": str(error["message"])}
    except (ValueError, TypeError, KeyError):
        return {"kind": "Failed", "message": "the container's process sent something else than an error"}


def fork(
    loop: Loop,
    pid_namespace: int | bool | None,
    cgroup: Cgroup | None,
    main: Callable[[sockets.Socket, bool], NoReturn],
    kept: Sequence[int],
    on_terminal: Callable[[int], None],
    on_death: Callable[[int], None],
    waits: bool = False,
) -> Child:
    """Fork a child that runs `main` with its end of the channel, and whether it is in the cgroup already.

    `pid_namespace`: None for a new one, False for the caller's own, or a descriptor to join. `waits`: it will
    ask for an answer. Of all descriptors the child has only `kept` and its end: then it and the daemon hear
    when this process dies.
    """
    ours, theirs = sockets.pair()
    visited = pid_namespace is not False
    # Being born in a cgroup is quick on v2, moving oneself in is quick on v1, all else waits for RCU (9 ms).
    directory = cgroup.clone_fd() if cgroup is not None and not cgroup.layout.v1 else None
    try:
        if pid_namespace is None:
            ns.unshare(ns.CLONE_NEWPID)
        elif visited:
            ns.setns(int(pid_namespace), ns.CLONE_NEWPID)
        pid, inside = clone.fork(directory)
        if pid == 0:
            _run_child(main, kept, theirs, inside)
    finally:
        if visited:
            ns.setns(OWN_PID_NAMESPACE, ns.CLONE_NEWPID)
        if directory is not None:
            os.close(directory)
        theirs.close()
    return Child(loop, pid, ours, on_terminal, on_death, waits)


def _run_child(
    main: Callable[[sockets.Socket, bool], NoReturn],
    kept: Sequence[int],
    channel: sockets.Socket,
    inside: bool,
) -> NoReturn:
    try:
        gc.disable()  # it would close numbers that belong to others by then
        process.close_other_descriptors([channel.fileno(), *kept])
        signals.set_wakeup_fd(-1)
        signals.reset(*_IGNORED)
        forbid_imports()
        main(channel, inside)
    finally:
        os._exit(1)


def forbid_imports() -> None:
    """What was not loaded before would be looked for in the container's files, and run with our rights."""
    sys.meta_path.clear()
    sys.path.clear()
    sys.path_hooks.clear()
