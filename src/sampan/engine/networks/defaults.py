"""The networks every engine has: bridge, host and none; and how two engines on one machine stay apart."""

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.networks import record as names
from sampan.engine.networks.create import new_id
from sampan.engine.networks.record import NetworkRecord, Subnet
from sampan.errors import Failed, Invalid
from sampan.linux.rtnetlink import Network
from sampan.network.addresses import overlaps, pick_subnet
from sampan.paths import EXEC_ROOT
from sampan.specs.golang import time as times


@dataclass(frozen=True)
class Instance:
    """Names in the kernel that belong to one engine alone."""

    table: str
    bridge: str

    @property
    def mark(self) -> str:
        """The alias of its bridges and veth pairs, by which it knows them among others'."""
        return f"{self.table} network"

    @classmethod
    def of(cls, exec_root: str) -> "Instance":
        if exec_root == EXEC_ROOT:
            return cls("sampan", "sampan0")
        mark = hashlib.sha256(exec_root.encode()).hexdigest()[:6]
        return cls(f"sampan_{mark}", f"sampan-{mark}")


def plain(name: str, driver: str) -> NetworkRecord:
    """host or none."""
    return NetworkRecord(new_id(), name, times.now(), driver, ipv4=False)


def default_bridge(
    config: DaemonConfig,
    device: str,
    device_subnet: Subnet | None,
    mtu: int,
    previous: NetworkRecord | None,
    pools: Sequence[tuple[str, int]],
    taken: Sequence[Network],
) -> NetworkRecord:
    """The network "bridge" as the daemon's options want it; an automatic subnet stays while it is free.

    Raises Invalid for options that contradict each other, Denied when no subnet is free.
    """
    options = {
        names.DEFAULT_BRIDGE: "true",
        names.ENABLE_ICC: "true" if config.icc else "false",
        names.ENABLE_MASQUERADE: "true" if config.ip_masq else "false",
        names.HOST_BINDING: config.ip,
        names.BRIDGE_NAME: device,
        names.MTU: str(mtu),
    }
    base = previous or NetworkRecord(new_id(), "bridge", times.now(), "bridge")
    subnets = [_subnet4(config, device_subnet, previous, pools, taken)]
    if config.ipv6 or config.fixed_cidr_v6:
        subnets.append(_subnet6(config, previous, pools, taken))
    return replace(
        base,
        options=options,
        ipv6=len(subnets) > 1,
        subnets=tuple(subnets),
        bridge=device,
        mtu=mtu,
        ipam={"Driver": "default", "Options": None},
    )


def _subnet4(
    config: DaemonConfig,
    device: Subnet | None,
    previous: NetworkRecord | None,
    pools: Sequence[tuple[str, int]],
    taken: Sequence[Network],
) -> Subnet:
    router = ipaddress.ip_address(config.default_gateway) if config.default_gateway else None
    inner = _parse(config.fixed_cidr, "fixed-cidr") if config.fixed_cidr else None
    if config.bip:
        try:
            own = ipaddress.IPv4Interface(config.bip)
        except ValueError:
            raise Invalid(f"invalid --bip address {config.bip}") from None
        subnet = Subnet(own.network, own.ip)
    elif device is not None:
        subnet = device
    elif inner is not None:
        subnet = Subnet(inner, inner.network_address + 1)
    else:
        subnet = _kept(previous, 4, taken) or _first(pools, 4, taken)
    if inner is not None and not overlaps(inner, [subnet.network]):
        raise Invalid(f"invalid --fixed-cidr {config.fixed_cidr}: it is not within {subnet.network}")
    auxiliary = () if router is None else (router,)
    return replace(
        subnet, range=inner if inner != subnet.network else None, router=router, auxiliary=auxiliary
    )


def _subnet6(
    config: DaemonConfig,
    previous: NetworkRecord | None,
    pools: Sequence[tuple[str, int]],
    taken: Sequence[Network],
) -> Subnet:
    router = ipaddress.ip_address(config.default_gateway_v6) if config.default_gateway_v6 else None
    if config.bip6:
        own = ipaddress.IPv6Interface(config.bip6)
        return Subnet(own.network, own.ip, router=router)
    if config.fixed_cidr_v6:
        network = _parse(config.fixed_cidr_v6, "fixed-cidr-v6")
        return Subnet(network, network.network_address + 1, router=router)
    return replace(_kept(previous, 6, taken) or _first(pools, 6, taken), router=router)


def _parse(text: str, flag: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise Invalid(f"invalid --{flag} {text}") from None


def _kept(previous: NetworkRecord | None, version: int, taken: Sequence[Network]) -> Subnet | None:
    """The subnet of the last start, unless the host uses it otherwise by now."""
    if previous is None:
        return None
    subnet = next(previous.of_version(version), None)
    return (
        None if subnet is None or overlaps(subnet.network, taken) else Subnet(subnet.network, subnet.gateway)
    )


def _first(pools: Sequence[tuple[str, int]], version: int, taken: Sequence[Network]) -> Subnet:
    network = pick_subnet(pools, version, taken)
    return Subnet(network, network.network_address + 1)


def missing_bridge(name: str) -> Failed:
    return Failed(f"bridge device with non default name {name} must be created manually")
