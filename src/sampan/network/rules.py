"""The one nftables table: what it says, as messages. Nothing here talks to the kernel.

    table inet sampan {
      set bridges { type ifname; }                                     every bridge of ours
      map local4 { type inet_proto . inet_service : ipv4_addr . inet_service; }    ports on any host address
      map bound4 { type inet_proto . ipv4_addr . inet_service : ...; }             ports on one host address
      map local6, bound6                                               the same for IPv6
      map leaving  { type ifname : verdict; }    by the bridge a packet came from: masquerade
      map arriving { type ifname : verdict; }    by the bridge a packet goes to: hairpin, 127.0.0.1
      map into     { type ifname : verdict; }    who may reach a network's containers
      map outof    { type ifname : verdict; }    internal networks: nobody leaves
      chain guard       raw prerouting: 127.0.0.0/8 never comes from a container
      chain prerouting, output    nat: destination by the maps, in `publish`
      chain received    from prerouting to `publish`; empty while others forbid forwarding (see firewall.py)
      chain postrouting           nat: masquerade
      chain forward               filter
    }

Each network has chains `leaving-<bridge>`, `arriving-<bridge>` and `into-<bridge>`, so that it goes away by
name and the cost per packet does not grow with the number of networks. Packets of other programs match
nothing and meet the host's own rules only.
"""

import ipaddress
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sampan.linux import nf_tables as nf
from sampan.linux import nftables as nft
from sampan.linux.netlink import Message
from sampan.linux.rtnetlink import Address, Network

PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP, "sctp": socket.IPPROTO_SCTP}

VERDICTS = nft.SetType(nf.TYPE_IFNAME, 16, nf.NFT_DATA_VERDICT)


def _port_map(version: int, bound: bool) -> nft.SetType:
    kind, size = (nf.TYPE_IPADDR, 4) if version == 4 else (nf.TYPE_IP6ADDR, 16)
    key = nft.concatenated(nf.TYPE_INET_PROTOCOL, *([kind] if bound else []), nf.TYPE_INET_SERVICE)
    length = 8 + (size if bound else 0)
    return nft.SetType(key, length, nft.concatenated(kind, nf.TYPE_INET_SERVICE), size + 4)


SETS: dict[str, nft.SetType] = {
    "bridges": nft.SetType(nf.TYPE_IFNAME, 16),
    "local4": _port_map(4, False),
    "bound4": _port_map(4, True),
    "local6": _port_map(6, False),
    "bound6": _port_map(6, True),
    "leaving": VERDICTS,
    "arriving": VERDICTS,
    "into": VERDICTS,
    "outof": VERDICTS,
}


@dataclass(frozen=True)
class NetworkRules:
    """What one bridge network allows."""

    bridge: str
    subnets: tuple[Network, ...]
    masquerade: bool = True
    icc: bool = True
    internal: bool = False


@dataclass(frozen=True)
class PortRule:
    """`host` None: on every local address of the container address' family."""

    protocol: str
    host: Address | None
    port: int
    target: Address
    target_port: int

    @property
    def map(self) -> str:
        return ("local" if self.host is None else "bound") + str(self.target.version)

    @property
    def key(self) -> bytes:
        host = b"" if self.host is None else self.host.packed
        number = PROTOCOLS[self.protocol]
        return nft.padded(bytes([number])) + host + nft.padded(struct.pack(">H", self.port))

    @property
    def element(self) -> bytes:
        target = self.target.packed + nft.padded(struct.pack(">H", self.target_port))
        return nft.value_element(self.key, target)


def base(table: str) -> list[Message]:
    """Tables, sets and base chains; the table must not exist."""
    messages = [nft.add_table(table)]
    messages += [
        nft.add_set(table, name, kind, number) for number, (name, kind) in enumerate(SETS.items(), 1)
    ]
    hooks = {
        "guard": nft.Hook("filter", nf.NF_INET_PRE_ROUTING, nf.NF_IP_PRI_RAW),
        "prerouting": nft.Hook("nat", nf.NF_INET_PRE_ROUTING, nf.NF_IP_PRI_NAT_DST),
        "output": nft.Hook("nat", nf.NF_INET_LOCAL_OUT, nf.NF_IP_PRI_NAT_DST),
        "postrouting": nft.Hook("nat", nf.NF_INET_POST_ROUTING, nf.NF_IP_PRI_NAT_SRC),
        "forward": nft.Hook("filter", nf.NF_INET_FORWARD, nf.NF_IP_PRI_FILTER),
    }
    messages += [nft.add_chain(table, "publish"), nft.add_chain(table, "received")]
    messages += [nft.add_chain(table, name, hook) for name, hook in hooks.items()]
    messages += [nft.add_rule(table, chain, *rule) for chain, rule in _base_rules()]
    return messages


def receive(table: str, *, forwarding: bool) -> list[Message]:
    """Whether packets that come from outside are rewritten, or left to the sockets that hold the ports."""
    messages = [nft.flush_chain(table, "received")]
    if forwarding:
        messages.append(nft.add_rule(table, "received", nft.verdict(nf.NFT_JUMP, "publish")))
    return messages


def _base_rules() -> Iterable[tuple[str, Sequence[bytes]]]:
    ipv4 = nft.family_is(nf.NFPROTO_IPV4)
    loopback = ipaddress.ip_network("127.0.0.0/8")
    to_loopback = ipv4 + _within(loopback, destination=True)
    from_loopback = ipv4 + _within(loopback, destination=False)
    ours = nft.meta(nf.NFT_META_IIFNAME) + nft.lookup("bridges")
    # route_localnet, which 127.0.0.1:port needs, would let containers reach the host's loopback services.
    yield "guard", [ours, to_loopback, nft.verdict(nf.NF_DROP)]
    yield "guard", [ours, from_loopback, nft.verdict(nf.NF_DROP)]
    # A neighbour can address frames for 127.0.0.1 to us; what is bound there is not for it.
    yield "prerouting", [to_loopback, nft.verdict(nf.NFT_RETURN)]
    yield "prerouting", [nft.verdict(nf.NFT_JUMP, "received")]
    # The kernel refuses ::1 on any other device, on the way back: the relay serves that address.
    to_loopback6 = nft.family_is(nf.NFPROTO_IPV6) + _within(ipaddress.ip_network("::1/128"), destination=True)
    yield "output", [to_loopback6, nft.verdict(nf.NFT_RETURN)]
    yield "output", [nft.verdict(nf.NFT_JUMP, "publish")]
    for version in (4, 6):
        yield "publish", _translate(version, bound=True)
        yield "publish", _translate(version, bound=False)
    yield "postrouting", [nft.meta(nf.NFT_META_OIFNAME), nft.lookup("arriving", into=nf.NFT_REG_VERDICT)]
    yield "postrouting", [nft.meta(nf.NFT_META_IIFNAME), nft.lookup("leaving", into=nf.NFT_REG_VERDICT)]
    established = nft.connection_is(nf.NFT_CT_STATE, nf.NF_CT_STATE_ESTABLISHED | nf.NF_CT_STATE_RELATED)
    yield "forward", [established, nft.verdict(nf.NF_ACCEPT)]
    yield "forward", [nft.meta(nf.NFT_META_IIFNAME), nft.lookup("outof", into=nf.NFT_REG_VERDICT)]
    yield "forward", [nft.meta(nf.NFT_META_OIFNAME), nft.lookup("into", into=nf.NFT_REG_VERDICT)]


def _translate(version: int, *, bound: bool) -> list[bytes]:
    """dnat to what the map says for protocol [. destination] . port."""
    family = nf.NFPROTO_IPV4 if version == 4 else nf.NFPROTO_IPV6
    size, offset = (4, 16) if version == 4 else (16, 24)
    register = nf.NFT_REG32_00
    parts = [nft.family_is(family)]
    if not bound:
        parts.append(nft.local_destination())
    parts.append(nft.meta(nf.NFT_META_L4PROTO, register))
    register += 1
    if bound:
        parts.append(nft.payload(nf.NFT_PAYLOAD_NETWORK_HEADER, offset, size, register))
        register += size // 4
    parts.append(nft.payload(nf.NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, register))
    target = nf.NFT_REG32_00
    parts.append(nft.lookup(("bound" if bound else "local") + str(version), nf.NFT_REG32_00, into=target))
    parts.append(nft.dnat(family, target, target + size // 4))
    return parts


def _within(network: Network, *, destination: bool) -> bytes:
    source, target = (12, 16) if network.version == 4 else (8, 24)
    offset = target if destination else source
    return nft.network_is(offset, network.network_address.packed, network.netmask.packed)


def _family(network: Network) -> bytes:
    return nft.family_is(nf.NFPROTO_IPV4 if network.version == 4 else nf.NFPROTO_IPV6)


def add_network(table: str, network: NetworkRules) -> list[Message]:
    bridge = network.bridge
    leaving, arriving, into = f"leaving-{bridge}", f"arriving-{bridge}", f"into-{bridge}"
    messages = [nft.add_chain(table, name) for name in (leaving, arriving, into)]
    messages += [nft.add_rule(table, leaving, *rule) for rule in _leaving(network)]
    messages += [nft.add_rule(table, arriving, *rule) for rule in _arriving(network)]
    messages += [nft.add_rule(table, into, *rule) for rule in _into(network)]
    key = nft.ifname(bridge)
    messages += nft.add_elements(table, "bridges", [nft.value_element(key)])
    for name, chain in (("leaving", leaving), ("arriving", arriving), ("into", into)):
        messages += nft.add_elements(table, name, [nft.verdict_element(key, nf.NFT_JUMP, chain)])
    if network.internal:
        chain = f"outof-{bridge}"
        messages.append(nft.add_chain(table, chain))
        elsewhere = nft.interface_is(nf.NFT_META_OIFNAME, bridge, nf.NFT_CMP_NEQ)
        messages.append(nft.add_rule(table, chain, elsewhere, nft.verdict(nf.NF_DROP)))
        messages += nft.add_elements(table, "outof", [nft.verdict_element(key, nf.NFT_JUMP, chain)])
    return messages


def _leaving(network: NetworkRules) -> Iterable[list[bytes]]:
    elsewhere = nft.interface_is(nf.NFT_META_OIFNAME, network.bridge, nf.NFT_CMP_NEQ)
    if network.masquerade and not network.internal:
        for subnet in network.subnets:
            yield [_family(subnet), _within(subnet, destination=False), elsewhere, nft.masquerade()]


def _arriving(network: NetworkRules) -> Iterable[list[bytes]]:
    translated = nft.connection_is(nf.NFT_CT_STATUS, nf.IPS_DST_NAT)
    for subnet in network.subnets:
        # From a container to a published port of its own network: the answer must come back through us.
        yield [_family(subnet), _within(subnet, destination=False), translated, nft.masquerade()]
        if subnet.version == 4:
            loopback = ipaddress.ip_network("127.0.0.0/8")
            yield [_family(loopback), _within(loopback, destination=False), nft.masquerade()]


def _into(network: NetworkRules) -> Iterable[list[bytes]]:
    if not network.internal:
        yield [nft.connection_is(nf.NFT_CT_STATUS, nf.IPS_DST_NAT), nft.verdict(nf.NF_ACCEPT)]
    if network.icc:
        yield [nft.interface_is(nf.NFT_META_IIFNAME, network.bridge), nft.verdict(nf.NF_ACCEPT)]
    yield [nft.verdict(nf.NF_DROP)]


def remove_network(table: str, network: NetworkRules) -> list[Message]:
    key = nft.ifname(network.bridge)
    kinds = ["leaving", "arriving", "into"] + (["outof"] if network.internal else [])
    messages = nft.delete_elements(table, "bridges", [key])
    for kind in kinds:
        messages += nft.delete_elements(table, kind, [key])
    for kind in kinds:
        chain = f"{kind}-{network.bridge}"
        messages += [nft.flush_chain(table, chain), nft.delete_chain(table, chain)]
    return messages


def add_ports(table: str, ports: Iterable[PortRule]) -> list[Message]:
    by_map: dict[str, list[bytes]] = {}
    for port in ports:
        by_map.setdefault(port.map, []).append(port.element)
    return [
        message for name, elements in by_map.items() for message in nft.add_elements(table, name, elements)
    ]


def remove_ports(table: str, ports: Iterable[PortRule]) -> list[Message]:
    by_map: dict[str, list[bytes]] = {}
    for port in ports:
        by_map.setdefault(port.map, []).append(port.key)
    return [message for name, keys in by_map.items() for message in nft.delete_elements(table, name, keys)]


def resolver(table: str, udp_port: int, tcp_port: int) -> list[Message]:
    """Inside a container's namespace: 127.0.0.11:53 leads to our sockets, whatever else listens on 53."""
    family = nf.NFPROTO_IPV4
    messages = [nft.add_table(table, family), nft.delete_table(table, family), nft.add_table(table, family)]
    output = nft.Hook("nat", nf.NF_INET_LOCAL_OUT, nf.NF_IP_PRI_NAT_DST)
    messages.append(nft.add_chain(table, "output", output, family))
    address = ipaddress.ip_address("127.0.0.11").packed
    for protocol, port in (("udp", udp_port), ("tcp", tcp_port)):
        match = nft.payload(nf.NFT_PAYLOAD_NETWORK_HEADER, 16, 4) + nft.compare(address)
        match += nft.meta(nf.NFT_META_L4PROTO) + nft.compare(bytes([PROTOCOLS[protocol]]))
        match += nft.payload(nf.NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2) + nft.compare(struct.pack(">H", 53))
        load = nft.immediate(address, nf.NFT_REG_1) + nft.immediate(struct.pack(">H", port), nf.NFT_REG_2)
        rule = [match, load, nft.dnat(family, nf.NFT_REG_1, nf.NFT_REG_2)]
        messages.append(nft.add_rule(table, "output", *rule, family=family))
    return messages
