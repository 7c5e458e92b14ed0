"""Task: the engine's port relay, a process which outlives the daemon and serves the next one.

It listens on <directory>/shim.sock and speaks as shims do (control.py), to whichever daemon connects:

    {"op": "add", "key": "tcp//8080", "address": "172.17.0.2", "port": 80}   and the port's socket
        the same without a socket lets what comes from now on go elsewhere
    {"op": "drop", "keys": [...]}     -> {"dropped": n}, once the sockets are closed
    {"op": "list"}                    -> {"keys": [...], "more": bool}, as often as it takes

It ends when it holds no port and no daemon is connected.
"""

from __future__ import annotations

import os
import resource

from sampan.linux import process, signals, sockets
from sampan.runtime.control import Control
from sampan.runtime.forwarding import carrier
from sampan.runtime.loop import Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from sampan.runtime.control import Connection
    from sampan.runtime.forwarding import Datagrams, Streams

KEYS_A_MESSAGE = 1000  # of 30 bytes or so; a message must fit in the socket's buffer


def main(request: dict[str, Any], fds: dict[str, int]) -> dict[str, Any]:
    """`request`: "directory"; the daemon's connection comes as "daemon". Returns once the relay is forked."""
    if os.fork() == 0:
        _serve(request["directory"], fds["daemon"])
    return {}


def _serve(directory: str, daemon: int) -> NoReturn:
    status = 1
    try:
        # Like a shim: a service manager that stops the daemon does not stop the containers' ports.
        signals.ignore(signals.SIGPIPE, signals.SIGTERM, signals.SIGINT, signals.SIGHUP)
        process.close_other_descriptors([daemon])
        null = os.open("/dev/null", os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)
        process.set_name("sampan-ports")
        process.set_command_line("sampan-ports")
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        Relay(directory, sockets.Socket(fileno=daemon)).run()
        status = 0
    finally:
        os._exit(status)


class Relay:
    def __init__(self, directory: str, daemon: sockets.Socket) -> None:
        self._loop = Loop()
        self._loop.on_error = lambda error: None  # one connection's trouble is not the others'
        self._carriers: dict[str, Streams | Datagrams] = {}
        self._control = Control(self._loop, self._handle)
        self._control.listen(directory)
        self._control.add(daemon)

    def run(self) -> None:
        self._loop.run(lambda: not self._carriers and not self._control.connected)

    def _handle(self, connection: Connection, message: dict[str, Any], fds: list[int]) -> None:
        operation = message["op"]
        if operation == "add":
            self._add(message["key"], message["address"], message["port"], fds)
        elif operation == "drop":
            known = [key for key in message["keys"] if key in self._carriers]
            for key in known:
                self._carriers.pop(key).close()
            connection.send({"dropped": len(known)})
        elif operation == "list":
            keys = sorted(self._carriers)
            for start in range(0, len(keys) or 1, KEYS_A_MESSAGE):
                end = start + KEYS_A_MESSAGE
                connection.send({"keys": keys[start:end], "more": end < len(keys)})

    def _add(self, key: str, address: str, port: int, fds: list[int]) -> None:
        if fds:
            if key in self._carriers:
                self._carriers.pop(key).close()
            self._carriers[key] = carrier(self._loop, sockets.Socket(fileno=fds[0]), address, port)
        elif key in self._carriers:
            self._carriers[key].target = (address, port)
