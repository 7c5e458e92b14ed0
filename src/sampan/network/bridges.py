"""Bridge devices and the kernel settings they need.

A bridge that an engine made carries its mark as alias (`ip link` shows it), and no other is ever removed: a
network may be given a bridge that was there before, and others have names like ours.
"""

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass

from sampan.linux import netlink, rtnetlink, sysctl
from sampan.linux.rtnetlink import Interface, Network

DEFAULT_MTU = 1500
MIN_MTU_IPV6 = 1280
NAME_LIMIT = 15  # IFNAMSIZ without the final NUL


@dataclass(frozen=True)
class BridgePlan:
    """A bridge as it should be. `addresses` are the gateways with their subnets' lengths."""

    name: str
    mtu: int
    addresses: tuple[Interface, ...]

    @property
    def ipv6(self) -> bool:
        return any(address.version == 6 for address in self.addresses)


def random_mac() -> str:
    return "02:42:" + ":".join(f"{byte:02x}" for byte in os.urandom(4))


def ensure(host: netlink.Socket, plan: BridgePlan, mark: str, *, claim: bool) -> int:
    """Make the bridge, or bring an existing one to the plan without a blip; returns its index.

    It is marked if it is made, or with `claim`: nobody else would give one that name. Raises NetlinkError,
    and then no new bridge is left.
    """
    link = rtnetlink.link_by_name(host, plan.name)
    if link is not None and link.kind != "bridge":
        raise netlink.NetlinkError(17, f"interface {plan.name} exists and is not a bridge", 0)
    made = link is None
    if link is None:
        # A set MAC address: a bridge without one takes over that of its ports, whichever is lowest.
        # No MTU yet: only one that is changed later stays when ports come and go (br_mtu_auto_adjust).
        host.transact([rtnetlink.add_bridge(plan.name, mac=random_mac())])
        link = rtnetlink.link_by_name(host, plan.name)
        assert link is not None
    try:
        if made or claim:
            host.transact([rtnetlink.set_alias(plan.name, mark)])
        _configure(host, plan, link)
    except BaseException:
        if made:
            host.transact([rtnetlink.delete_link(link.index)])
        raise
    return link.index


def _configure(host: netlink.Socket, plan: BridgePlan, link: rtnetlink.Link) -> None:
    # 127.0.0.1:port reaches a container by rewriting the destination of packets from a loopback address.
    sysctl.write("1", "ipv4", "conf", plan.name, "route_localnet")
    # A container may send router advertisements, IPv6 on its network or not (CVE-2020-13401).
    sysctl.write("0", "ipv6", "conf", plan.name, "accept_ra")
    if plan.ipv6:
        sysctl.write("0", "ipv6", "conf", plan.name, "disable_ipv6")
    present = {address for index, address in rtnetlink.addresses(host) if index == link.index}
    present = {address for address in present if not address.ip.is_link_local}
    messages = []
    if link.mtu != plan.mtu:
        messages.append(rtnetlink.set_link(link.index, mtu=plan.mtu))
    messages += [rtnetlink.delete_address(link.index, old) for old in present - set(plan.addresses)]
    messages += [rtnetlink.add_address(link.index, new) for new in plan.addresses if new not in present]
    # Link-local addresses would only add duplicate address detection and listener reports.
    mode = rtnetlink.IN6_ADDR_GEN_MODE_EUI64 if plan.ipv6 else rtnetlink.IN6_ADDR_GEN_MODE_NONE
    # A device with an MTU below IPv6's least has no IPv6 at all.
    if plan.mtu >= MIN_MTU_IPV6 and sysctl.read("ipv6", "conf", plan.name, "disable_ipv6") is not None:
        messages.append(rtnetlink.set_link(link.index, addr_gen_mode=mode))
    messages.append(rtnetlink.set_link(link.index, up=True))
    host.transact(messages)


def remove(host: netlink.Socket, name: str, mark: str) -> None:
    """Nothing happens when it is gone already, or is not ours. Raises NetlinkError."""
    link = rtnetlink.link_by_name(host, name)
    if link is not None and is_ours(link, mark):
        host.transact([rtnetlink.delete_link(link.index)])


def is_ours(link: rtnetlink.Link, mark: str) -> bool:
    """By its alias, not its name: whether the engine with that mark made it."""
    return link.kind == "bridge" and link.alias == mark


def uplink_mtu(host: netlink.Socket) -> int:
    """The MTU of the device that the default route leaves by."""
    defaults = [route for route in rtnetlink.routes(host) if route.destination is None]
    by_index = {link.index: link for link in rtnetlink.links(host)}
    for route in defaults:
        if route.device in by_index:
            return by_index[route.device].mtu
    return DEFAULT_MTU


def taken_subnets(host: netlink.Socket, except_bridges: Iterable[str] = ()) -> list[Network]:
    """Every network that the host has a route to or an address in, but for those of our own bridges."""
    own = {link.index for link in rtnetlink.links(host) if link.name in set(except_bridges)}
    found: list[Network] = [
        address.network for index, address in rtnetlink.addresses(host) if index not in own
    ]
    for family in (2, 10):  # AF_INET, AF_INET6
        for route in rtnetlink.routes(host, family):
            if route.destination is not None and route.device not in own:
                found.append(route.destination)
    loopback: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
    return [network for network in found if network not in loopback]


def enable_forwarding(version: int) -> None:
    """Let the host route between its interfaces, as Docker does."""
    if version == 4:
        if sysctl.read("ipv4", "ip_forward") != "1":
            sysctl.write("1", "ipv4", "ip_forward")
        return
    for where in ("default", "all"):
        if sysctl.read("ipv6", "conf", where, "forwarding") != "1":
            sysctl.write("1", "ipv6", "conf", where, "forwarding")


def bridged_packets_meet_rules() -> bool:
    """Whether br_netfilter shows IP packets between ports of one bridge to the host's rules."""
    return sysctl.read("bridge", "bridge-nf-call-iptables") == "1"
