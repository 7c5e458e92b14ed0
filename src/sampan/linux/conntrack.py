"""Connection tracking entries over ctnetlink: find and forget them.

A tracked UDP flow keeps the address translation it began with, for as long as packets come; after a change of
rules such entries have to go. Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h.
"""

import errno
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from sampan.linux import netlink
from sampan.linux.netlink import Message

NFNL_SUBSYS_CTNETLINK = 1
IPCTNL_MSG_CT_GET = 1
IPCTNL_MSG_CT_DELETE = 2
CTA_TUPLE_ORIG = 1
CTA_TUPLE_REPLY = 2
CTA_TUPLE_IP = 1
CTA_TUPLE_PROTO = 2
CTA_PROTO_NUM = 1
CTA_PROTO_DST_PORT = 3


@dataclass(frozen=True, slots=True)
class Flow:
    """`answered_by` differs from `destination` when the destination was translated. Addresses are packed."""

    protocol: int
    destination: bytes
    port: int
    answered_by: bytes


def _message(kind: int, family: int, body: bytes = b"") -> Message:
    head = struct.pack(">BBH", family, 0, 0)
    return Message(NFNL_SUBSYS_CTNETLINK << 8 | kind, 0, head + body)


def _tuple(payload: bytes, family: int) -> tuple[bytes, bytes, int, int]:
    """(source, destination, protocol, destination port)"""
    parts = netlink.attribute_map(payload)
    addresses = netlink.attribute_map(parts.get(CTA_TUPLE_IP, b""))
    protocol = netlink.attribute_map(parts.get(CTA_TUPLE_PROTO, b""))
    source, destination = (1, 2) if family == socket.AF_INET else (3, 4)
    number = protocol.get(CTA_PROTO_NUM, b"\0")[0]
    port = int.from_bytes(protocol.get(CTA_PROTO_DST_PORT, b""), "big")
    return addresses.get(source, b""), addresses.get(destination, b""), number, port


def forget(unwanted: Callable[[Flow], bool]) -> int:
    """Delete the entries of the thread's network namespace that a test picks; returns how many."""
    count = 0
    with netlink.Socket(netlink.NETLINK_NETFILTER) as sock:
        for family in (socket.AF_INET, socket.AF_INET6):
            for reply in sock.dump(_message(IPCTNL_MSG_CT_GET, family)):
                parts = netlink.attribute_map(reply.body, 4)
                original = parts.get(CTA_TUPLE_ORIG, b"")
                _, destination, protocol, port = _tuple(original, family)
                answered_by = _tuple(parts.get(CTA_TUPLE_REPLY, b""), family)[0]
                if unwanted(Flow(protocol, destination, port, answered_by)):
                    count += _delete(sock, family, original)
    return count


def _delete(sock: netlink.Socket, family: int, original: bytes) -> int:
    body = netlink.attribute(CTA_TUPLE_ORIG | netlink.NLA_F_NESTED, original)
    try:
        sock.transact([_message(IPCTNL_MSG_CT_DELETE, family, body)])
    except netlink.NetlinkError as error:
        if error.errno != errno.ENOENT:  # timed out meanwhile
            raise
        return 0
    return 1
