"""IP addresses and networks; k8s.io/apiserver pkg/cel/library/ip.go and cidr.go"""

import ipaddress
from typing import Any

from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.overload import Row
from sampan.kube.schema.cel.values import Opaque
from sampan.specs.golang.quote import quote

IP_NAME, CIDR_NAME = "net.IP", "net.CIDR"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Ip(Opaque):
    __slots__ = ("address",)
    cel_type = IP_NAME

    def __init__(self, address: Address) -> None:
        self.address = address

    @property
    def cost_size(self) -> int:
        return self.address.max_prefixlen // 8

    def __eq__(self, other: object) -> bool:
        return type(other) is Ip and other.address == self.address

    def __hash__(self) -> int:
        return hash((Ip, self.address))


class Cidr(Opaque):
    """A network, with the address that was written."""

    __slots__ = ("address", "bits")
    cel_type = CIDR_NAME

    def __init__(self, address: Address, bits: int) -> None:
        self.address = address
        self.bits = bits

    @property
    def cost_size(self) -> int:
        return -(-self.bits // 8)

    def __eq__(self, other: object) -> bool:
        return type(other) is Cidr and (other.address, other.bits) == (self.address, self.bits)

    def __hash__(self) -> int:
        return hash((Cidr, self.address, self.bits))

    def masked(self) -> "Cidr":
        return Cidr(_network(self.address, self.bits), self.bits)


def _network(address: Address, bits: int) -> Address:
    width = address.max_prefixlen
    return type(address)(int(address) >> (width - bits) << (width - bits))


def _address(text: str) -> Address | None:
    """As netip.ParseAddr: no leading zeros, no blanks."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def ip(text: str) -> Ip:
    address = _address(text)
    if address is None:
        message = f"IP Address {quote(text)} parse error during conversion from string: "
        raise CelEvaluationError(f"{message}ParseAddr({quote(text)}): unable to parse IP")
    if "%" in text:
        raise CelEvaluationError(f"IP address {quote(text)} with zone value is not allowed")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise CelEvaluationError(f"IPv4-mapped IPv6 address {quote(text)} is not allowed")
    return Ip(address)


def is_ip(text: str) -> bool:
    try:
        ip(text)
    except CelEvaluationError:
        return False
    return True


def cidr(text: str) -> Cidr:
    head, slash, bits = text.rpartition("/")
    address = _address(head)
    plain = bits.isascii() and bits.isdecimal() and len(bits) <= 3 and (bits == "0" or bits[0] != "0")
    if address is None or not slash or "%" in head or not plain or int(bits) > address.max_prefixlen:
        what = "network address parse error during conversion from string"
        reason = (
            "no '/'"
            if not slash
            else "bad bits after slash: " + quote(bits)
            if address
            else "unable to parse IP"
        )
        raise CelEvaluationError(f"{what}: {what}: netip.ParsePrefix({quote(text)}): {reason}")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        what = "network address parse error during conversion from string"
        raise CelEvaluationError(f"{what}: IPv4-mapped IPv6 address {quote(text)} is not allowed")
    return Cidr(address, int(bits))


def is_cidr(text: str) -> bool:
    try:
        cidr(text)
    except CelEvaluationError:
        return False
    return True


def contains_ip(net: Cidr, address: Any) -> bool:
    one = ip(address) if type(address) is str else address
    if one.address.version != net.address.version:
        return False
    return bool(_network(one.address, net.bits) == _network(net.address, net.bits))


def contains_cidr(net: Cidr, inner: Any) -> bool:
    one = cidr(inner) if type(inner) is str else inner
    return net.bits <= one.bits and contains_ip(net, Ip(_network(one.address, one.bits)))


def show_ip(one: Ip) -> str:
    return str(one.address)


def show_cidr(one: Cidr) -> str:
    return f"{one.address}/{one.bits}"


def _global_unicast(one: Ip) -> bool:
    address = one.address
    if address == ipaddress.IPv4Address("255.255.255.255"):
        return False
    return not (
        address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    )


def _link_local_multicast(one: Ip) -> bool:
    value = int(one.address)
    if one.address.version == 4:
        return value >> 8 == 0xE00000
    return value >> 112 & 0xFF0F == 0xFF02


def overloads() -> list[Row]:
    tests: dict[str, Any] = {
        "isUnspecified": lambda one: one.address.is_unspecified,
        "isLoopback": lambda one: one.address.is_loopback,
        "isLinkLocalMulticast": _link_local_multicast,
        "isLinkLocalUnicast": lambda one: one.address.is_link_local,
        "isGlobalUnicast": _global_unicast,
    }
    return [
        ("ip", "string_to_ip", "string -> net.IP", ip),
        ("ip", "cidr_ip", "net.CIDR . -> net.IP", lambda one: Ip(one.address)),
        ("isIP", "is_ip", "string -> bool", is_ip),
        ("ip.isCanonical", "ip_is_canonical", "string -> bool", lambda text: show_ip(ip(text)) == text),
        ("family", "ip_family", "net.IP . -> int", lambda one: one.address.version),
        ("string", "ip_to_string", "net.IP -> string", show_ip),
        *((name, f"ip_{name}", "net.IP . -> bool", do) for name, do in tests.items()),
        ("cidr", "string_to_cidr", "string -> net.CIDR", cidr),
        ("isCIDR", "is_cidr", "string -> bool", is_cidr),
        ("containsIP", "cidr_contains_ip_string", "net.CIDR . string -> bool", contains_ip),
        ("containsIP", "cidr_contains_ip_ip", "net.CIDR . net.IP -> bool", contains_ip),
        ("containsCIDR", "cidr_contains_cidr_string", "net.CIDR . string -> bool", contains_cidr),
        ("containsCIDR", "cidr_contains_cidr", "net.CIDR . net.CIDR -> bool", contains_cidr),
        ("prefixLength", "cidr_prefix_length", "net.CIDR . -> int", lambda one: one.bits),
        ("masked", "cidr_masked", "net.CIDR . -> net.CIDR", Cidr.masked),
        ("string", "cidr_to_string", "net.CIDR -> string", show_cidr),
    ]
