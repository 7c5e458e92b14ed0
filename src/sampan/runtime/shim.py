"""The shim: one process per container, from its start to its end, whatever becomes of the daemon.

It owns the container's streams, log, execs and health checks, and leaves its exit status on disk. All of it
happens in one loop; nothing here may block on a client, a disk that is full, or the container.
"""

from __future__ import annotations

import binascii
import gc
import os

from sampan.errors import Conflict, SampanError
from sampan.linux import files, process, signals, sockets
from sampan.linux import namespaces as ns
from sampan.runtime import cgroups, init, spawn, userns
from sampan.runtime.control import Connection, Control
from sampan.runtime.execs import Execs
from sampan.runtime.failures import during_init, reply
from sampan.runtime.health import Health
from sampan.runtime.jsontext import decode, encode
from sampan.runtime.logfile import Log, open_log
from sampan.runtime.loop import Loop
from sampan.runtime.oom import OomWatch
from sampan.runtime.reaper import exit_code
from sampan.runtime.session import Pipes, Session
from sampan.specs.golang.time import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from sampan.runtime.protocol import ErrorReply, StartRequest, Status

# How long output may still come once init is dead: a process outside its pid namespace may hold the pipe. As
# Docker.
_DRAIN_SECONDS = 3.0


def kept_descriptors() -> list[int]:
    """Opened at import, and not to be closed by whoever tidies up."""
    return [spawn.OWN_PID_NAMESPACE]


def stand_by(keep: list[int]) -> Loop:
    """All that can be done before it is known for which container; descriptors but `keep` are closed."""
    os.setsid()
    _quieten()
    process.close_other_descriptors([*keep, *kept_descriptors()])
    null = os.open("/dev/null", os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    process.set_name("sampan-shim")
    process.set_child_subreaper()
    return Loop()


def main(loop: Loop, directory: str, fds: dict[str, int]) -> None:
    """Run the container that <directory>/start.json describes; returns when it is over."""
    request: StartRequest = decode(files.read(f"{directory}/start.json"))
    process.set_command_line(f"sampan-shim {request['id']} {directory}")
    Shim(loop, directory, request, fds).run()


def _quieten() -> None:
    """Nothing but the end of the container ends the shim. SIGTERM comes from a service manager's stop."""
    signals.ignore(signals.SIGPIPE, signals.SIGTERM, signals.SIGINT, signals.SIGHUP)


class Shim:
    def __init__(self, loop: Loop, directory: str, request: StartRequest, fds: dict[str, int]) -> None:
        self.directory = directory
        self.request = request
        self.loop = loop
        self.control = Control(self.loop, self._handle, self._deserted)
        self.log: Log | None = None
        self.session = Session(self.loop, request["stdin_once"], self._detached)
        self.cgroup: cgroups.Cgroup | None = None
        self._init: spawn.Child | None = None
        self.started_at = ""
        self.execs = Execs(self)
        self.health: Health | None = None
        self._fds = fds
        self._code: int | None = None
        self._finished = False
        self._oom: OomWatch | None = None

    def run(self) -> None:
        try:
            self._fork_init()
            self._open_rest()
        except Exception as error:
            self._hear_daemon()
            self._failed(reply(error))
        self.loop.on_error = self._note
        self.loop.run(self._over)

    def _note(self, error: Exception) -> None:
        """A mistake in one callback must not take the container's shim away; it stays to be read."""
        trace, where = error.__traceback__, []
        while trace is not None:
            code = trace.tb_frame.f_code
            where.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        self.write_file("shim.error", {"error": repr(error), "where": where, "at": now()})

    def _over(self) -> bool:
        return self._finished and self.session.quiet and self.control.flushed

    @property
    def pid(self) -> int:
        return 0 if self._init is None else self._init.pid

    # Starting

    def _fork_init(self) -> None:
        """As early as can be: everything in `_open_rest` happens while init is at work."""
        request = self.request
        config = request["cgroup"]
        self.cgroup = cgroups.open_cgroup(config["path"], config.get("layout"))
        # On v2 a process is born in its cgroup; on v1 it moves in, so making the cgroups can wait.
        if not self.cgroup.layout.v1:
            self._make_cgroup()
        terminal = bool(request["spec"]["process"].get("terminal"))
        pipes = None if terminal else Pipes(request["open_stdin"])
        seccomp = None if request["seccomp"] is None else binascii.a2b_base64(request["seccomp"])
        wanted = self._open_namespaces()
        layers = {int(name[6:]): fd for name, fd in self._fds.items() if name.startswith("layer:")}
        made = {int(name[6:]): fd for name, fd in self._fds.items() if name.startswith("mount:")}

        def become_init(channel: sockets.Socket, inside: bool) -> NoReturn:
            stdio = None if pipes is None else pipes.child
            init.main(
                init.Setting(request, wanted, self.cgroup, inside, seccomp, stdio, channel, layers, made)
            )

        kept = [*layers.values(), *made.values(), *(fd for fd in wanted.values() if fd is not None)]
        if pipes is not None:
            kept += pipes.child_ends
        # A pid namespace belongs to the user namespace it is made in, so there init makes it on its way.
        new_pid_namespace = "user" not in wanted and wanted.get("pid", -1) is None
        self._init = spawn.fork(
            self.loop,
            self.cgroup,
            become_init,
            kept,
            self._got_terminal if pipes is None else None,
            self._died,
            new_pid_namespace=new_pid_namespace,
            has_heir="user" in wanted or wanted.get("pid") is not None,
        )
        self._init.outcome = self._set_up
        for mount in (*layers.values(), *made.values()):
            os.close(mount)
        if self.cgroup.layout.v1:
            self._make_cgroup()
        self._init.proceed()
        if pipes is not None:
            self.session.use_pipes(pipes)
        for fd in wanted.values():
            if fd is not None:
                os.close(fd)

    def _make_cgroup(self) -> None:
        try:
            cgroups.create(self.request["cgroup"])
        except SampanError as error:
            raise during_init(f"error setting cgroup config for procHooks process: {error.message}") from None

    def _open_rest(self) -> None:
        self._hear_daemon()
        self.log = self.session.log = open_log(self.request["log"], self.loop)
        for index, attach in enumerate(self.request["attach"]):
            self.session.add_client(self._fds[f"attach:{index}"], attach)
        self.control.listen(self.directory)
        if self.cgroup is not None:
            self._oom = OomWatch(self.loop, self.cgroup, lambda: self.control.broadcast({"event": "oom"}))
            self._oom.start()

    def _hear_daemon(self) -> None:
        control = self._fds.pop("control", None)
        if control is not None:
            self.control.add(sockets.Socket(fileno=control))

    def _open_namespaces(self) -> dict[str, int | None]:
        """OCI type -> descriptor to join, or None for a new one; one the shim itself lives in is left out."""
        wanted: dict[str, int | None] = {}
        netns, users = self._fds.get("netns"), self._fds.get("userns")
        for entry in (self.request["spec"].get("linux") or {}).get("namespaces") or []:
            kind, path = entry["type"], entry.get("path")
            if kind == "network" and netns is not None:
                wanted[kind] = netns
            elif path is None and kind == "user" and users is not None:
                wanted[kind] = users
            elif path is None and kind == "user":
                linux = self.request["spec"]["linux"]
                wanted[kind] = userns.create(linux["uidMappings"], linux["gidMappings"])
            elif path is None:
                wanted[kind] = None
            else:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                if ns.same_as_mine(fd, ns.KINDS[kind][1]):
                    os.close(fd)
                else:
                    wanted[kind] = fd
        return wanted

    def _got_terminal(self, master: int) -> None:
        self.session.use_terminal(master, self.request["open_stdin"])

    def _set_up(self, error: ErrorReply | None) -> None:
        """Init's report: it runs, or it could not."""
        if error is not None:
            self._failed(error)
            return
        self.started_at = now()
        if self.request["healthcheck"] is not None:
            self.health = Health(self, self.request["healthcheck"])
        self.write_state()
        self.control.broadcast({"event": "started", "pid": self.pid, "started_at": self.started_at})
        # Execs and probes leave cycles behind. What was there before stays untouched and uncounted.
        gc.freeze()
        gc.enable()
        if self._code is not None:
            self._ended()
        elif not self.control.connected:
            self._deserted()

    def _deserted(self) -> None:
        """The daemon is gone: a container goes on without it, a step of a build has nobody to go on for."""
        if self.request.get("bound") and self.started_at and self._code is None:
            self._kill(signals.SIGKILL)

    def _failed(self, error: ErrorReply) -> None:
        """Leave nothing, then say why."""
        if self._finished:
            return
        self._finished = True
        if self.cgroup is not None:
            self._remove_cgroup()
        self.session.abandon_output()
        self.session.end()
        if self.log is not None:
            self.log.close()
        self.control.stop_listening(self.directory)
        self.control.broadcast({"event": "failed", "error": error})

    # Ending

    def _died(self, status: int) -> None:
        self._code = exit_code(status)
        if self.started_at:
            self._ended()

    def _ended(self) -> None:
        """Init is dead: whatever else runs in the cgroup goes too, then the output is read to its end."""
        if self.health is not None:
            self.health.stop()
        if self.cgroup is not None:
            try:
                if self._oom is not None:
                    self._oom.count()
                if self.cgroup.pids():
                    self.cgroup.kill()
            except (OSError, SampanError) as error:
                self._note(error)
        self.session.on_drained = self._drained
        if self.session.drained:
            self._drained()
        else:
            self.loop.later(_DRAIN_SECONDS, self.session.abandon_output)

    def _drained(self) -> None:
        if self._finished:
            return
        self._finished = True
        self.execs.container_ended()
        if self.log is not None:
            self.log.close()
        self._remove_cgroup()
        # Before anybody hears of the end: the container may be started again at once, with files of these
        # names.
        self.control.stop_listening(self.directory)
        killed = self._oom is not None and self._oom.killed > 0
        event = {"event": "exit", "code": self._code, "oom": killed, "at": now(), "error": ""}
        self.write_file("exit.json", event)
        self.control.broadcast(event)
        self.session.end()

    def _remove_cgroup(self) -> None:
        if self._oom is not None:
            self._oom.stop()
        if self.cgroup is not None:
            try:
                self.cgroup.remove()
            except (OSError, SampanError) as error:  # the exit status matters more; the daemon sweeps later
                self._note(error)

    # Requests

    def _handle(self, connection: Connection, message: dict[str, Any], fds: list[int]) -> None:
        try:
            result = self._perform(connection, message, fds)
        except Exception as error:
            result = {"error": reply(error)}
        finally:
            for fd in fds:  # that nobody has taken
                os.close(fd)
        if result is not None:  # or it is answered later
            connection.send({"seq": message.get("seq"), **result})

    def _perform(
        self, connection: Connection, message: dict[str, Any], fds: list[int]
    ) -> dict[str, Any] | None:
        operation, target = message["op"], message.get("exec")
        if operation == "exec":
            self.execs.start(connection, message["seq"], message["id"], fds)
            return None
        if operation == "attach":
            session = self._session(message["attach"].get("exec"))
            session.add_client(fds.pop(), message["attach"])
        elif operation == "resize":
            self._session(target).resize(message["height"], message["width"])
        elif operation == "kill":
            if target is None:
                self._kill(message["signal"])
            else:
                self.execs.kill(target, message["signal"])
        elif operation == "status":
            return dict(self.status())
        elif operation == "reopen-log":
            if self.log is not None:
                self.log.reopen()
        else:
            raise ValueError(f"unknown operation {operation}")
        return {}

    def _kill(self, number: int) -> None:
        if self._init is None or self._code is not None:  # reaped: its number may be somebody else's by now
            raise Conflict(f"container {self.request['id']} is not running")
        self._init.kill(number)

    def _session(self, exec: str | None) -> Session:
        return self.session if exec is None else self.execs.session(exec)

    def _detached(self) -> None:
        self.control.broadcast({"event": "detach", "exec": None})

    # What is on disk

    def status(self) -> Status:
        return {
            "id": self.request["id"],
            "shim_pid": os.getpid(),
            "pid": self.pid,
            "pid_start": process.start_time(self.pid),
            "started_at": self.started_at,
            "cgroup": "" if self.cgroup is None else self.cgroup.path,
            "health": None if self.health is None else self.health.state,
            "execs": self.execs.running(),
        }

    def write_state(self) -> None:
        self.write_file("state.json", dict(self.status()))

    def write_file(self, name: str, content: dict[str, Any]) -> None:
        try:
            files.replace(f"{self.directory}/{name}", encode(content))
        except OSError:
            return  # a full disk: the event still goes out, and it is the daemon that must know
