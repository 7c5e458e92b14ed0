"""The daemon's side of the port relay, the process that outlives it: see runtime/portrelay.py."""

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sampan.errors import SampanError
from sampan.linux.rtnetlink import Address
from sampan.network.ports import Lease, Ports
from sampan.paths import Paths
from sampan.runtime.client import Launcher
from sampan.tasks import Tasks

log = logging.getLogger("sampan.network")

ANSWER_TIMEOUT = 5.0  # seconds; an answer takes 0.1 ms
KEYS_A_MESSAGE = 1000
AGAIN = 1.0  # seconds until a relay that died is replaced once more


@dataclass
class Relays:
    """What is relayed, and whether the relay knows: with none connected, one is found or made and told all.

    Until it is, connections wait in the queues of the sockets, which the daemon has too.
    """

    paths: Paths
    launcher: Launcher
    ports: Ports
    _wanted: dict[str, tuple[Lease, Address]] = field(default_factory=dict)
    _there: set[str] = field(default_factory=set)  # what the relay holds
    _socket: socket.socket | None = None
    _connecting: bool = False
    _tasks: Tasks = field(default_factory=Tasks)
    _stopped: bool = False

    def find(self) -> bool:
        """The relay that an earlier daemon left, or that this one thought dead; False when there is none."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        made.settimeout(ANSWER_TIMEOUT)
        try:
            # The path may be longer than sockaddr_un takes.
            directory = os.open(self.paths.ports, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                made.connect(f"/proc/self/fd/{directory}/shim.sock")
            finally:
                os.close(directory)
        except OSError:
            made.close()
            return False
        self._use(made)
        self._send({"op": "list"})
        while (answer := self._answer()) is not None:
            self._there.update(answer["keys"])
            if not answer["more"]:
                return True
        return False

    def has(self, key: str) -> bool:
        """Whether the relay holds this port."""
        return key in self._there

    def settle(self) -> None:
        """After finding it: it lets go of ports whose containers ended meanwhile."""
        self._drop(self._there - self._wanted.keys())

    def add(self, lease: Lease, target: Address) -> None:
        """Relay what comes to the lease's socket, or lead it elsewhere from now on."""
        self._wanted[lease.key] = (lease, target)
        if self._socket is not None:
            self._tell(lease, target)
        else:
            self._connect()

    def _connect(self, delay: float = 0.0) -> None:
        if not self._connecting:
            self._connecting = True
            self._tasks.spawn(self._make(delay))

    def drop(self, leases: Iterable[Lease]) -> None:
        """The ports are free once this returns and the leases' own sockets are closed."""
        self._drop([key for lease in leases if self._wanted.pop(key := lease.key, None) is not None])

    def _drop(self, keys: Iterable[str]) -> None:
        wanted = list(keys)
        self._there.difference_update(wanted)
        for start in range(0, len(wanted), KEYS_A_MESSAGE):
            if self._send({"op": "drop", "keys": wanted[start : start + KEYS_A_MESSAGE]}):
                self._answer()

    async def stop(self) -> None:
        """The daemon ends, the relay goes on."""
        self._stopped = True
        await self._tasks.stop()
        self._close()

    # -- the connection

    def _use(self, made: socket.socket) -> None:
        made.settimeout(ANSWER_TIMEOUT)
        self._socket = made
        asyncio.get_running_loop().add_reader(made.fileno(), self._readable)

    def _close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        """Answers are read where they are waited for, so this is the end."""
        assert self._socket is not None
        with contextlib.suppress(OSError):
            if self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                return
        self._lost()

    def _lost(self) -> None:
        self._close()
        self._there.clear()
        if self._wanted and not self._stopped and not self._connecting:
            log.warning("the port relay died; starting another")
            self._connect(AGAIN)

    async def _make(self, delay: float) -> None:
        try:
            await asyncio.sleep(delay)
            if self.find():
                self.settle()
            else:
                self._use(await self._spawn())
        except (SampanError, OSError) as error:
            log.warning("what the kernel cannot rewrite for published ports is not relayed: %s", error)
            return
        finally:
            self._connecting = False
        for lease, target in list(self._wanted.values()):
            if not lease.sockets and lease.key not in self._there:
                self.ports.hold(lease)
            self._tell(lease, target)

    async def _spawn(self) -> socket.socket:
        self.paths.ports.mkdir(mode=0o700, exist_ok=True)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.ExitStack() as undo:
            undo.enter_context(ours)
            with theirs:
                request, fds = {"directory": str(self.paths.ports)}, {"daemon": theirs.fileno()}
                task = await self.launcher.task("portrelay", request, self.paths.tmp, fds)
                await task.wait()
            undo.pop_all()
        return ours

    def _tell(self, lease: Lease, target: Address) -> None:
        message = {"op": "add", "key": lease.key, "address": str(target), "port": lease.container_port}
        if lease.key in self._there:
            self._send(message)
        elif self._send(message, [held.fileno() for held in lease.sockets]) and lease.sockets:
            self._there.add(lease.key)

    def _send(self, message: dict[str, Any], fds: Iterable[int] = ()) -> bool:
        if self._socket is None:
            return False
        try:
            socket.send_fds(self._socket, [json.dumps(message).encode()], list(fds))
            return True
        except OSError:
            self._lost()
            return False

    def _answer(self) -> Any:
        if self._socket is None:
            return None
        try:
            data = self._socket.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            self._lost()
            return None
        return json.loads(data)
