"""A container while the daemon runs: its record, plus everything that need not survive a restart."""

import asyncio
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.restart import RestartMonitor
from sampan.runtime.client import Shim
from sampan.runtime.protocol import Attach


@dataclass(frozen=True)
class Ended:
    """What a waiter hears. `error`: why the removal it waited for failed."""

    code: int
    error: str = ""


@dataclass(frozen=True)
class Waiting:
    """A client connection that attached before the start."""

    attach: Attach
    socket: socket.socket


@dataclass(eq=False)
class Container:
    """`lock` is held for every change of state, never while waiting for the container's program."""

    record: ContainerRecord
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    shim: Shim | None = None
    attaching: list[Waiting] = field(default_factory=list)
    execs: "dict[str, Exec]" = field(default_factory=dict)
    monitor: RestartMonitor = field(default_factory=RestartMonitor)
    restarting: asyncio.Task[None] | None = None
    stopping: int = 0  # calls of stop under way
    kept: int = 0  # calls of restart under way: auto-remove waits
    started: float = 0.0  # monotonic
    _stopped: list[asyncio.Future[Ended]] = field(default_factory=list)
    _removed: list[asyncio.Future[Ended]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def name(self) -> str:
        return self.record.name

    def next_exit(self) -> asyncio.Future[Ended]:
        future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._stopped = [waiter for waiter in self._stopped if not waiter.done()]
        self._stopped.append(future)
        return future

    def removal(self) -> asyncio.Future[Ended]:
        future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._removed = [waiter for waiter in self._removed if not waiter.done()]
        self._removed.append(future)
        return future

    def announce_exit(self) -> None:
        self._stopped = announce(self._stopped, Ended(self.record.state.exit_code))

    def announce_removal(self, error: str = "") -> None:
        ended = Ended(self.record.state.exit_code, error)
        self._removed = announce(self._removed, ended)
        if not error:
            self._stopped = announce(self._stopped, ended)

    def drop_attaching(self) -> None:
        for waiting in self.attaching:
            waiting.socket.close()
        self.attaching.clear()


@dataclass(eq=False)
class Exec:
    """`config` is the normalised body of POST /containers/{id}/exec; `pid` is the host's, 0 until it runs,
    and `exit_code` is None until it has ended.
    """

    id: str
    container: Container
    config: dict[str, Any]
    running: bool = False
    started: bool = False
    exit_code: int | None = None
    pid: int = 0
    ended_at: float = 0.0  # monotonic

    @property
    def action(self) -> str:
        """How events name it."""
        # Docker's text is "entrypoint arguments", with its space even when there are none.
        command, *arguments = self.config["Cmd"]
        return f"{command} {' '.join(arguments)}"

    def ended(self, code: int) -> None:
        self.running, self.exit_code, self.ended_at = False, code, time.monotonic()

    def document(self) -> dict[str, Any]:
        """GET /exec/<id>/json."""
        command = self.config["Cmd"]
        process: dict[str, Any] = {
            "tty": self.config["Tty"],
            "entrypoint": command[0],
            "arguments": command[1:],
            "privileged": self.config["Privileged"],
        }
        if self.config["User"]:
            process["user"] = self.config["User"]
        return {
            "ID": self.id,
            "Running": self.running,
            "ExitCode": self.exit_code,
            "ProcessConfig": process,
            "OpenStdin": self.config["AttachStdin"],
            "OpenStderr": self.config["AttachStderr"],
            "OpenStdout": self.config["AttachStdout"],
            "CanRemove": False,
            "ContainerID": self.container.id,
            "DetachKeys": self.config.get("DetachKeys", ""),
            "Pid": self.pid,
        }


def announce(waiters: list[asyncio.Future[Ended]], ended: Ended) -> list[asyncio.Future[Ended]]:
    for future in waiters:
        if not future.done():
            future.set_result(ended)
    return []
