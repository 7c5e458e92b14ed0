"""`NetworkSettings` of GET /containers/<id>/json, for containers that run and for those that do not."""

from typing import Any

from sampan.engine.containers.record import ContainerRecord
from sampan.engine.networks import settings
from sampan.engine.networks.live import idle_settings
from sampan.engine.networks.record import PREDEFINED
from sampan.engine.networks.sandbox import Sandbox

# What Docker also shows at the top, from the default bridge: field -> its zero value.
LEGACY: dict[str, Any] = {
    "EndpointID": "",
    "Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "MacAddress": "",
}


def network_settings(record: ContainerRecord, sandbox: Sandbox | None) -> dict[str, Any]:
    networks = _networks(record, sandbox)
    default = networks.get("bridge") or LEGACY
    leases = sandbox.leases if sandbox else []
    bridged = sandbox is not None and sandbox.kind == "bridge"
    return {
        "Bridge": "",
        "SandboxID": sandbox.id if sandbox else "",
        "SandboxKey": f"/proc/{record.state.pid}/ns/net" if sandbox and record.state.pid else "",
        "Ports": settings.ports_document(leases, record.config, running=bridged),
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        **{name: default[name] for name in LEGACY},
        "Networks": networks,
    }


def _networks(record: ContainerRecord, sandbox: Sandbox | None) -> dict[str, dict[str, Any]]:
    if sandbox is not None:
        return {name: endpoint.settings() for name, endpoint in sandbox.endpoints.items()}
    found: dict[str, dict[str, Any]] = {}
    for name, asked in record.networking.items():
        known = record.endpoints.get(name)
        found[name] = known if known is not None else _asked_only(record, name, asked or {})
    return found


def _asked_only(record: ContainerRecord, name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Never started: Docker shows no IDs yet."""
    names: tuple[str, ...] = ()
    if name not in PREDEFINED:
        names = settings.dns_names(record.name, record.id, record.config.get("Hostname") or "", asked)
    return idle_settings(asked, "", names)
