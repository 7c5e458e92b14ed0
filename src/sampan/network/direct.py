"""Frames between containers of one network, when the host's rules for routed packets would drop them.

With br_netfilter (bridge-nf-call-iptables = 1) even frames that a bridge merely switches meet the host's
FORWARD rules, and a policy of "drop" there, which other programs set to keep the host from routing, would
part containers that share a network. Their frames then go from port to port without the bridge:

    table netdev sampan {
      map <bridge> { type ether_addr : iface_index; }
      chain <port> { type filter hook ingress device <port> priority 0; fwd to ether daddr map @<bridge>; }
    }

Broadcasts, and whatever is for the host or beyond it, still pass the bridge and the host's rules.
"""

import errno
import struct
from dataclasses import dataclass

from sampan.linux import nf_tables as nf
from sampan.linux import nftables as nft
from sampan.linux.netlink import Message, NetlinkError
from sampan.linux.rtnetlink import mac_bytes

FAMILY = nf.NFPROTO_NETDEV
PORTS = nft.SetType(nf.TYPE_ETHERADDR, 6, nf.TYPE_IFINDEX, 4)


@dataclass(frozen=True)
class DirectPort:
    """A container's end of a bridge: the host's device and the MAC address behind it."""

    bridge: str
    device: str
    index: int
    mac: str

    @property
    def key(self) -> bytes:
        return mac_bytes(self.mac)

    @property
    def element(self) -> bytes:
        return nft.value_element(self.key, struct.pack("=I", self.index))


def add_port(table: str, port: DirectPort) -> list[Message]:
    hook = nft.Hook("filter", nf.NF_NETDEV_INGRESS, 0, port.device)
    find = nft.payload(nf.NFT_PAYLOAD_LL_HEADER, 0, 6) + nft.lookup(port.bridge, into=nf.NFT_REG_1)
    return [
        *nft.add_elements(table, port.bridge, [port.element], FAMILY),
        nft.add_chain(table, port.device, hook, FAMILY),
        nft.add_rule(table, port.device, find, nft.forward_to(), family=FAMILY),
    ]


def remove_port(table: str, port: DirectPort, *, chain: bool) -> list[Message]:
    messages = nft.delete_elements(table, port.bridge, [port.key], FAMILY)
    if chain:
        messages += [
            nft.flush_chain(table, port.device, FAMILY),
            nft.delete_chain(table, port.device, FAMILY),
        ]
    return messages


class Direct:
    """The ports that want it, and, while it is on, the kernel's table. Not thread-safe."""

    def __init__(self, table: str, firewall: nft.Firewall) -> None:
        self._table = table
        self._firewall = firewall
        self._ports: dict[str, DirectPort] = {}
        self._maps: set[str] = set()
        self.on = False

    def switch(self, on: bool) -> None:
        """Raises NetlinkError."""
        self.on = on
        self._maps = set()
        table = nft.add_table(self._table, FAMILY)
        messages = [table, nft.delete_table(self._table, FAMILY)]
        if on:
            messages.append(table)
            for port in self._ports.values():
                messages += [*self._map_of(port), *add_port(self._table, port)]
        self._firewall.commit(messages)

    def _map_of(self, port: DirectPort) -> list[Message]:
        if port.bridge in self._maps:
            return []
        self._maps.add(port.bridge)
        return [nft.add_set(self._table, port.bridge, PORTS, len(self._maps), FAMILY)]

    def add(self, port: DirectPort) -> None:
        """Raises NetlinkError."""
        if self.on:
            self._firewall.commit([*self._map_of(port), *add_port(self._table, port)])
        self._ports[port.device] = port

    def remove(self, device: str) -> None:
        port = self._ports.pop(device, None)
        if port is None or not self.on:
            return
        try:
            self._firewall.commit(remove_port(self._table, port, chain=True))
        except NetlinkError as error:
            if error.errno != errno.ENOENT:
                raise
            # The chain goes with its device; then only the element is left.
            try:
                self._firewall.commit(remove_port(self._table, port, chain=False))
            except NetlinkError:
                self.switch(True)

    def forget_bridge(self, bridge: str) -> None:
        if self.on and bridge in self._maps:
            self._maps.discard(bridge)
            self._firewall.commit([nft.delete_set(self._table, bridge, FAMILY)])
