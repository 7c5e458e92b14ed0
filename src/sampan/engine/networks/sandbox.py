"""What a running container, or a step of a build, has of networks: endpoints, published ports, a resolver."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampan.engine.networks.live import Endpoint
from sampan.network.names import Resolver
from sampan.network.ports import Lease, Request
from sampan.network.rules import PortRule


@dataclass(eq=False)
class Sandbox:
    """`kind` is how the container has its namespace: "bridge", "none", "host" or "container"."""

    id: str
    container: str
    container_name: str
    kind: str
    endpoints: dict[str, Endpoint] = field(default_factory=dict)  # by network name
    requests: Sequence[Request] = ()
    leases: list[Lease] = field(default_factory=list)
    rules: list[PortRule] = field(default_factory=list)
    publisher: Endpoint | None = None  # whose addresses the ports lead to
    resolver: Resolver | None = None
    links: dict[str, str] = field(default_factory=dict)  # container ID -> names in /etc/hosts

    def gateway_endpoint(self, version: int) -> Endpoint | None:
        """Whom the default route goes by: highest priority, then both families, then the first name."""
        usable = [endpoint for endpoint in self.endpoints.values() if endpoint.gateway(version) is not None]
        return min(
            usable,
            key=lambda e: (-e.priority, len(e.addresses) < 2, e.network.record.name),
            default=None,
        )

    def document(self) -> dict[str, Any]:
        """What the next daemon needs to take over."""
        return {
            "id": self.id,
            "kind": self.kind,
            "endpoints": {name: _endpoint_document(endpoint) for name, endpoint in self.endpoints.items()},
            "leases": [
                [lease.protocol, str(lease.host or ""), lease.port, lease.container_port]
                for lease in self.leases
            ],
            "publisher": self.publisher.network.record.name if self.publisher else "",
            "links": self.links,
        }


def _endpoint_document(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "network": endpoint.network.record.id,
        "id": endpoint.id,
        "asked": endpoint.asked,
        "names": list(endpoint.names),
        "mac": endpoint.mac,
        "ipv4": str(endpoint.ipv4 or ""),
        "ipv6": str(endpoint.ipv6 or ""),
        "veth": endpoint.veth,
        "inner": endpoint.inner,
    }


def restore_endpoint(endpoint: Endpoint, row: Mapping[str, Any]) -> None:
    """Fill in from what `document` wrote."""
    endpoint.mac, endpoint.veth, endpoint.inner = row["mac"], row["veth"], row["inner"]
    endpoint.ipv4 = ipaddress.IPv4Interface(row["ipv4"]) if row["ipv4"] else None
    endpoint.ipv6 = ipaddress.IPv6Interface(row["ipv6"]) if row["ipv6"] else None
