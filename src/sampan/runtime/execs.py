"""Further processes in a running container: `exec`, and the probes of a health check.

The child joins the cgroup, then all namespaces at once through a pidfd of init (setns(2), Linux 5.8), gives
up the rights that the program shall not have, and only then forks into init's pid namespace: that is when
processes of the container can see it. From there on it goes the same way as init (program.py).
"""

from __future__ import annotations

import binascii
import os

from sampan.errors import Conflict, NotFound
from sampan.linux import files, process, seccomp, sockets
from sampan.linux import namespaces as ns
from sampan.runtime import devices, program, spawn
from sampan.runtime.failures import reply
from sampan.runtime.jsontext import decode, encode
from sampan.runtime.reaper import exit_code
from sampan.runtime.session import Pipes, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from sampan.runtime.control import Connection
    from sampan.runtime.interfaces import Container, Sink
    from sampan.runtime.protocol import ErrorReply, ExecRequest

_JOINED = ("user", "mount", "uts", "ipc", "network", "cgroup", "pid")


class Exec:
    """One process; `on_start` hears None or why not, `on_exit` its exit code once its output is drained."""

    def __init__(
        self,
        container: Container,
        request: dict[str, Any],
        on_start: Callable[[ErrorReply | None], None],
        on_exit: Callable[[int], None],
        on_detach: Callable[[], None] = lambda: None,
        output: Sink | None = None,
    ) -> None:
        self._container = container
        self._request = request
        self._on_start = on_start
        self._on_exit = on_exit
        self._code: int | None = None
        self._started = False
        self._reported = False
        # An exec's input always ends with its client's, as if StdinOnce were set.
        self.session = Session(container.loop, True, on_detach)
        self.session.log = output
        self._child: spawn.Child | None = None

    @property
    def pid(self) -> int:
        return 0 if self._child is None else self._child.pid

    def start(self) -> None:
        """Raises OSError when no process can be made, and leaves nothing open."""
        terminal = self._request["process"].get("terminal")
        pipes = None if terminal else Pipes(self._request["open_stdin"])
        try:
            self._fork(pipes)
        except BaseException:
            if pipes is not None:
                pipes.close()
            raise
        if pipes is not None:
            self.session.use_pipes(pipes)

    def _fork(self, pipes: Pipes | None) -> None:
        container = self._container
        pidfd = os.pidfd_open(container.pid)
        try:
            self._child = child = spawn.fork(
                container.loop,
                container.cgroup,
                lambda channel, inside: self._become(channel, inside, pidfd, pipes),
                [pidfd, *(() if pipes is None else pipes.child_ends)],
                self._got_terminal if pipes is None else None,
                self._died,
                new_pid_namespace=False,
                has_heir=True,
            )
        finally:
            os.close(pidfd)
        child.outcome = self._set_up

    def _got_terminal(self, master: int) -> None:
        self.session.use_terminal(master, self._request["open_stdin"])

    def _set_up(self, error: ErrorReply | None) -> None:
        self._started = error is None
        if error is not None:
            self._reported = True
            self.session.abandon_output()
            self.session.release()
        self._on_start(error)
        if error is None and self._code is not None:
            self._ended()

    def _died(self, status: int) -> None:
        self._code = exit_code(status)
        if self._started:
            self._ended()

    def _ended(self) -> None:
        self.session.on_drained = self.report
        if self.session.drained:
            self.report()
        else:
            # What the process left behind in the background may hold its output for ever; Docker gives it a
            # while.
            self._container.loop.later(1.0, self.session.abandon_output)

    def report(self) -> None:
        if not self._reported and self._code is not None:
            self._reported = True
            self._on_exit(self._code)
            self.session.end()

    def signal(self, number: int) -> None:
        """To a process that has not been reaped; after that its number may be somebody else's."""
        if self._code is None and self._child is not None:
            self._child.kill(number)

    def kill(self) -> None:
        """The container has ended, and with it whatever is in its pid namespace or cgroup."""
        if self._code is None and self._child is not None:
            try:
                self._code = exit_code(self._child.wait())
            except ChildProcessError:
                self._code = 137
        self.session.abandon_output()
        self.report()

    # In the child

    def _become(self, channel: sockets.Socket, inside: bool, pidfd: int, pipes: Pipes | None) -> NoReturn:
        try:
            if self._container.cgroup is not None:
                self._container.cgroup.join_self(inside)
            self._enter(channel, pidfd, pipes)
        except BaseException as error:
            channel.send(encode({"error": reply(error, exec=True)}))
        os._exit(1)

    def _enter(self, channel: sockets.Socket, pidfd: int, pipes: Pipes | None) -> None:
        spec, text = self._request["process"], self._request.get("seccomp")
        process.new_session_keyring()
        program.prepare(spec)
        has_heir = enter_namespaces(self._container.pid, pidfd)
        if pipes is None:
            devices.use_terminal(channel, self._request["console_size"])
        else:
            devices.use_streams(pipes.child)
        seccomp_filter = None if text is None else binascii.a2b_base64(text)
        if has_heir and seccomp_filter is not None and not seccomp.allows_sibling(seccomp_filter):
            process.close_other_descriptors([channel.fileno()])
            spawn.go_on_in_heir(channel)
            has_heir = False
        confined = program.confine(spec, seccomp_filter, channel.fileno())
        if has_heir:
            spawn.go_on_in_heir(channel)
        os.setsid()
        if pipes is None:
            devices.control_terminal()
        program.execute(spec, confined, lambda: spawn.report_ready(channel))


def enter_namespaces(pid: int, pidfd: int) -> bool:
    """Every namespace of `pid` that is not the caller's own already; the root becomes that of its mount
    namespace. Returns whether children are born in another pid namespace.
    """
    flags = 0
    for flag, name in (ns.KINDS[kind] for kind in _JOINED):
        if ns.differs(pid, name):
            flags |= flag
    if flags:
        ns.setns(pidfd, flags)
    if flags & ns.CLONE_NEWUSER:
        ns.become_root()
    return bool(flags & ns.CLONE_NEWPID)


class Execs:
    """The container's execs by id; their files are <dir>/execs/<id>.json and, at the end, <id>.exit."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._running: dict[str, Exec] = {}

    def start(self, connection: Connection, seq: int, id: str, fds: list[int]) -> None:
        """Answers on `connection` once the program runs or cannot; takes the client's end from `fds`."""
        container = self._container
        if not container.started_at:
            raise Conflict(f"container {container.request['id']} is not running")
        request: ExecRequest = decode(files.read(f"{container.directory}/execs/{id}.json"))

        def started(error: ErrorReply | None) -> None:
            if error is not None:
                self._running.pop(id, None)
                connection.send({"seq": seq, "error": error})
                return
            connection.send({"seq": seq, "pid": running.pid})
            container.write_state()

        running = Exec(
            container, dict(request), started, lambda code: self._exited(id, code), lambda: self._detached(id)
        )
        if fds and request["attach"] is not None:
            running.session.add_client(fds.pop(), request["attach"])
        self._running[id] = running
        try:
            running.start()
        except BaseException:
            del self._running[id]
            running.session.release()
            raise

    def _exited(self, id: str, code: int) -> None:
        self._running.pop(id, None)
        self._container.write_file(f"execs/{id}.exit", {"code": code})
        self._container.write_state()
        self._container.control.broadcast({"event": "exec-exit", "exec": id, "code": code})

    def _detached(self, id: str) -> None:
        self._container.control.broadcast({"event": "detach", "exec": id})

    def container_ended(self) -> None:
        """They are dead as well: report those whose deaths have not been read yet."""
        for running in list(self._running.values()):
            running.kill()

    def running(self) -> dict[str, int]:
        return {id: running.pid for id, running in self._running.items()}

    def kill(self, id: str, number: int) -> None:
        self._find(id).signal(number)

    def session(self, id: str) -> Session:
        return self._find(id).session

    def _find(self, id: str) -> Exec:
        if id not in self._running:
            raise NotFound(f"No such exec instance: {id}")
        return self._running[id]
