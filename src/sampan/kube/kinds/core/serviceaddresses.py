"""Which cluster addresses are free; pkg/registry/core/service/ipallocator.

The ranges are those of the ServiceCIDRs; an address is taken if there is an IPAddress of its name. An address
that nobody asked for comes from behind the first part of a range (a sixteenth, at most 256), which is left to
those that somebody asks for.
"""

from collections.abc import Callable

from sampan.kube.kinds.core.serviceforms import NONE
from sampan.kube.kinds.resource import NO_COMPANIONS, Companions, Context, Object
from sampan.specs.kubernetes import ip, status
from sampan.specs.kubernetes.fielderror import invalid

ADDRESSES = "ipaddresses.networking.k8s.io"
RANGES = "servicecidrs.networking.k8s.io"
FIRST_RANGE = "kubernetes"  # the ServiceCIDR that the API server makes of its flag
FULL = "range is full"

_FAMILY_LABEL = "ipaddress.kubernetes.io/ip-family"
MANAGED_LABEL = "ipaddress.kubernetes.io/managed-by"
MANAGER = "ipallocator.k8s.io"


class Range:
    """Addresses from `first` to `last`, as numbers; from `dynamic` on for who does not care."""

    def __init__(self, address: bytes, length: int, ready: bool) -> None:
        self.address, self.length = address, length
        self.text = ip.show_range(address, length)
        self.ready = ready
        self.family = ip.family(self.address)
        width = 8 * len(self.address) - self.length
        base = int.from_bytes(ip.masked(self.address, self.length), "big")
        self.first = base + 1
        # The last address of an IPv4 network is for all of it.
        self.last = base + (1 << width) - (2 if self.family == "IPv4" else 1)
        self.dynamic = self.first + _static_part(1 << width)

    def network(self) -> str:
        return ip.show(ip.masked(self.address, self.length))

    def show(self, number: int) -> str:
        return ip.show(number.to_bytes(len(self.address), "big"))

    def holds(self, address: bytes) -> bool:
        return ip.contains(self.address, self.length, address)

    def has_host(self, address: bytes) -> bool:
        return len(address) == len(self.address) and self.first <= int.from_bytes(address, "big") <= self.last


def _static_part(size: int) -> int:
    return 0 if size <= 16 else max(16, min(size // 16, 256))


def _is_ready(cidr: Object) -> bool:
    for condition in (cidr.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Ready":
            return bool(condition.get("status") == "True")
    return not cidr["metadata"].get("deletionTimestamp")


def _ranges(context: Context) -> list[Range]:
    """Those of the first ServiceCIDR first."""
    if context.reader is None:
        return []
    cidrs = context.reader.list(RANGES)
    order = sorted(
        cidrs, key=lambda cidr: (cidr["metadata"]["name"] != FIRST_RANGE, cidr["metadata"]["name"])
    )
    return [
        Range(*parsed, _is_ready(cidr))
        for cidr in order
        for text in cidr["spec"].get("cidrs") or ()
        if (parsed := ip.parse_range(text)) is not None
    ]


class Addresses:
    """Those of one Service, while it is written."""

    def __init__(self, service: Object, context: Context, below: Callable[[int], int]) -> None:
        self._service = service
        self._context = context
        self._below = below
        self._all = _ranges(context)
        self._taken: list[tuple[str, str]] = []

    @property
    def families(self) -> list[str]:
        """Which the cluster has, the default one first."""
        return list(dict.fromkeys(one.family for one in self._all))

    def take(self, family: str, asked: str) -> str:
        """The address asked for, or one that is free. Raises StatusError."""
        ranges = [one for one in self._all if one.family == family]
        if not asked:
            address = self._next(ranges)
        elif message := self._refusal(ranges, ip.parse(asked) or b""):
            name = self._service["metadata"].get("name", "")
            given = self._service["spec"].get("clusterIPs")
            error = invalid("spec.clusterIPs", given, f"failed to allocate IP {asked}: {message}")
            raise status.invalid("", "Service", name, [error])
        else:
            address = asked
        self._taken.append((family, ip.show(ip.parse(address) or b"")))
        return address

    def taken(self) -> Companions:
        """The IPAddress objects that hold what was taken."""
        if self._context.dry_run:
            return NO_COMPANIONS
        return Companions(create=tuple((ADDRESSES, held_by(self._service, *one)) for one in self._taken))

    def _is_taken(self, address: str) -> bool:
        reader = self._context.reader
        return reader is not None and reader.get(ADDRESSES, "", address) is not None

    def _refusal(self, ranges: list[Range], address: bytes) -> str:
        """Why this very address cannot be had; "" if it can. A dry run does not look who has it."""
        around = [one for one in ranges if one.ready and one.holds(address)]
        if not around and not self._context.dry_run:
            return "the provided network does not match the current range"
        one = around[0] if around else ranges[0]
        if not one.has_host(address):
            return (
                f"the provided IP ({ip.show(address)}) is not in the valid range. "
                f"The range of valid IPs is {one.text}"
            )
        if not self._context.dry_run and self._is_taken(ip.show(address)):
            return "provided IP is already allocated"
        return ""

    def _next(self, ranges: list[Range]) -> str:
        if self._context.dry_run:
            return ranges[0].network()
        for one in ranges:
            if one.ready:
                found = self._free(one, one.dynamic, one.last) or self._free(one, one.first, one.dynamic - 1)
                if found:
                    return found
        raise status.internal(f"failed to allocate a serviceIP: {FULL}")

    def _free(self, one: Range, first: int, last: int) -> str:
        """From a random place on, once around."""
        size = last - first + 1
        if size <= 0:
            return ""
        start = self._below(size)
        for step in range(size):
            address = one.show(first + (start + step) % size)
            if not self._is_taken(address):
                return address
        return ""


def held_by(service: Object, family: str, address: str) -> Object:
    """The IPAddress that says whose an address is."""
    metadata = service["metadata"]
    where = {"namespace": metadata.get("namespace", ""), "name": metadata.get("name", "")}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": address, "labels": {_FAMILY_LABEL: family, MANAGED_LABEL: MANAGER}},
        "spec": {"parentRef": {"resource": "services", **where}},
    }


def release(spec: Object) -> Companions:
    """The IPAddress objects of a Service that is no more."""
    found = [ip.parse(text) for text in spec.get("clusterIPs") or () if text != NONE]
    return Companions(delete=tuple((ADDRESSES, ip.show(address)) for address in found if address is not None))
