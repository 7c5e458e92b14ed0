"""The netlink wire format and a blocking socket for it: what rtnetlink and nftables have in common.

Sources: netlink(7), Documentation/userspace-api/netlink/intro.rst, include/uapi/linux/netlink.h.
All integers are in host order unless an attribute says otherwise.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_ECHO = 0x8
NLM_F_DUMP_INTR = 0x10
NLM_F_ROOT = 0x100
NLM_F_MATCH = 0x200
NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200

NLMSG_ERROR = 2
NLMSG_DONE = 3

NLA_F_NESTED = 0x8000
NLA_TYPE_MASK = 0x3FFF

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12

SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP = 1
NETLINK_NO_ENOBUFS = 5
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NETLINK_GET_STRICT_CHK = 12
SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33

NLMSGERR_ATTR_MSG = 1

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")

# A kernel dump fills at most 32 KiB per datagram (netlink_dump); anything else is smaller.
RECEIVE_SIZE = 65536


class NetlinkError(OSError):
    """The kernel refused message number `index` of a request; `strerror` has its extended ack, if any."""

    def __init__(self, code: int, text: str, index: int) -> None:
        super().__init__(code, text)
        self.index = index


@dataclass(frozen=True, slots=True)
class Message:
    """A request to send, or a message that came. `body` is everything after struct nlmsghdr."""

    kind: int
    flags: int
    body: bytes


def attribute(kind: int, payload: bytes) -> bytes:
    size = 4 + len(payload)
    return ATTRIBUTE.pack(size, kind) + payload + bytes(-size % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def u8(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=B", value))


def u16(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=H", value))


def u32(kind: int, value: int) -> bytes:
    return struct.pack("=HHI", 8, kind, value)


def be32(kind: int, value: int) -> bytes:
    """A 32-bit number in network order, as nfnetlink wants them."""
    return struct.pack("=HH", 8, kind) + value.to_bytes(4, "big")


def be64(kind: int, value: int) -> bytes:
    return struct.pack("=HH", 12, kind) + value.to_bytes(8, "big")


def text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def attributes(buffer: bytes | memoryview, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Each (type without flag bits, payload) from `offset` on. Raises ValueError on a malformed length."""
    end = len(buffer)
    while offset + 4 <= end:
        size, kind = ATTRIBUTE.unpack_from(buffer, offset)
        if size < 4 or offset + size > end:
            raise ValueError(f"netlink attribute {kind} has length {size} with {end - offset} bytes left")
        yield kind & NLA_TYPE_MASK, bytes(buffer[offset + 4 : offset + size])
        offset += (size + 3) & ~3


def attribute_map(buffer: bytes | memoryview, offset: int = 0) -> dict[int, bytes]:
    return dict(attributes(buffer, offset))


def string(payload: bytes) -> str:
    return payload.split(b"\0", 1)[0].decode(errors="replace")


def parse(datagram: bytes) -> Iterator[tuple[Message, int, int]]:
    """Each (message, sequence, port id) of one datagram. Raises ValueError on a malformed length."""
    offset, end = 0, len(datagram)
    while offset + HEADER.size <= end:
        size, kind, flags, sequence, port = HEADER.unpack_from(datagram, offset)
        if size < HEADER.size or offset + size > end:
            raise ValueError(f"netlink message has length {size} with {end - offset} bytes left")
        yield Message(kind, flags, datagram[offset + HEADER.size : offset + size]), sequence, port
        offset += (size + 3) & ~3


def error_of(message: Message, first_sequence: int, sequence: int) -> NetlinkError | None:
    """What an NLMSG_ERROR says; None if it is an acknowledgement."""
    code = -int(struct.unpack_from("=i", message.body)[0])
    if code == 0:
        return None
    offset = 4 + HEADER.size
    if not message.flags & NLM_F_CAPPED:
        offset += (int(struct.unpack_from("=I", message.body, 4)[0]) - HEADER.size + 3) & ~3
    explained = ""
    if message.flags & NLM_F_ACK_TLVS:
        explained = string(attribute_map(message.body, offset).get(NLMSGERR_ATTR_MSG, b""))
    description = os.strerror(code) + (f": {explained}" if explained else "")
    return NetlinkError(code, description, sequence - first_sequence)


class Socket:
    """A blocking netlink socket, bound to the network namespace of the thread that opens it."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._sequence = 0
        try:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
            self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
            self._socket.bind((0, 0))
            self.port: int = self._socket.getsockname()[0]
        except BaseException:
            self._socket.close()
            raise

    def set_send_buffer(self, size: int) -> None:
        """Allow requests of `size` bytes. Needs CAP_NET_ADMIN."""
        self._socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, size)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Socket":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pack(self, messages: Sequence[Message]) -> tuple[bytes, int]:
        """One buffer, only the last message asking for an answer: errors are always sent, in order."""
        first = self._sequence + 1
        self._sequence += len(messages)
        parts: list[bytes] = []
        last = len(messages) - 1
        for index, message in enumerate(messages):
            size = HEADER.size + len(message.body)
            flags = message.flags | NLM_F_REQUEST | (NLM_F_ACK if index == last else 0)
            parts.append(HEADER.pack(size, message.kind, flags, first + index, 0))
            parts.append(message.body)
            if size % 4:
                parts.append(bytes(-size % 4))
        return b"".join(parts), first

    def transact(self, messages: Sequence[Message]) -> None:
        """Send all in one datagram and wait until the kernel has gone through them.

        rtnetlink continues after a failed message. Raises NetlinkError, the first one.
        """
        if not messages:
            return
        data, first = self._pack(messages)
        self._socket.send(data)
        self._wait(first, self._sequence)

    def _wait(self, first: int, last: int) -> None:
        failure: NetlinkError | None = None
        done = False
        while not done:
            for message, sequence, _ in parse(self._socket.recv(RECEIVE_SIZE)):
                if sequence < first or message.kind != NLMSG_ERROR:
                    continue
                failure = failure or error_of(message, first, sequence)
                done = sequence == last
        if failure is not None:
            raise failure

    def transact_batch(self, begin: Message, messages: Sequence[Message], end: Message) -> None:
        """An nfnetlink transaction: all or nothing. Raises NetlinkError, the first one."""
        if not messages:
            return
        first = self._sequence + 1
        data, _ = self._pack(messages)
        self._socket.send(_frame(begin, first) + data + _frame(end, first))
        failure: NetlinkError | None = None
        while True:
            for message, sequence, _ in parse(self._socket.recv(RECEIVE_SIZE)):
                if sequence < first or message.kind != NLMSG_ERROR:
                    continue
                error = error_of(message, first, sequence)
                failure = failure or error
                # A failure of the batch as a whole (EPERM, ENOMEM, EAGAIN) answers its first header.
                whole = error is not None and error.errno in (errno.EPERM, errno.ENOMEM, errno.EOPNOTSUPP)
                if sequence == self._sequence or whole:
                    if failure is not None:
                        self._drain()
                        raise failure
                    return

    def _drain(self) -> None:
        while True:
            try:
                self._socket.recv(RECEIVE_SIZE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return

    def request(self, message: Message) -> Message:
        """Ask for one object. Raises NetlinkError."""
        self._sequence += 1
        sequence = self._sequence
        size = HEADER.size + len(message.body)
        header = HEADER.pack(size, message.kind, message.flags | NLM_F_REQUEST, sequence, 0)
        self._socket.send(header + message.body)
        while True:
            for reply, number, _ in parse(self._socket.recv(RECEIVE_SIZE)):
                if number != sequence:
                    continue
                error = error_of(reply, sequence, number) if reply.kind == NLMSG_ERROR else None
                if error is not None:
                    raise error
                return reply

    def dump(self, message: Message) -> list[Message]:
        """Every object of a kind, asked again if it changed meanwhile. Raises NetlinkError."""
        while True:
            replies, interrupted = self._dump_once(message)
            if not interrupted:
                return replies

    def _dump_once(self, message: Message) -> tuple[list[Message], bool]:
        self._sequence += 1
        sequence = self._sequence
        size = HEADER.size + len(message.body)
        flags = message.flags | NLM_F_REQUEST | NLM_F_DUMP
        self._socket.send(HEADER.pack(size, message.kind, flags, sequence, 0) + message.body)
        replies: list[Message] = []
        interrupted = False
        while True:
            for reply, number, _ in parse(self._socket.recv(RECEIVE_SIZE)):
                if number != sequence:
                    continue
                interrupted = interrupted or bool(reply.flags & NLM_F_DUMP_INTR)
                if reply.kind == NLMSG_DONE:
                    return replies, interrupted
                if reply.kind == NLMSG_ERROR:
                    error = error_of(reply, sequence, number)
                    if error is not None:
                        raise error
                    return replies, interrupted
                replies.append(reply)


def _frame(message: Message, sequence: int) -> bytes:
    size = HEADER.size + len(message.body)
    return HEADER.pack(size, message.kind, message.flags | NLM_F_REQUEST, sequence, 0) + message.body


class Subscription:
    """A non-blocking socket on which the kernel reports changes of one multicast group."""

    def __init__(self, protocol: int, group: int) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, protocol)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20)
            self._socket.bind((0, 0))
            self._socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> list[tuple[Message, int]] | None:
        """Every (message, port id of who caused it) waiting; None when some were lost."""
        found: list[tuple[Message, int]] = []
        while True:
            try:
                datagram = self._socket.recv(RECEIVE_SIZE)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    return None
                raise
            found.extend((message, port) for message, _, port in parse(datagram))
