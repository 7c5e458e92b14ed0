"""Forking a container's processes: into its cgroup and pid namespace, with a channel to hear from the child.

unshare(2) and setns(2) of a pid namespace concern children only, pid_namespaces(7): the shim makes a new one
for one fork and returns. Into one with others in it, who may look at whoever appears there, goes a child of
the child: born when that has left the host behind (`go_on_in_heir`).
"""

from __future__ import annotations

import gc
import os
import sys

from sampan.linux import clone, process, signals, sockets
from sampan.linux import namespaces as ns
from sampan.runtime.jsontext import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from sampan.runtime.cgroups import Cgroup
    from sampan.runtime.loop import Loop
    from sampan.runtime.protocol import ErrorReply

_READY = b"ready"
_HEIR = b"heir "  # and the pid of the process that goes on instead

OWN_PID_NAMESPACE = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


class Child:
    """A forked process on its way to execve(2), or to fork its heir, who goes that way in its place.

    `outcome` is called once, with None when the program runs, or why it does not; `on_death` with the wait
    status of the process, or of the heir; `on_terminal`, if one is expected, with its master.

    Whoever may trace the child can take its channel and say anything, so nothing heard there is believed that
    could concern another process: it fails this start at most.
    """

    def __init__(
        self,
        loop: Loop,
        pid: int,
        channel: sockets.Socket,
        on_terminal: Callable[[int], None] | None,
        on_death: Callable[[int], None],
        has_heir: bool,
    ) -> None:
        self._loop = loop
        self.pid = pid
        self._channel: sockets.Socket | None = channel
        self._on_terminal = on_terminal
        self._on_death = on_death
        self._ready = False
        self._awaits_heir = has_heir
        self._signal = 0
        self._reaped = False
        self.outcome: Callable[[ErrorReply | None], None] = lambda error: None
        channel.setblocking(False)
        if has_heir:
            loop.expect_child(+1)
        loop.on_death(pid, self._died_without_heir if has_heir else on_death)
        # It is heard once it is done (the hang-up): being woken by its last words would take the processor
        # from it, right before its execve.
        loop.watch(channel.fileno(), 0, self._hear)

    def _hear(self, _events: int) -> None:
        while self._channel is not None:
            try:
                data, fds = sockets.receive(self._channel, 1 << 16, 1)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            if fds:
                self._take_terminal(fds[0])
            elif self._awaits_heir and data.startswith(_HEIR) and self._may_be_heir(data[len(_HEIR) :]):
                self._go_on_with(int(data[len(_HEIR) :]))
            elif data == _READY:
                self._ready = True  # but only the end of file, from execve's close-on-exec, says that it runs
            else:
                self._conclude(data)

    def _take_terminal(self, fd: int) -> None:
        take, self._on_terminal = self._on_terminal, None
        if take is not None and os.isatty(fd):
            take(fd)
        else:
            os.close(fd)

    def _may_be_heir(self, pid: bytes) -> bool:
        return pid.isdigit() and len(pid) < 8 and self._loop.is_unclaimed_child(int(pid))

    def _died_without_heir(self, status: int) -> None:
        self._hear(0)  # it may have said meanwhile that it has one
        if self._awaits_heir:
            self._end_wait()
            self._on_death(status)

    def _go_on_with(self, heir: int) -> None:
        self._reaped = not self._loop.on_death(heir, self._on_death)
        self.pid = heir
        self._end_wait()
        if self._signal:
            self.kill(self._signal)

    def _end_wait(self) -> None:
        self._awaits_heir = False
        self._loop.expect_child(-1)

    def kill(self, number: int) -> None:
        """Signal the process, not yet reaped; an heir that is not known yet gets it once it is."""
        self._hear(0)
        if self._awaits_heir:
            self._signal = number  # ending the parent now might leave an heir that nobody ever hears of
        elif not self._reaped:
            os.kill(self.pid, number)

    def wait(self) -> int:
        """Block until it is dead, which it is about to be, and return its wait status.

        Raises ChildProcessError when its death is on its way to `on_death` already.
        """
        self._hear(0)
        if self._awaits_heir:
            status = self._reap()
            self._hear(0)
            if self._awaits_heir:
                self._end_wait()
                return status
        return self._reap()

    def _reap(self) -> int:
        self._loop.forget_death(self.pid)
        return os.waitpid(self.pid, 0)[1]

    def proceed(self) -> None:
        """Its cgroup is there."""
        try:
            if self._channel is not None:
                self._channel.send(b"go")
        except OSError:
            pass  # it has failed already, and why is there to be read

    def _conclude(self, data: bytes) -> None:
        if self._channel is not None:
            self._loop.forget(self._channel.fileno())
            self._channel.close()
            self._channel = None
        error: ErrorReply | None = None
        if data:
            error = _error_in(data)
        elif not self._ready:
            error = {"kind": "Failed", "message": "the container's process died while it was being set up"}
        self.outcome(error)


def _error_in(data: bytes) -> ErrorReply:
    try:
        error = decode(data)["error"]
        return {"kind": str(error["kind"]), "message": str(error["message"])}
    except (ValueError, TypeError, KeyError):
        return {"kind": "Failed", "message": "the container's process sent an invalid message"}


def fork(
    loop: Loop,
    cgroup: Cgroup | None,
    main: Callable[[sockets.Socket, bool], NoReturn],
    kept: Sequence[int],
    on_terminal: Callable[[int], None] | None,
    on_death: Callable[[int], None],
    *,
    new_pid_namespace: bool,
    has_heir: bool = False,
) -> Child:
    """Fork a child that runs `main` with its end of the channel, and whether it is in the cgroup already.

    `has_heir`: it will call `go_on_in_heir`. Of all descriptors the child has only `kept` and its end: then
    it and the daemon hear when this process dies.
    """
    ours, theirs = sockets.pair()
    # Being born in a cgroup is quick on v2, moving oneself in is quick on v1, all else waits for RCU (9 ms).
    directory = cgroup.clone_fd() if cgroup is not None and not cgroup.layout.v1 else None
    try:
        if new_pid_namespace:
            ns.unshare(ns.CLONE_NEWPID)
        pid, inside = clone.fork(directory)
        if pid == 0:
            _run_child(main, kept, theirs, inside)
    finally:
        if new_pid_namespace:
            ns.setns(OWN_PID_NAMESPACE, ns.CLONE_NEWPID)
        if directory is not None:
            os.close(directory)
        theirs.close()
    return Child(loop, pid, ours, on_terminal, on_death, has_heir)


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
        # execve(2) would keep what Python, the shim or whoever started the daemon ignores.
        signals.reset_all()
        signals.block()
        forbid_imports()
        main(channel, inside)
    finally:
        os._exit(1)


def report_ready(channel: sockets.Socket) -> None:
    channel.send(_READY)


def go_on_in_heir(channel: sockets.Socket) -> None:
    """Returns in a new child of the shim's, in the pid namespace chosen for children; the caller ends."""
    heir = clone.fork_sibling()
    if heir:
        channel.send(_HEIR + b"%d" % heir)
        os._exit(0)


def forbid_imports() -> None:
    """What was not loaded before would be looked for in the container's files, and run with our rights."""
    sys.meta_path.clear()
    sys.path.clear()
    sys.path_hooks.clear()
