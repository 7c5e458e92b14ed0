"""Networks and endpoints as they are now: addresses handed out, interfaces in place."""

import ipaddress
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sampan.engine.networks.record import NetworkRecord
from sampan.errors import Denied, Failed, SampanError
from sampan.linux.rtnetlink import Address, Interface
from sampan.network.addresses import Pool, mac_of


@dataclass(eq=False)
class Endpoint:
    """One container on one network."""

    network: "LiveNetwork"
    id: str
    container: str
    container_name: str
    asked: dict[str, Any]  # EndpointSettings as asked for
    names: tuple[str, ...] = ()  # what it resolves as on this network
    mac: str = ""
    ipv4: Interface | None = None
    ipv6: Interface | None = None
    veth: str = ""  # the host's end
    inner: str = ""  # eth0 ...

    @property
    def addresses(self) -> tuple[Interface, ...]:
        return tuple(address for address in (self.ipv4, self.ipv6) if address is not None)

    @property
    def priority(self) -> int:
        return int(self.asked.get("GwPriority") or 0)

    def gateway(self, version: int) -> Address | None:
        """Where its default route leads; None on internal networks."""
        if self.network.record.internal:
            return None
        if (self.ipv4 if version == 4 else self.ipv6) is None:
            return None
        return next((s.router or s.gateway for s in self.network.record.of_version(version)), None)

    def settings(self) -> dict[str, Any]:
        """EndpointSettings of Docker's API."""
        gateways = {version: self.gateway(version) for version in (4, 6)}
        return {
            **asked_settings(self.asked),
            "MacAddress": self.mac,
            "NetworkID": self.network.record.id,
            "EndpointID": self.id,
            "Gateway": str(gateways[4] or ""),
            "IPAddress": str(self.ipv4.ip) if self.ipv4 else "",
            "IPPrefixLen": self.ipv4.network.prefixlen if self.ipv4 else 0,
            "IPv6Gateway": str(gateways[6] or ""),
            "GlobalIPv6Address": str(self.ipv6.ip) if self.ipv6 else "",
            "GlobalIPv6PrefixLen": self.ipv6.network.prefixlen if self.ipv6 else 0,
            "DNSNames": list(self.names) if self.network.record.user_defined else None,
        }

    def document(self) -> dict[str, Any]:
        """Its entry in `Containers` of the network."""
        return {
            "Name": self.container_name,
            "EndpointID": self.id,
            "MacAddress": self.mac,
            "IPv4Address": str(self.ipv4) if self.ipv4 else "",
            "IPv6Address": str(self.ipv6) if self.ipv6 else "",
        }


def asked_settings(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "IPAMConfig": asked.get("IPAMConfig"),
        "Links": asked.get("Links"),
        "Aliases": asked.get("Aliases"),
        "MacAddress": asked.get("MacAddress") or "",
        "DriverOpts": asked.get("DriverOpts"),
        "GwPriority": asked.get("GwPriority") or 0,
    }


def idle_settings(
    asked: Mapping[str, Any], network_id: str = "", names: Iterable[str] = ()
) -> dict[str, Any]:
    """EndpointSettings of a container that is not running."""
    return {
        **asked_settings(asked),
        "NetworkID": network_id,
        "EndpointID": "",
        "Gateway": "",
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "DNSNames": list(names) or None,
    }


@dataclass(eq=False)
class LiveNetwork:
    """A network, its bridge and whoever is on it. `bridge` 0: it has no device (host, none)."""

    record: NetworkRecord
    bridge: int = 0
    pools: list[Pool] = field(default_factory=list)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)  # by container ID
    _names: dict[str, list[Endpoint]] = field(default_factory=dict)

    @classmethod
    def of(cls, record: NetworkRecord, bridge: int) -> "LiveNetwork":
        pools = [
            Pool(subnet.network, subnet.gateway, subnet.range, frozenset(subnet.auxiliary))
            for subnet in record.subnets
        ]
        return cls(record, bridge, pools)

    def allocate(self, endpoint: Endpoint) -> None:
        """Give it addresses and a MAC address. Raises Denied, Failed, and then nothing is taken."""
        try:
            endpoint.ipv4 = self._allocate(4, endpoint.asked)
            endpoint.ipv6 = self._allocate(6, endpoint.asked)
        except SampanError:
            self.free_addresses(endpoint)
            raise
        address = endpoint.ipv4.ip if endpoint.ipv4 else None
        endpoint.mac = endpoint.asked.get("MacAddress") or mac_of(address, os.urandom(6))

    def _allocate(self, version: int, asked: Mapping[str, Any]) -> Interface | None:
        pools = [pool for pool in self.pools if pool.subnet.version == version]
        if not pools:
            return None
        text = (asked.get("IPAMConfig") or {}).get(f"IPv{version}Address") or ""
        wanted = ipaddress.ip_address(text) if text else None
        last: Failed | None = None
        for pool in pools:
            if wanted is not None and wanted not in pool.subnet:
                continue
            try:
                return _interface(pool.allocate(wanted), pool.subnet.prefixlen)
            except Failed as error:
                last = error
        raise last or Denied("Address already in use")

    def free_addresses(self, endpoint: Endpoint) -> None:
        for address in endpoint.addresses:
            for pool in self.pools:
                if address.ip in pool.subnet:
                    pool.release(address.ip)

    def reserve_addresses(self, endpoint: Endpoint) -> None:
        for address in endpoint.addresses:
            for pool in self.pools:
                if address.ip in pool.subnet:
                    pool.reserve(address.ip)

    def add(self, endpoint: Endpoint) -> None:
        self.endpoints[endpoint.container] = endpoint
        for name in endpoint.names:
            self._names.setdefault(name.lower(), []).append(endpoint)

    def remove(self, endpoint: Endpoint) -> None:
        if self.endpoints.pop(endpoint.container, None) is None:
            return
        self._forget_names(endpoint)
        self.free_addresses(endpoint)

    def rename(self, endpoint: Endpoint, container_name: str, names: tuple[str, ...]) -> None:
        self._forget_names(endpoint)
        endpoint.container_name, endpoint.names = container_name, names
        for name in names:
            self._names.setdefault(name.lower(), []).append(endpoint)

    def _forget_names(self, endpoint: Endpoint) -> None:
        for name in endpoint.names:
            known = self._names.get(name.lower(), [])
            if endpoint in known:
                known.remove(endpoint)
            if not known:
                self._names.pop(name.lower(), None)

    def named(self, name: str) -> Iterator[Endpoint]:
        """Whoever has a name here, in any case."""
        return iter(self._names.get(name.lower(), ()))

    def document(self) -> dict[str, Any]:
        return self.record.document({id: endpoint.document() for id, endpoint in self.endpoints.items()})


def _interface(address: Address, length: int) -> Interface:
    if isinstance(address, ipaddress.IPv4Address):
        return ipaddress.IPv4Interface((address, length))
    return ipaddress.IPv6Interface((address, length))
