"""Unix sockets with descriptors in their messages, from the C module beneath `socket`.

unix(7), SCM_RIGHTS. See signals.py for why the C module. Descriptors that arrive are close-on-exec.
"""

from __future__ import annotations

import _socket
import errno
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

Socket = _socket.socket

AF_UNIX = _socket.AF_UNIX
SHUT_RDWR = _socket.SHUT_RDWR
SHUT_WR = _socket.SHUT_WR
SOCK_STREAM = _socket.SOCK_STREAM
SOCK_DGRAM = _socket.SOCK_DGRAM
_INT = struct.calcsize("i")


def pair() -> tuple[Socket, Socket]:
    """Two ends of a SOCK_SEQPACKET connection."""
    return _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)


def listener() -> Socket:
    """SOCK_SEQPACKET, close-on-exec and not blocking; it is bound to nothing yet, nor does it listen."""
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_NONBLOCK)


def accept(listening: Socket) -> Socket:
    """A blocking, close-on-exec connection. Raises BlockingIOError when none waits at a socket that does not
    block.
    """
    descriptor, _address = listening._accept()  # type: ignore[attr-defined]
    return Socket(fileno=descriptor)


def send(socket: Socket, data: bytes, descriptors: Sequence[int] = ()) -> None:
    """With duplicates of the descriptors: the caller still closes its own. Raises OSError, BrokenPipeError
    when the other end is gone.
    """
    if not descriptors:
        socket.send(data)
        return
    rights = struct.pack(f"{len(descriptors)}i", *descriptors)
    socket.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])


def receive(socket: Socket, size: int, descriptors: int) -> tuple[bytes, list[int]]:
    """One message and up to that many descriptors; empty at the end."""
    space = _socket.CMSG_LEN(descriptors * _INT)
    try:
        data, ancillary, _flags, _address = socket.recvmsg(size, space, _socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        # The other end closed with something of ours unread: said once, and before what it has sent.
        data, ancillary, _flags, _address = socket.recvmsg(size, space, _socket.MSG_CMSG_CLOEXEC)
    found: list[int] = []
    for level, kind, rights in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            count = len(rights) // _INT
            found += struct.unpack(f"{count}i", rights[: count * _INT])
    return data, found


def dial(address: str, port: int, kind: int) -> Socket:
    """A socket that does not block, on its way to an IP address: writable once there, see error(). ip(7)."""
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    made = _socket.socket(family, kind | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
    problem = made.connect_ex((address, port))
    if problem not in (0, errno.EINPROGRESS):
        made.close()
        raise OSError(problem, os.strerror(problem))
    return made


def error(socket: Socket) -> int:
    """What became of its connect: 0, or an errno."""
    return socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
