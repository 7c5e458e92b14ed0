"""The addresses the daemon listens on: unix://, tcp:// and fd:// (systemd's socket activation)."""

import grp
import os
import socket
import ssl
from dataclasses import dataclass

from sampan.engine.daemon.config import DaemonConfig, split_host
from sampan.errors import Failed
from sampan.http.app import bind_tcp, bind_unix

FIRST_PASSED = 3  # SD_LISTEN_FDS_START, sd_listen_fds(3)


@dataclass(frozen=True)
class Listening:
    address: str
    socket: socket.socket
    context: ssl.SSLContext | None = None


def open_all(config: DaemonConfig, context: ssl.SSLContext | None) -> list[Listening]:
    """Every socket of the configuration, listening. Raises Failed; then none stays open."""
    opened: list[Listening] = []
    try:
        for address in config.listen:
            opened += open_one(address, config, context)
    except BaseException:
        for listening in opened:
            listening.socket.close()
        raise
    return opened


def open_one(address: str, config: DaemonConfig, context: ssl.SSLContext | None) -> list[Listening]:
    proto, name, port = split_host(address)
    if proto == "fd":
        return [Listening(address, sock) for sock in passed(name)]
    if proto == "unix":
        return [Listening(address, bind_unix(name, group=group_id(config.group)))]
    return [Listening(address, bind_tcp(name, port), context)]


def group_id(name: str) -> int | None:
    """The socket's group: None (root's) when it does not exist and is only the default. Raises Failed."""
    if not name:
        return None
    if name.isdigit():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        if name == "docker":
            return None
        raise Failed(f"group {name} not found") from None


def passed(name: str) -> list[socket.socket]:
    """Sockets systemd opened for us; `name` picks one by its FileDescriptorName. sd_listen_fds(3)"""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        raise Failed(f"no sockets found via socket activation: fd://{name} needs systemd to start the daemon")
    count = int(os.environ.get("LISTEN_FDS", "0"))
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    found: list[socket.socket] = []
    for index in range(count):
        label = names[index] if index < len(names) else ""
        if name in ("", "*", label, str(FIRST_PASSED + index)):
            sock = socket.socket(fileno=FIRST_PASSED + index)
            sock.setblocking(False)
            os.set_inheritable(sock.fileno(), False)
            found.append(sock)
    if not found:
        raise Failed(f"failed to find socket activation descriptor fd://{name}")
    return found


def remove(listening: list[Listening]) -> None:
    """Unlink our unix sockets, so that clients see at once that nobody is there."""
    for item in listening:
        if item.address.startswith("unix://"):
            try:
                os.unlink(item.address.removeprefix("unix://"))
            except FileNotFoundError:
                pass
