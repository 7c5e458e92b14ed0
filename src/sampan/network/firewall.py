"""Keeps the nftables table as it should be, and puts it back when somebody else flushes it.

It also gives way to others. Where another program's forward chain drops by policy (Docker's does, and ufw's),
packets of ours would die there however our own rules judge them, and those rules are not ours to change.
What containers of one host say to each other and to the host need not be forwarded, so then: frames between
ports of one bridge go directly (direct.py), and published ports are served to others by the sockets that
hold them (ports.py), under the host's rules for input. What really is forwarded, from containers to the
world outside, is up to the host's rules; `forward_drops` names the chains, for a warning.
"""

import asyncio
import logging
from collections.abc import Iterable

from sampan.linux import nf_tables as nf
from sampan.linux import nftables as nft
from sampan.linux.netlink import Message, NetlinkError
from sampan.network import rules
from sampan.network.bridges import bridged_packets_meet_rules
from sampan.network.direct import Direct
from sampan.network.rules import NetworkRules, PortRule

log = logging.getLogger("sampan.network")

RETRY = 0.2  # seconds


class Table:
    """The wanted networks and ports, and the kernel's copy of them. Not thread-safe."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._firewall = nft.Firewall()
        self._networks: dict[str, NetworkRules] = {}
        self._ports: dict[tuple[str, bytes], PortRule] = {}
        self._monitor: nft.Monitor | None = None
        self._installed = False
        self._forwarding = True
        self._closed = False
        self.direct = Direct(name, self._firewall)

    def install(self) -> None:
        """Replace whatever is there by what is wanted, in one transaction: no packet sees a gap.

        Raises NetlinkError.
        """
        messages = [nft.add_table(self.name), nft.delete_table(self.name), *rules.base(self.name)]
        for network in self._networks.values():
            messages += rules.add_network(self.name, network)
        messages += rules.add_ports(self.name, self._ports.values())
        messages += rules.receive(self.name, forwarding=self._forwarding)
        self._firewall.commit(messages)
        self._installed = True
        self.direct.switch(self.direct.on)

    def adapt(self) -> None:
        """To the forward chains that others have now. Raises NetlinkError."""
        forwarding = not self.forward_drops()
        if forwarding != self._forwarding:
            self._forwarding = forwarding
            self._firewall.commit(rules.receive(self.name, forwarding=forwarding))
        direct = not forwarding and bridged_packets_meet_rules()
        if direct != self.direct.on:
            self.direct.switch(direct)

    def add_network(self, network: NetworkRules) -> None:
        """Raises NetlinkError, and then nothing changed."""
        if self._installed:
            self._firewall.commit(rules.add_network(self.name, network))
        self._networks[network.bridge] = network

    def remove_network(self, bridge: str) -> None:
        network = self._networks.pop(bridge, None)
        if network is not None and self._installed:
            self._change(rules.remove_network(self.name, network))
            self.direct.forget_bridge(bridge)

    def add_ports(self, ports: Iterable[PortRule]) -> None:
        """Raises NetlinkError, and then nothing changed."""
        wanted = {(port.map, port.key): port for port in ports}
        if wanted and self._installed:
            self._firewall.commit(rules.add_ports(self.name, wanted.values()))
        self._ports.update(wanted)

    def remove_ports(self, ports: Iterable[PortRule]) -> None:
        gone = {(port.map, port.key): port for port in ports if (port.map, port.key) in self._ports}
        for key in gone:
            del self._ports[key]
        if gone and self._installed:
            self._change(rules.remove_ports(self.name, gone.values()))

    def _change(self, messages: list[Message]) -> None:
        # A removal only fails when somebody was at the table; then all of it is put right.
        try:
            self._firewall.commit(messages)
        except NetlinkError as error:
            log.warning(
                "nftables table %s was changed by others (%s): restoring it", self.name, error.strerror
            )
            self._follow(True)

    def watch(self) -> None:
        """From now on restore the table, and adapt to others, within the event loop's next turn."""
        self._monitor = nft.Monitor(self.name, self._firewall.port)
        asyncio.get_running_loop().add_reader(self._monitor.fileno(), self._check)

    def _check(self) -> None:
        if self._monitor is None:
            return
        changes = self._monitor.changes()
        if changes.damaged:
            log.warning("nftables table %s was flushed by others: restoring it", self.name)
        if changes.damaged or changes.chains:
            self._follow(changes.damaged)

    def _follow(self, damaged: bool) -> None:
        """Again until it works: whoever flushes may be about to flush more."""
        if self._closed:
            return
        try:
            if damaged:
                self.install()
            self.adapt()
        except NetlinkError as error:
            log.warning("cannot restore nftables table %s: %s", self.name, error.strerror)
            asyncio.get_running_loop().call_later(RETRY, self._follow, True)

    def forward_drops(self) -> list[str]:
        """Other programs' chains that drop forwarded packets by policy, as "family table/chain"."""
        families = {nf.NFPROTO_INET: "inet", nf.NFPROTO_IPV4: "ip", nf.NFPROTO_IPV6: "ip6"}
        return [
            f"{families[chain.family]} {chain.table}/{chain.name}"
            for chain in self._firewall.base_chains()
            if chain.hook == nf.NF_INET_FORWARD
            and chain.policy == nf.NF_DROP
            and chain.table != self.name
            and chain.family in families
        ]

    def close(self, *, remove: bool = False) -> None:
        """With `remove` the tables go too. Raises NetlinkError."""
        self._closed = True
        if self._monitor is not None:
            asyncio.get_running_loop().remove_reader(self._monitor.fileno())
            self._monitor.close()
            self._monitor = None
        if remove:
            try:
                self.direct.switch(False)
                self._firewall.commit([nft.add_table(self.name), nft.delete_table(self.name)])
            finally:
                self._firewall.close()
        self._firewall.close()
