"""From the body of POST /networks/create to a record: what is asked for, checked, and what it becomes."""

import ipaddress
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sampan.engine.networks.record import (
    BRIDGE_NAME,
    ENABLE_ICC,
    ENABLE_MASQUERADE,
    HOST_BINDING,
    INHIBIT_IPV4,
    MTU,
    PREDEFINED,
    NetworkRecord,
    Subnet,
)
from sampan.errors import AlreadyExists, Denied, Invalid, NotFound, Unavailable
from sampan.linux.rtnetlink import Network
from sampan.network.addresses import overlaps, pick_subnet
from sampan.network.bridges import NAME_LIMIT
from sampan.specs.golang import time as times
from sampan.specs.golang.json import mistyped
from sampan.specs.golang.numbers import atoi, parse_bool

BOOLEANS = (ENABLE_ICC, ENABLE_MASQUERADE, INHIBIT_IPV4)
MAX_MTU = 65535


@dataclass(frozen=True)
class Surroundings:
    """What a new network must fit into."""

    existing: Sequence[NetworkRecord]
    pools: Sequence[tuple[str, int]]
    taken: Sequence[Network]  # by the host's routes and addresses
    mtu: int
    bridge_prefix: str = "br-"


def new_id() -> str:
    return secrets.token_hex(32)


def build(body: Mapping[str, Any], around: Surroundings) -> NetworkRecord:
    """Raises Invalid, AlreadyExists, NotFound (driver), Unavailable (overlay), Denied (Docker's 403)."""
    name = _string(body, "Name")
    driver = _string(body, "Driver") or "bridge"
    check_name(name, around.existing)
    if _string(body, "Scope") == "swarm":
        raise Denied("cannot create a swarm scoped network when swarm is not active")
    if _flag(body, "Ingress"):
        raise Invalid("ingress network is not supported without swarm")
    config_only = _flag(body, "ConfigOnly")
    if config_only:
        driver = "null"
    elif driver in ("host", "null"):
        raise Denied(f'only one instance of "{driver}" network is allowed')
    elif driver == "overlay":
        raise Unavailable(
            'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
            "to connect this node to swarm and try again."
        )
    elif driver != "bridge":
        raise NotFound(f'plugin "{driver}" not found')
    record = NetworkRecord(
        id=new_id(),
        name=name,
        created=times.now(),
        driver=driver,
        ipv4=_flag(body, "EnableIPv4", True),
        ipv6=_flag(body, "EnableIPv6"),
        internal=_flag(body, "Internal"),
        attachable=_flag(body, "Attachable"),
        config_only=config_only,
        ipam=_ipam(body),
        options=_strings(body, "Options"),
        labels=_strings(body, "Labels"),
    )
    record = _from_config(record, body, around.existing)
    if config_only:
        return record
    check_ipam(record.ipam)
    record = with_bridge(record, around)
    return replace(record, subnets=choose_subnets(record, around))


def check_name(name: str, existing: Sequence[NetworkRecord]) -> None:
    if name in (*PREDEFINED, "default"):
        raise Denied(f"operation is not permitted on predefined {name} network ")
    if not name.strip() or "/" in name or "\0" in name:
        raise Invalid(f"invalid name: {name}")
    if any(network.name == name for network in existing):
        raise AlreadyExists(f"network with name {name} already exists")


def _mistyped(value: object, name: str, kind: str) -> Invalid:
    return mistyped(value, kind, f"CreateRequest.{name}", what="invalid JSON")


def _string(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _mistyped(value, name, "string")
    return value


def _flag(body: Mapping[str, Any], name: str, default: bool = False) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _mistyped(value, name, "bool")
    return value


def _strings(body: Mapping[str, Any], name: str) -> dict[str, str]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _mistyped(value, name, "map[string]string")
    for item in value.values():
        if not isinstance(item, str):
            raise _mistyped(item, name, "string")
    return dict(value)


def _ipam(body: Mapping[str, Any]) -> dict[str, Any]:
    value = body.get("IPAM")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _mistyped(value, "IPAM", "network.IPAM")
    driver = _string(value, "Driver") or "default"
    if driver not in ("default", "null"):
        raise NotFound(f'plugin "{driver}" not found')
    entries = value.get("Config")
    if entries is not None and not (isinstance(entries, list) and all(isinstance(e, dict) for e in entries)):
        raise _mistyped(entries, "IPAM.Config", "[]network.IPAMConfig")
    options = value.get("Options")
    if options is not None:
        options = _strings(value, "Options")
    return {"Driver": driver, "Options": options, "Config": [_ipam_entry(entry) for entry in entries or ()]}


def _ipam_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("Subnet", "IPRange", "Gateway"):
        if value := _string(entry, name):
            found[name] = value
    if auxiliary := _strings(entry, "AuxiliaryAddresses"):
        found["AuxiliaryAddresses"] = auxiliary
    return found


def _from_config(
    record: NetworkRecord, body: Mapping[str, Any], existing: Sequence[NetworkRecord]
) -> NetworkRecord:
    """ConfigFrom: take the settings of a config-only network."""
    source = body.get("ConfigFrom") or {}
    if not isinstance(source, dict):
        raise _mistyped(source, "ConfigFrom", "network.ConfigReference")
    name = _string(source, "Network")
    if not name:
        return record
    found = next((network for network in existing if network.name == name and network.config_only), None)
    if found is None:
        raise NotFound(f"configuration network {name} not found")
    if record.options or record.ipam.get("Config") or record.labels:
        raise Denied(
            "user specified configurations are not supported if the network depends on "
            "a configuration network"
        )
    return replace(
        record, config_from=name, ipam=found.ipam, options=found.options, labels=found.labels, ipv6=found.ipv6
    )


# -- IPAM


def check_ipam(ipam: Mapping[str, Any]) -> None:
    """Raises Invalid with every mistake, as Docker lists them."""
    mistakes: list[str] = []
    for entry in ipam.get("Config") or ():
        mistakes += entry_mistakes(entry)
    if mistakes:
        text = mistakes[0] if len(mistakes) == 1 else "\n".join(f"* {mistake}" for mistake in mistakes)
        raise Invalid("invalid network config:\n" + text)


def entry_mistakes(entry: Mapping[str, Any]) -> list[str]:
    subnet_text = entry.get("Subnet", "")
    subnet = _network(subnet_text, strict=False)
    if subnet is None:
        return [f"invalid subnet {subnet_text}: invalid CIDR block notation"]
    if _network(subnet_text) is None:
        return [f"invalid subnet {subnet_text}: it should be {subnet}"]
    mistakes = range_mistakes(entry.get("IPRange", ""), subnet)
    if gateway := entry.get("Gateway"):
        mistakes += address_mistakes("gateway", "", gateway, subnet)
    for name, address in sorted((entry.get("AuxiliaryAddresses") or {}).items()):
        mistakes += address_mistakes("auxiliary address", name, address, subnet)
    return mistakes


def range_mistakes(text: str, subnet: Network) -> list[str]:
    if not text:
        return []
    inner = _network(text, strict=False)
    if inner is None:
        return [f"invalid ip-range {text}: invalid CIDR block notation"]
    mistakes = []
    if inner.version != subnet.version:
        return [f"invalid ip-range {text}: parent subnet is an IPv{subnet.version} block"]
    if inner.prefixlen < subnet.prefixlen:
        mistakes.append(f"invalid ip-range {text}: CIDR block is bigger than its parent subnet {subnet}")
    if inner.network_address not in subnet:
        mistakes.append(f"invalid ip-range {text}: parent subnet {subnet} doesn't contain ip-range")
    elif _network(text) is None:
        mistakes.append(f"invalid ip-range {text}: it should be {inner}")
    return mistakes


def address_mistakes(what: str, name: str, text: str, subnet: Network) -> list[str]:
    label = f"{what} {name or text}"
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return [f"invalid {label}: invalid address"]
    if address.version != subnet.version:
        return [f"invalid {label}: parent subnet is an IPv{subnet.version} block"]
    if address not in subnet:
        return [f"invalid {label}: parent subnet {subnet} doesn't contain this address"]
    return []


def _network(text: str, *, strict: bool = True) -> Network | None:
    if "/" not in text:
        return None
    try:
        return ipaddress.ip_network(text, strict)
    except ValueError:
        return None


def choose_subnets(record: NetworkRecord, around: Surroundings) -> tuple[Subnet, ...]:
    """The given subnets, and one from the pools for each family that has none. Raises Denied."""
    ours = [subnet.network for network in around.existing for subnet in network.subnets]
    subnets: list[Subnet] = []
    for entry in record.ipam.get("Config") or ():
        subnet = given_subnet(entry)
        if overlaps(subnet.network, [*ours, *(other.network for other in subnets)]):
            raise Denied("Pool overlaps with other one on this address space")
        if subnet.network.version == 6 and not record.ipv6:
            continue
        subnets.append(subnet)
    versions = {subnet.network.version for subnet in subnets}
    for version, wanted in ((4, record.ipv4), (6, record.ipv6)):
        if wanted and version not in versions:
            network = pick_subnet(around.pools, version, [*around.taken, *ours])
            subnets.append(Subnet(network, network.network_address + 1))
    return tuple(subnets)


def given_subnet(entry: Mapping[str, Any]) -> Subnet:
    """`entry` has passed `check_ipam`."""
    network = ipaddress.ip_network(entry["Subnet"])
    inner = ipaddress.ip_network(entry["IPRange"]) if entry.get("IPRange") else None
    auxiliary = tuple(ipaddress.ip_address(text) for text in (entry.get("AuxiliaryAddresses") or {}).values())
    if entry.get("Gateway"):
        return Subnet(network, ipaddress.ip_address(entry["Gateway"]), inner, auxiliary)
    # The first free address: of the range if there is one, as in Docker.
    start = inner or network
    first = start.network_address if inner and inner.network_address != network.network_address else None
    gateway = first or network.network_address + (1 if network.num_addresses > 2 else 0)
    while gateway in auxiliary:
        gateway += 1
    return Subnet(network, gateway, inner, auxiliary)


# -- the bridge


def with_bridge(record: NetworkRecord, around: Surroundings) -> NetworkRecord:
    """Name and MTU of the device. Raises Invalid, Denied."""
    check_options(record.options)
    name = record.options.get(BRIDGE_NAME) or around.bridge_prefix + record.id[:12]
    if len(name.encode()) > NAME_LIMIT or name in (".", "..") or "/" in name or not name.isprintable():
        raise Invalid("numerical result out of range")
    for other in around.existing:
        if other.bridge == name:
            raise Denied(
                f"cannot create network {record.id} ({name}): conflicts with network {other.id} "
                f"({other.bridge}): networks have same bridge name"
            )
    return replace(record, bridge=name, mtu=int(record.options.get(MTU) or 0) or around.mtu)


def _read(name: str, value: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(value)
    except Invalid as error:
        raise Invalid(f"failed to parse {name} value: {value} ({error.message})") from None


def check_options(options: Mapping[str, str]) -> None:
    for name in BOOLEANS:
        value = options.get(name)
        if value is not None:
            _read(name, value, parse_bool)
    mtu = options.get(MTU)
    if mtu is not None:
        number = _read(MTU, mtu, atoi)
        if not 0 <= number <= MAX_MTU:
            raise Invalid(f"invalid MTU number: {mtu}")
    binding = options.get(HOST_BINDING)
    if binding:
        try:
            ipaddress.IPv4Address(binding)
        except ValueError:
            raise Invalid(f"failed to parse {HOST_BINDING} value: {binding} (invalid ip address)") from None
