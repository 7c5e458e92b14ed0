"""What the database holds about one network, and how Docker's API shows it."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from sampan.linux.rtnetlink import Address, Interface, Network
from sampan.network.bridges import BridgePlan
from sampan.network.rules import NetworkRules
from sampan.specs.golang.numbers import TRUE

PREFIX = "com.docker.network.bridge."
BRIDGE_NAME = PREFIX + "name"
DEFAULT_BRIDGE = PREFIX + "default_bridge"
ENABLE_ICC = PREFIX + "enable_icc"
ENABLE_MASQUERADE = PREFIX + "enable_ip_masquerade"
HOST_BINDING = PREFIX + "host_binding_ipv4"
INHIBIT_IPV4 = PREFIX + "inhibit_ipv4"
MTU = "com.docker.network.driver.mtu"

PREDEFINED = ("bridge", "host", "none")


@dataclass(frozen=True)
class Subnet:
    """One pool of addresses. `gateway` is the bridge's; `router` is where containers send, if another."""

    network: Network
    gateway: Address | None
    range: Network | None = None
    auxiliary: tuple[Address, ...] = ()
    router: Address | None = None

    def document(self) -> dict[str, Any]:
        return {
            "network": str(self.network),
            "gateway": str(self.gateway) if self.gateway else "",
            "range": str(self.range) if self.range else "",
            "auxiliary": [str(address) for address in self.auxiliary],
            "router": str(self.router) if self.router else "",
        }

    @classmethod
    def from_document(cls, row: Mapping[str, Any]) -> "Subnet":
        return cls(
            ipaddress.ip_network(row["network"]),
            ipaddress.ip_address(row["gateway"]) if row["gateway"] else None,
            ipaddress.ip_network(row["range"]) if row["range"] else None,
            tuple(ipaddress.ip_address(address) for address in row["auxiliary"]),
            ipaddress.ip_address(row["router"]) if row.get("router") else None,
        )


@dataclass(frozen=True)
class NetworkRecord:
    """One row, `networks/<id>`. `ipam` is what the user asked for, `subnets` what it became."""

    id: str
    name: str
    created: str
    driver: str
    ipv4: bool = True
    ipv6: bool = False
    internal: bool = False
    attachable: bool = False
    config_only: bool = False
    config_from: str = ""
    ipam: dict[str, Any] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    subnets: tuple[Subnet, ...] = ()
    bridge: str = ""  # the device
    mtu: int = 0

    @property
    def key(self) -> str:
        return f"networks/{self.id}"

    @property
    def predefined(self) -> bool:
        return self.name in PREDEFINED

    @property
    def default_bridge(self) -> bool:
        return self.options.get(DEFAULT_BRIDGE) == "true"

    @property
    def user_defined(self) -> bool:
        return not self.predefined

    def flag(self, name: str, default: bool = True) -> bool:
        value = self.options.get(name)
        return default if value is None else value in TRUE

    def of_version(self, version: int) -> Iterator[Subnet]:
        return (subnet for subnet in self.subnets if subnet.network.version == version)

    def bridge_plan(self) -> BridgePlan:
        addresses: list[Interface] = []
        for subnet in self.subnets:
            if subnet.gateway is not None and not (
                subnet.network.version == 4 and self.flag(INHIBIT_IPV4, False)
            ):
                addresses.append(ipaddress.ip_interface(f"{subnet.gateway}/{subnet.network.prefixlen}"))
        return BridgePlan(self.bridge, self.mtu, tuple(addresses))

    def rules(self) -> NetworkRules:
        return NetworkRules(
            self.bridge,
            tuple(subnet.network for subnet in self.subnets),
            masquerade=self.flag(ENABLE_MASQUERADE),
            icc=self.flag(ENABLE_ICC),
            internal=self.internal,
        )

    def row(self) -> dict[str, Any]:
        row = {item.name: getattr(self, item.name) for item in fields(self)}
        row["subnets"] = [subnet.document() for subnet in self.subnets]
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "NetworkRecord":
        """Unknown fields (of a newer version) are dropped."""
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in row.items() if name in known}
        values["subnets"] = tuple(Subnet.from_document(item) for item in row.get("subnets") or ())
        return cls(**values)

    def document(self, containers: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET /networks/<id>."""
        return {
            "Name": self.name,
            "Id": self.id,
            "Created": self.created,
            "Scope": "local",
            "Driver": self.driver,
            "EnableIPv4": self.ipv4,
            "EnableIPv6": self.ipv6,
            "IPAM": {
                "Driver": self.ipam.get("Driver") or "default",
                "Options": self.ipam.get("Options"),
                "Config": self._ipam_config(),
            },
            "Internal": self.internal,
            "Attachable": self.attachable,
            "Ingress": False,
            "ConfigFrom": {"Network": self.config_from},
            "ConfigOnly": self.config_only,
            "Containers": dict(containers or {}),
            "Options": self.options,
            "Labels": self.labels,
        }

    def _ipam_config(self) -> list[dict[str, Any]] | None:
        """What was asked for, as it was written; what was chosen for the user after it."""
        given = [dict(entry) for entry in self.ipam.get("Config") or () if entry.get("Subnet")]
        versions = {ipaddress.ip_network(entry["Subnet"]).version for entry in given}
        for subnet in self.subnets:
            if subnet.network.version not in versions:
                chosen = {"Subnet": str(subnet.network)}
                if subnet.gateway is not None:
                    chosen["Gateway"] = str(subnet.gateway)
                given.append(chosen)
        return given or None
