"""What containers ask of networks: checked, and turned into what the parts below need."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from sampan.engine.networks.record import NetworkRecord
from sampan.errors import Invalid, Unsupported
from sampan.linux.rtnetlink import mac_bytes
from sampan.network import ports
from sampan.specs.docker.ports import parse_host_ports, parse_port
from sampan.specs.golang.json import mistyped


def normalise(asked: Any) -> dict[str, Any]:
    """An EndpointSettings of a request with only what a user may set.

    Raises Invalid for a wrong type, Unsupported for what would not be done.
    """
    if asked is None:
        return {}
    if not isinstance(asked, dict):
        raise _mistyped(asked, "", "EndpointSettings")
    found: dict[str, Any] = {}
    for name, kind, go in (
        ("IPAMConfig", dict, "network.EndpointIPAMConfig"),
        ("Links", list, "[]string"),
        ("Aliases", list, "[]string"),
        ("MacAddress", str, "string"),
        ("DriverOpts", dict, "map[string]string"),
        ("GwPriority", int, "int"),
    ):
        value = asked.get(name)
        if value is None:
            continue
        if not isinstance(value, kind) or isinstance(value, bool):
            raise _mistyped(value, name, go)
        items: Sequence[Any] = ()
        if isinstance(value, list):
            items = value
        elif isinstance(value, dict):
            items = list(value.values())
        if name != "IPAMConfig" and not all(isinstance(item, str) for item in items):
            raise _mistyped(items[0], name, "string")
        found[name] = value
    ipam = found.get("IPAMConfig") or {}
    for name in ("IPv4Address", "IPv6Address"):
        if not isinstance(ipam.get(name) or "", str):
            raise _mistyped(ipam[name], f"IPAMConfig.{name}", "string")
    if ipam.get("LinkLocalIPs"):
        raise Unsupported("link-local addresses of endpoints (--link-local-ip) are not supported")
    for name in found.get("DriverOpts") or {}:
        # Of a network's bridge driver only these mean something; others it ignores, as dockerd's.
        if name.startswith("com.docker.network.endpoint."):
            raise Unsupported(f"the driver option {name} of endpoints is not supported")
    return found


def _mistyped(value: object, name: str, kind: str) -> Invalid:
    return mistyped(value, kind, f"EndpointSettings.{name}", what="invalid JSON")


def check(network: NetworkRecord, asked: Mapping[str, Any]) -> None:
    """Raises Invalid with every mistake in the settings, as Docker lists them."""
    mistakes: list[str] = []
    ipam = asked.get("IPAMConfig") or {}
    addresses = [(4, ipam.get("IPv4Address") or ""), (6, ipam.get("IPv6Address") or "")]
    if any(text for _, text in addresses) and not network.user_defined:
        mistakes.append("user specified IP address is supported on user defined networks only")
    for version, text in addresses:
        if text:
            mistakes += address_mistakes(network, version, text)
    if asked.get("Aliases") and not network.user_defined:
        mistakes.append("network-scoped alias is supported only for containers in user defined networks")
    if mac := asked.get("MacAddress"):
        try:
            mac_bytes(mac)
        except ValueError:
            mistakes.append(f"invalid MAC address: {mac}")
    if mistakes:
        text = mistakes[0] if len(mistakes) == 1 else "\n".join(f"* {mistake}" for mistake in mistakes)
        raise Invalid("invalid endpoint settings:\n" + text)


def address_mistakes(network: NetworkRecord, version: int, text: str) -> list[str]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return [f"invalid IPv{version} address: {text}"]
    if address.version != version:
        return [f"invalid IPv{version} address: {text}"]
    configured = [
        ipaddress.ip_network(entry["Subnet"])
        for entry in network.ipam.get("Config") or ()
        if entry.get("Subnet")
    ]
    if not any(subnet.version == version for subnet in configured):
        return [
            "user specified IP address is supported only when connecting to networks "
            "with user configured subnets"
        ]
    if not any(address in subnet for subnet in configured if subnet.version == version):
        return [f"no configured subnet or ip-range contain the IP address {text}"]
    return []


def dns_names(name: str, id: str, hostname: str, asked: Mapping[str, Any]) -> tuple[str, ...]:
    """What a container resolves as: its name, aliases, short ID and host name, each once."""
    return tuple(
        dict.fromkeys(word for word in (name, *(asked.get("Aliases") or ()), id[:12], hostname) if word)
    )


def port_requests(
    host_config: Mapping[str, Any], config: Mapping[str, Any], default_host: str
) -> list[ports.Request]:
    """Every port to publish. `default_host` is for bindings without an address. Raises Invalid."""
    bindings: Mapping[str, Any] = host_config.get("PortBindings") or {}
    requests: list[ports.Request] = []
    for port, wanted in bindings.items():
        number, protocol = parse_port(port)
        for binding in wanted or [{}]:
            host = ports.parse_host_address(binding.get("HostIp") or default_host)
            first, last = parse_host_ports(str(binding.get("HostPort") or ""))
            requests.append(ports.Request(protocol, number, host, first, last))
    if host_config.get("PublishAllPorts"):
        published = {(request.protocol, request.container_port) for request in requests}
        for port in config.get("ExposedPorts") or {}:
            number, protocol = parse_port(port)
            if (protocol, number) not in published:
                requests.append(ports.Request(protocol, number, ports.parse_host_address(default_host)))
    # Fixed ports first, so that a random one never takes what is asked for.
    return sorted(
        requests, key=lambda request: (request.first == 0, request.container_port, request.protocol)
    )


def ports_document(
    leases: Sequence[ports.Lease], config: Mapping[str, Any], *, running: bool
) -> dict[str, list[dict[str, str]] | None]:
    """`Ports` of NetworkSettings: exposed ones are null unless published."""
    document: dict[str, list[dict[str, str]] | None] = {}
    if running:
        for port in config.get("ExposedPorts") or {}:
            number, protocol = parse_port(port)
            document[f"{number}/{protocol}"] = None
    for lease in leases:
        shown = document.setdefault(f"{lease.container_port}/{lease.protocol}", []) or []
        shown += [{"HostIp": host, "HostPort": str(lease.port)} for host in lease.shown_hosts()]
        document[f"{lease.container_port}/{lease.protocol}"] = shown
    return dict(sorted(document.items()))


def extra_hosts(host_config: Mapping[str, Any], gateways: Sequence[str]) -> list[tuple[str, str]]:
    """(address, name) of --add-host; host-gateway stands for each of `gateways`. Raises Invalid."""
    found: list[tuple[str, str]] = []
    for entry in host_config.get("ExtraHosts") or ():
        name, colon, address = entry.partition(":")
        if not colon or not name:
            raise Invalid(f"bad format for add-host: {entry!r}")
        if address == "host-gateway":
            if not gateways:
                raise Invalid("unable to derive the IP value for host-gateway")
            found += [(gateway, name) for gateway in gateways]
            continue
        try:
            ipaddress.ip_address(address.strip("[]"))
        except ValueError:
            raise Invalid(f"invalid IP address in add-host: {address!r}") from None
        found.append((address.strip("[]"), name))
    return found
