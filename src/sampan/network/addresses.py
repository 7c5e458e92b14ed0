"""Which subnets and addresses are free: pure bookkeeping, told by the caller what is taken elsewhere."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sampan.errors import Denied, Failed, Invalid
from sampan.linux.rtnetlink import Address, Network

# What Docker cuts subnets from, in its order (libnetwork/ipamutils).
DEFAULT_POOLS: tuple[tuple[str, int], ...] = (
    *((f"172.{second}.0.0/16", 16) for second in range(17, 32)),
    ("192.168.0.0/16", 20),
)

IN_USE = "Address already in use"


def overlaps(network: Network, others: Iterable[Network]) -> bool:
    """One within another counts; IPv4 and IPv6 never do."""
    return any(network.version == other.version and network.overlaps(other) for other in others)


def pick_subnet(pools: Sequence[tuple[str, int]], version: int, taken: Sequence[Network]) -> Network:
    """The first subnet of the pools which overlaps nothing taken. Raises Denied when there is none."""
    for base, size in pools:
        pool = ipaddress.ip_network(base)
        if pool.version != version:
            continue
        candidate = _first_free(pool, size, [other for other in taken if other.version == version])
        if candidate is not None:
            return candidate
    family = "IPv4" if version == 4 else "IPv6"
    # Docker answers 403 here.
    raise Denied(
        f"could not find an available, non-overlapping {family} address pool among the defaults "
        "to assign to the network"
    )


def _first_free(pool: Network, size: int, taken: Sequence[Network]) -> Network | None:
    step = 1 << (pool.max_prefixlen - size)
    position, end = int(pool.network_address), int(pool.broadcast_address)
    make = ipaddress.IPv4Network if pool.version == 4 else ipaddress.IPv6Network
    while position <= end:
        candidate: Network = make((position, size))
        clash = next((other for other in taken if candidate.overlaps(other)), None)
        if clash is None:
            return candidate
        # Jump over what is in the way; a huge pool with a huge neighbour must not be walked.
        after = int(clash.broadcast_address) + 1
        position = max(position + step, (after + step - 1) // step * step)
    return None


@dataclass
class Pool:
    """The addresses of one subnet. The first free one is given, as Docker does."""

    subnet: Network
    gateway: Address | None
    range: Network | None = None
    reserved: frozenset[Address] = frozenset()
    _used: set[int] = field(default_factory=set)
    _hint: int = 0

    def __post_init__(self) -> None:
        first, last = int(self.subnet.network_address), int(self.subnet.broadcast_address)
        whole = self.subnet.prefixlen >= self.subnet.max_prefixlen - 1
        self._used.update(int(address) for address in self.reserved)
        if self.gateway is not None:
            self._used.add(int(self.gateway))
        if not whole:
            self._used.add(first)
            if self.subnet.version == 4:
                self._used.add(last)
        inner = self.range or self.subnet
        self._first, self._last = int(inner.network_address), int(inner.broadcast_address)
        self._fixed = frozenset(self._used)
        self._hint = self._first

    def allocate(self, wanted: Address | None = None) -> Address:
        """Raises Denied (403) when `wanted` is taken, Failed when none is left."""
        if wanted is not None:
            if wanted not in self.subnet:
                raise Invalid(f"requested address {wanted} is not within subnet {self.subnet}")
            if int(wanted) in self._used:
                raise Denied(IN_USE)
            self._used.add(int(wanted))
            return wanted
        for number in range(self._hint, self._last + 1):
            if number not in self._used:
                self._used.add(number)
                self._hint = number + 1
                return self._address(number)
        raise Failed("no available IPv4 addresses on this network's address pools: " + str(self.subnet))

    def release(self, address: Address) -> None:
        number = int(address)
        if number in self._fixed:
            return
        self._used.discard(number)
        if self._first <= number < self._hint:
            self._hint = number

    def reserve(self, address: Address) -> None:
        """Mark an address that is in use already; nothing happens when it was."""
        self._used.add(int(address))

    def _address(self, number: int) -> Address:
        return ipaddress.IPv4Address(number) if self.subnet.version == 4 else ipaddress.IPv6Address(number)


def mac_of(address: Address | None, random: bytes) -> str:
    """Docker's scheme: 02:42 and the IPv4 address, so that the neighbours' caches stay right; else random."""
    if isinstance(address, ipaddress.IPv4Address):
        return "02:42:" + ":".join(f"{byte:02x}" for byte in address.packed)
    return f"{random[0] & 0xFE | 0x02:02x}:" + ":".join(f"{byte:02x}" for byte in random[1:6])


def local_ipv6_pool(seed: bytes) -> tuple[str, int]:
    """A unique local /48 of this installation, cut into /64. RFC 4193 section 3.2."""
    prefix = ipaddress.IPv6Address(b"\xfd" + seed[:5] + bytes(10))
    return f"{prefix}/48", 64
