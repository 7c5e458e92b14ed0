"""Links, addresses, routes and bridge ports over rtnetlink.

Functions that return a `Message` build one request, so that callers can send many in one datagram.
Sources: rtnetlink(7), include/uapi/linux/{rtnetlink,if_link,if_addr,neighbour,veth}.h.
"""

import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sampan.linux import netlink
from sampan.linux.netlink import Message

RTM_NEWLINK = 16
RTM_DELLINK = 17
RTM_GETLINK = 18
RTM_NEWADDR = 20
RTM_DELADDR = 21
RTM_GETADDR = 22
RTM_NEWROUTE = 24
RTM_DELROUTE = 25
RTM_GETROUTE = 26
RTM_NEWNEIGH = 28

IFF_UP = 0x1
IFF_LOOPBACK = 0x8

IFLA_ADDRESS = 1
IFLA_IFNAME = 3
IFLA_MTU = 4
IFLA_MASTER = 10
IFLA_LINKINFO = 18
IFLA_IFALIAS = 20
IFLA_AF_SPEC = 26
IFLA_NET_NS_FD = 28
IFLA_INFO_KIND = 1
IFLA_INFO_DATA = 2
IFLA_INFO_SLAVE_DATA = 5
IFLA_BRPORT_MODE = 4
IFLA_BRPORT_ISOLATED = 33
IFLA_INET6_ADDR_GEN_MODE = 8
IN6_ADDR_GEN_MODE_EUI64 = 0
IN6_ADDR_GEN_MODE_NONE = 1
VETH_INFO_PEER = 1

IFA_ADDRESS = 1
IFA_LOCAL = 2
IFA_BROADCAST = 4
IFA_FLAGS = 8
IFA_F_NODAD = 0x02

RTA_DST = 1
RTA_OIF = 4
RTA_GATEWAY = 5
RTA_PREFSRC = 7
RTA_METRICS = 8
RTA_TABLE = 15
RT_TABLE_MAIN = 254
RTPROT_BOOT = 3
RT_SCOPE_UNIVERSE = 0
RT_SCOPE_LINK = 253
RTN_UNICAST = 1

NDA_LLADDR = 2
NUD_NOARP = 0x40
NTF_MASTER = 0x04
AF_BRIDGE = 7

IFINFOMSG = struct.Struct("=BxHiII")
IFADDRMSG = struct.Struct("=BBBBI")
RTMSG = struct.Struct("=BBBBBBBBI")
NDMSG = struct.Struct("=BxxxiHBB")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Link:
    """`up` is the administrative state; `master` the index of its bridge, 0 for none; `kind` "bridge", "veth"
    and so on, empty for hardware.
    """

    index: int
    name: str
    up: bool
    mtu: int
    mac: str
    master: int
    kind: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """`destination` None is the default route."""

    destination: Network | None
    gateway: Address | None
    device: int
    source: Address | None
    table: int


def mac_bytes(mac: str) -> bytes:
    """Raises ValueError unless `mac` is six hexadecimal bytes."""
    raw = bytes.fromhex(mac.replace(":", "").replace("-", "").replace(".", ""))
    if len(raw) != 6:
        raise ValueError(f"invalid MAC address {mac}")
    return raw


def mac_text(raw: bytes) -> str:
    return ":".join(f"{byte:02x}" for byte in raw)


def _family(address: Address | Interface | Network) -> int:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _link(kind: int, flags: int, body: bytes, index: int = 0, set_flags: int = 0, change: int = 0) -> Message:
    return Message(kind, flags, IFINFOMSG.pack(0, 0, index, set_flags, change) + body)


def add_bridge(name: str, *, mac: str | None = None) -> Message:
    """Without `mac` it takes the lowest of its ports' addresses. Raises ValueError for a malformed one; the
    kernel says EEXIST when the name is taken.
    """
    body = netlink.text(IFLA_IFNAME, name)
    if mac is not None:
        body += netlink.attribute(IFLA_ADDRESS, mac_bytes(mac))
    body += netlink.nested(IFLA_LINKINFO, netlink.text(IFLA_INFO_KIND, "bridge"))
    return _link(RTM_NEWLINK, netlink.NLM_F_CREATE | netlink.NLM_F_EXCL, body)


def add_veth(
    name: str, peer: str, peer_netns: int | None, *, mtu: int, peer_mac: str | None = None
) -> Message:
    """A pair: `name` here, `peer` in the namespace behind the descriptor."""
    other = netlink.text(IFLA_IFNAME, peer) + netlink.u32(IFLA_MTU, mtu)
    if peer_netns is not None:
        other += netlink.u32(IFLA_NET_NS_FD, peer_netns)
    if peer_mac is not None:
        other += netlink.attribute(IFLA_ADDRESS, mac_bytes(peer_mac))
    data = netlink.attribute(VETH_INFO_PEER, IFINFOMSG.pack(0, 0, 0, 0, 0) + other)
    body = netlink.text(IFLA_IFNAME, name) + netlink.u32(IFLA_MTU, mtu)
    body += netlink.nested(
        IFLA_LINKINFO,
        netlink.text(IFLA_INFO_KIND, "veth"),
        netlink.attribute(IFLA_INFO_DATA | netlink.NLA_F_NESTED, data),
    )
    return _link(RTM_NEWLINK, netlink.NLM_F_CREATE | netlink.NLM_F_EXCL, body)


def set_alias(name: str, alias: str) -> Message:
    """A text of up to 255 bytes that means nothing to the kernel. By name: for a link made just before."""
    return _link(RTM_NEWLINK, 0, netlink.text(IFLA_IFNAME, name) + netlink.text(IFLA_IFALIAS, alias))


def set_link(
    index: int,
    *,
    up: bool | None = None,
    master: int | None = None,
    mtu: int | None = None,
    mac: str | None = None,
    name: str | None = None,
    addr_gen_mode: int | None = None,
) -> Message:
    """Change what is given of one interface."""
    body = b""
    if name is not None:
        body += netlink.text(IFLA_IFNAME, name)
    if mac is not None:
        body += netlink.attribute(IFLA_ADDRESS, mac_bytes(mac))
    if mtu is not None:
        body += netlink.u32(IFLA_MTU, mtu)
    if master is not None:
        body += netlink.u32(IFLA_MASTER, master)
    if addr_gen_mode is not None:
        inet6 = netlink.nested(socket.AF_INET6, netlink.u8(IFLA_INET6_ADDR_GEN_MODE, addr_gen_mode))
        body += netlink.nested(IFLA_AF_SPEC, inet6)
    flags, change = (0, 0) if up is None else (IFF_UP if up else 0, IFF_UP)
    return _link(RTM_NEWLINK, 0, body, index, flags, change)


def set_bridge_port(index: int, *, hairpin: bool, isolated: bool) -> Message:
    """`hairpin`: frames may leave by the port they came in by; isolated ports do not reach each other.
    ip-link(8), bridge_slave.
    """
    data = netlink.nested(
        IFLA_INFO_SLAVE_DATA,
        netlink.u8(IFLA_BRPORT_MODE, int(hairpin)),
        netlink.u8(IFLA_BRPORT_ISOLATED, int(isolated)),
    )
    # IFLA_INFO_SLAVE_KIND: the kernel checks it against the master's kind.
    info = netlink.nested(IFLA_LINKINFO, netlink.text(4, "bridge"), data)
    return _link(RTM_NEWLINK, 0, info, index)


def delete_link(index: int) -> Message:
    """Of a veth pair both ends go. The kernel says ENODEV when there is no such index."""
    return _link(RTM_DELLINK, 0, b"", index)


def add_address(index: int, address: Interface, *, nodad: bool = True, replace: bool = False) -> Message:
    """`nodad`: an IPv6 one is usable at once, without duplicate address detection. Without `replace` the
    kernel says EEXIST for one it has.
    """
    packed = address.ip.packed
    scope = RT_SCOPE_UNIVERSE
    flags = IFA_F_NODAD if address.version == 6 and nodad else 0
    body = IFADDRMSG.pack(_family(address), address.network.prefixlen, flags, scope, index)
    body += netlink.attribute(IFA_LOCAL, packed) + netlink.attribute(IFA_ADDRESS, packed)
    if address.version == 4 and address.network.prefixlen < 31:
        body += netlink.attribute(IFA_BROADCAST, address.network.broadcast_address.packed)
    if flags:
        body += netlink.u32(IFA_FLAGS, flags)
    mode = netlink.NLM_F_REPLACE if replace else netlink.NLM_F_EXCL
    return Message(RTM_NEWADDR, netlink.NLM_F_CREATE | mode, body)


def delete_address(index: int, address: Interface) -> Message:
    """The kernel says EADDRNOTAVAIL when the interface does not have it."""
    body = IFADDRMSG.pack(_family(address), address.network.prefixlen, 0, 0, index)
    body += netlink.attribute(IFA_LOCAL, address.ip.packed)
    return Message(RTM_DELADDR, 0, body)


def _route(
    kind: int, flags: int, index: int, gateway: Address | None, to: Network | None, family: int
) -> Message:
    length = 0 if to is None else to.prefixlen
    scope = RT_SCOPE_LINK if gateway is None and family == socket.AF_INET else RT_SCOPE_UNIVERSE
    body = RTMSG.pack(family, length, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST, 0)
    if to is not None:
        body += netlink.attribute(RTA_DST, to.network_address.packed)
    if gateway is not None:
        body += netlink.attribute(RTA_GATEWAY, gateway.packed)
    return Message(kind, flags, body + netlink.u32(RTA_OIF, index))


def add_route(index: int, gateway: Address | None, to: Network | None = None, *, family: int = 0) -> Message:
    """A route through `gateway` (or on link); the default route when `to` is None."""
    family = family or (_family(gateway) if gateway is not None else _family(to) if to else socket.AF_INET)
    return _route(RTM_NEWROUTE, netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE, index, gateway, to, family)


def delete_route(index: int, gateway: Address | None, to: Network | None = None) -> Message:
    family = _family(gateway) if gateway is not None else _family(to) if to else socket.AF_INET
    return _route(RTM_DELROUTE, 0, index, gateway, to, family)


def add_forwarding_entry(port: int, mac: str) -> Message:
    """Tell the bridge that `mac` is behind `port`, whatever it had learnt, until the port goes away."""
    # Static, not learnt: br_fdb.c refuses others with EPERM while the port is not yet forwarding.
    body = NDMSG.pack(AF_BRIDGE, port, NUD_NOARP, NTF_MASTER, 0)
    body += netlink.attribute(NDA_LLADDR, mac_bytes(mac))
    return Message(RTM_NEWNEIGH, netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE, body)


def _parse_link(body: bytes) -> Link:
    _, _, index, flags, _ = IFINFOMSG.unpack_from(body)
    found = netlink.attribute_map(body, IFINFOMSG.size)
    info = netlink.attribute_map(found.get(IFLA_LINKINFO, b""))
    return Link(
        index,
        netlink.string(found.get(IFLA_IFNAME, b"")),
        bool(flags & IFF_UP),
        int.from_bytes(found.get(IFLA_MTU, b""), "little"),
        mac_text(found.get(IFLA_ADDRESS, b"")),
        int.from_bytes(found.get(IFLA_MASTER, b""), "little"),
        netlink.string(info.get(IFLA_INFO_KIND, b"")),
        netlink.string(found.get(IFLA_IFALIAS, b"")),
    )


def links(socket: netlink.Socket) -> list[Link]:
    """All of the network namespace that the socket was opened in. Raises NetlinkError."""
    return [_parse_link(reply.body) for reply in socket.dump(_link(RTM_GETLINK, 0, b""))]


def link_by_name(socket: netlink.Socket, name: str) -> Link | None:
    """None when the socket's namespace has none of that name. Raises NetlinkError for anything else."""
    try:
        reply = socket.request(_link(RTM_GETLINK, 0, netlink.text(IFLA_IFNAME, name)))
    except netlink.NetlinkError as error:
        if error.errno == 19:  # ENODEV
            return None
        raise
    return _parse_link(reply.body)


def addresses(socket: netlink.Socket) -> Iterator[tuple[int, Interface]]:
    """Each (interface index, address) of the namespace."""
    for reply in socket.dump(Message(RTM_GETADDR, 0, IFADDRMSG.pack(0, 0, 0, 0, 0))):
        _, length, _, _, index = IFADDRMSG.unpack_from(reply.body)
        found = netlink.attribute_map(reply.body, IFADDRMSG.size)
        packed = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS)
        if packed:
            yield index, ipaddress.ip_interface(f"{ipaddress.ip_address(packed)}/{length}")


def _address(packed: bytes | None) -> Address | None:
    return ipaddress.ip_address(packed) if packed else None


def _parse_route(body: bytes) -> Route:
    family, length, _, _, table, *_ = RTMSG.unpack_from(body)
    found = netlink.attribute_map(body, RTMSG.size)
    destination: Network | None = None
    if length:
        size = 4 if family == socket.AF_INET else 16
        packed = found.get(RTA_DST, b"").ljust(size, b"\0")
        destination = ipaddress.ip_network((packed, length), strict=False)
    return Route(
        destination,
        _address(found.get(RTA_GATEWAY)),
        int.from_bytes(found.get(RTA_OIF, b""), "little"),
        _address(found.get(RTA_PREFSRC)),
        int.from_bytes(found[RTA_TABLE], "little") if RTA_TABLE in found else table,
    )


def routes(socket_: netlink.Socket, family: int = socket.AF_INET) -> list[Route]:
    """The main table's routes of one family."""
    body = RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    found = (_parse_route(reply.body) for reply in socket_.dump(Message(RTM_GETROUTE, 0, body)))
    return [route for route in found if route.table == RT_TABLE_MAIN]


def route_to(socket_: netlink.Socket, address: Address) -> Route | None:
    """The route the kernel would take; None when there is none."""
    body = RTMSG.pack(_family(address), address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    body += netlink.attribute(RTA_DST, address.packed)
    try:
        return _parse_route(socket_.request(Message(RTM_GETROUTE, 0, body)).body)
    except netlink.NetlinkError:
        return None
