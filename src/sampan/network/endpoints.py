"""One end of a veth pair on a bridge, the other inside a container's namespace, with its addresses."""

import os
from dataclasses import dataclass

from sampan.linux import netlink, rtnetlink, sysctl
from sampan.linux.rtnetlink import Address, Interface


@dataclass(frozen=True)
class EndpointPlan:
    """What an interface of a container should be. `gateways` are its default routes, if any."""

    bridge: int
    mac: str
    mtu: int
    addresses: tuple[Interface, ...]
    gateways: tuple[Address, ...] = ()
    hairpin: bool = False
    isolated: bool = False

    @property
    def ipv6(self) -> bool:
        return any(address.version == 6 for address in self.addresses)


@dataclass(frozen=True)
class Veth:
    """A pair that exists. `host` and `inner` are interface indexes on either side."""

    name: str
    host: int
    inner: int
    inner_name: str


def random_name() -> str:
    return "veth" + os.urandom(4).hex()[:7]


def is_ours(link: rtnetlink.Link, mark: str) -> bool:
    """Whether the engine with that mark made the pair whose end on the host this is."""
    return link.kind == "veth" and link.alias == mark


def make_veth(
    host: netlink.Socket, inside: netlink.Socket, netns: int, inner_name: str, *, mtu: int, mark: str
) -> Veth:
    """A pair with its inner end in `netns`, where `inside` was opened. Raises NetlinkError.

    `mark` is its engine's, by which the next daemon knows it: made and marked in one datagram, it is never
    seen without.
    """
    name = random_name()
    host.transact([rtnetlink.add_veth(name, inner_name, netns, mtu=mtu), rtnetlink.set_alias(name, mark)])
    outer = rtnetlink.link_by_name(host, name)
    inner = rtnetlink.link_by_name(inside, inner_name)
    if outer is None or inner is None:
        raise netlink.NetlinkError(19, f"{name} disappeared while it was made", 0)
    # The host's end is a mere port: no IPv6 of its own.
    messages = [rtnetlink.set_link(outer.index, up=True)]
    if sysctl.read("ipv6", "conf", name, "disable_ipv6") is not None:
        messages.insert(0, rtnetlink.set_link(outer.index, addr_gen_mode=rtnetlink.IN6_ADDR_GEN_MODE_NONE))
    host.transact(messages)
    return Veth(name, outer.index, inner.index, inner_name)


def plug(host: netlink.Socket, veth: Veth, plan: EndpointPlan, made_mtu: int) -> None:
    """Put the host's end on the bridge. Raises NetlinkError."""
    mtu = plan.mtu if plan.mtu != made_mtu else None
    messages = [rtnetlink.set_link(veth.host, master=plan.bridge, mtu=mtu)]
    if plan.hairpin or plan.isolated:
        messages.append(rtnetlink.set_bridge_port(veth.host, hairpin=plan.hairpin, isolated=plan.isolated))
    # The same address may have been behind another port a moment ago.
    messages.append(rtnetlink.add_forwarding_entry(veth.host, plan.mac))
    host.transact(messages)


def configure(inside: netlink.Socket, veth: Veth, plan: EndpointPlan, made_mtu: int) -> None:
    """MAC address, addresses and default routes, in one datagram. Raises NetlinkError."""
    mtu = plan.mtu if plan.mtu != made_mtu else None
    messages = [rtnetlink.set_link(veth.inner, up=True, mac=plan.mac, mtu=mtu)]
    messages += [rtnetlink.add_address(veth.inner, address) for address in plan.addresses]
    messages += [rtnetlink.add_route(veth.inner, gateway) for gateway in plan.gateways]
    inside.transact(messages)


def set_default_route(inside: netlink.Socket, index: int, gateway: Address) -> None:
    """Replace the default route of the gateway's family. Raises NetlinkError."""
    inside.transact([rtnetlink.add_route(index, gateway)])


def unplug(host: netlink.Socket, name: str) -> None:
    """Remove the pair by the name of its host end; gone already is fine."""
    link = rtnetlink.link_by_name(host, name)
    if link is not None:
        try:
            host.transact([rtnetlink.delete_link(link.index)])
        except netlink.NetlinkError as error:
            if error.errno != 19:  # ENODEV: went away with its namespace
                raise


def free_name(inside: netlink.Socket) -> str:
    """The first of eth0, eth1, ... that the namespace does not have."""
    taken = {link.name for link in rtnetlink.links(inside)}
    return next(name for number in range(len(taken) + 1) if (name := f"eth{number}") not in taken)


def set_ipv6(interface: str, on: bool) -> None:
    """Call inside the namespace."""
    sysctl.write("0" if on else "1", "ipv6", "conf", interface, "disable_ipv6")
