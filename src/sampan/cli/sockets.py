"""Connections to a daemon: unix and tcp sockets, as the client, TLS and the build's agents use them.

Uses the interpreter's built-in _socket: the socket package costs more than most commands.
"""

from __future__ import annotations

import _socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Connection(Protocol):
        def recv(self, size: int, /) -> bytes: ...
        def sendall(self, data: bytes, /) -> None: ...
        def fileno(self) -> int: ...
        def close(self) -> None: ...
        def half_close(self) -> None: ...


class PlainSocket(_socket.socket):
    """A connected stream socket; a write to a closed peer raises instead of SIGPIPE."""

    def half_close(self) -> None:
        try:
            self.shutdown(_socket.SHUT_WR)
        except OSError:
            pass  # the peer has gone: there is nobody left to tell


def open_unix(path: str) -> PlainSocket:
    """Raises OSError when nobody listens there."""
    connection = PlainSocket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def open_tcp(host: str, port: int) -> PlainSocket:
    """The first of the host's addresses that answers; raises the OSError of the last when none does."""
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM):
        connection = PlainSocket(family, kind | _socket.SOCK_CLOEXEC, protocol)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
            continue
        connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        return connection
    raise failure


def split_address(rest: str) -> tuple[str, int]:
    """Host and port of HOST:PORT[/path], IPv6 in brackets."""
    rest = rest.split("/", 1)[0]
    if rest.startswith("["):
        host, _, port = rest[1:].partition("]")
        port = port.lstrip(":")
    else:
        host, _, port = rest.partition(":")
    return host or "localhost", int(port) if port.isdigit() else 2375
