"""Asking systemd for a cgroup of our own: a transient scope with Delegate=yes.

org.freedesktop.systemd1(5), systemd.scope(5), D-Bus specification "Message Protocol". Spoken over systemd's
private socket, which needs no message bus and serves root only. Loaded by the daemon at its start, on such
machines. Why not a library: docs/decisions/own-dbus.md.
"""

from __future__ import annotations

import os
import socket
import struct

from sampan.errors import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PRIVATE_SOCKET = "/run/systemd/private"
TIMEOUT = 5.0
_METHOD_CALL, _ERROR = 1, 3
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _DESTINATION, _SIGNATURE = 1, 2, 3, 4, 6, 8


class Writer:
    """Little-endian D-Bus values, each aligned as its type wants."""

    def __init__(self) -> None:
        self.data = bytearray()

    def align(self, to: int) -> None:
        self.data += b"\0" * (-len(self.data) % to)

    def uint32(self, value: int) -> None:
        self.align(4)
        self.data += struct.pack("<I", value)

    def string(self, text: str) -> None:
        encoded = text.encode()
        self.uint32(len(encoded))
        self.data += encoded + b"\0"

    def signature(self, text: str) -> None:
        self.data += bytes([len(text)]) + text.encode() + b"\0"

    def array(self, items: Writer, element_alignment: int) -> None:
        """`items` was written from an aligned start; its length leaves out the padding before it."""
        self.uint32(len(items.data))
        self.align(element_alignment)
        self.data += items.data


def start_scope_call(name: str, pids: Sequence[int], slice: str) -> bytes:
    """The message StartTransientUnit(name, "replace", properties, [])."""
    properties = Writer()
    _property(properties, "Description", "Containers of Sampan")
    _property(properties, "Slice", slice)
    _property(properties, "Delegate", True)
    _property(properties, "CollectMode", "inactive-or-failed")
    _property(properties, "PIDs", pids)
    body = Writer()
    body.string(name)
    body.string("replace")
    body.array(properties, 8)
    body.array(Writer(), 8)
    header = Writer()
    fields = (
        (_PATH, "o", "/org/freedesktop/systemd1"),
        (_DESTINATION, "s", "org.freedesktop.systemd1"),
        (_INTERFACE, "s", "org.freedesktop.systemd1.Manager"),
        (_MEMBER, "s", "StartTransientUnit"),
        (_SIGNATURE, "g", "ssa(sv)a(sa(sv))"),
    )
    for code, kind, value in fields:
        header.align(8)
        header.data.append(code)
        header.signature(kind)
        if kind == "g":
            header.signature(value)
        else:
            header.string(value)
    message = Writer()
    message.data += struct.pack("<BBBBII", ord("l"), _METHOD_CALL, 0, 1, len(body.data), 1)
    message.array(header, 8)
    message.align(8)
    return bytes(message.data + body.data)


def _property(properties: Writer, name: str, value: str | bool | Sequence[int]) -> None:
    """One (sv) of an a(sv)."""
    properties.align(8)
    properties.string(name)
    if isinstance(value, str):
        properties.signature("s")
        properties.string(value)
    elif isinstance(value, bool):
        properties.signature("b")
        properties.uint32(int(value))
    else:
        properties.signature("au")
        numbers = Writer()
        for number in value:
            numbers.uint32(number)
        properties.align(4)
        properties.array(numbers, 4)


def start_scope(name: str, pids: Sequence[int], slice: str, path: str = PRIVATE_SOCKET) -> None:
    """Have systemd queue the scope's start; it moves the processes a moment later. Raises Failed."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT)
        try:
            connection.connect(path)
            connection.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
            answer = _line(connection)
            if not answer.startswith(b"OK "):
                raise Failed(f"systemd refused the request: {answer.decode(errors='replace')}")
            connection.sendall(b"BEGIN\r\n" + start_scope_call(name, pids, slice))
            while not _is_answer(connection, name):
                continue
        except OSError as error:
            raise Failed(f"cannot ask systemd for {name}: {error.strerror or error}") from error


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\r\n"):
        line += _exactly(connection, 1)
    return line[:-2]


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise Failed("systemd closed the connection")
        data += chunk
    return data


def _is_answer(connection: socket.socket, name: str) -> bool:
    """Read one message: False for a signal, True for the return. Raises Failed for an error."""
    start = _exactly(connection, 16)
    order = "<" if start[0] == ord("l") else ">"
    body_length, _, fields_length = struct.unpack_from(order + "III", start, 4)
    if body_length > 1 << 20 or fields_length > 1 << 20:
        raise Failed("systemd sent a message that is too long")
    _exactly(connection, (fields_length + 7) & ~7)
    body = _exactly(connection, body_length)
    if start[1] == _ERROR:
        length = struct.unpack_from(order + "I", body)[0] if len(body) >= 4 else 0
        raise Failed(f"systemd did not start {name}: {body[4 : 4 + length].decode(errors='replace')}")
    return start[1] == 2
