"""Ports and ranges of them, as in --publish, --expose, EXPOSE and the API. Pure.

As github.com/docker/go-connections/nat, in the words of docker 26.1.
"""

from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_uint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PROTOCOLS = ("tcp", "udp", "sctp")


class Spec:
    """[HOST_IP:][HOST_PORT[-END]:]PORT[-END][/PROTOCOL]; `host` is None where no host port is given."""

    __slots__ = ("address", "container", "host", "protocol")

    def __init__(
        self, address: str, host: tuple[int, int] | None, container: tuple[int, int], protocol: str
    ) -> None:
        self.address = address
        self.host = host
        self.container = container
        self.protocol = protocol

    def __iter__(self) -> "Iterator[tuple[str, str]]":
        """(container port with its protocol, host port or range of them) of each port."""
        first, last = self.container
        for port in range(first, last + 1):
            bound = ""
            if self.host is not None:
                low, high = self.host
                # One port for a range of the host's: the daemon picks a free one of them.
                bound = f"{low}-{high}" if first == last and low != high else str(low + port - first)
            yield f"{port}/{self.protocol}", bound


def parse_spec(text: str) -> Spec:
    """Raises Invalid."""
    address, host, rest = _split(text)
    container, slash, protocol = rest.partition("/")
    address = _checked_address(address)
    if not container:
        raise Invalid(f"no port specified: {text}<empty>")
    wanted = _range(container, "containerPort")
    given = _range(host, "hostPort") if host else None
    if given and wanted[1] - wanted[0] != given[1] - given[0] and wanted[0] != wanted[1]:
        raise Invalid(f"invalid ranges specified for container and host Ports: {container} and {host}")
    return Spec(address, given, wanted, _protocol(protocol if slash else ""))


def parse_port(text: str) -> tuple[int, str]:
    """ "80/tcp", "80" -> (80, "tcp"). Raises Invalid."""
    number, _, protocol = text.partition("/")
    protocol = _protocol(protocol)
    try:
        port = parse_uint(number, bits=16)
    except Invalid:
        port = 0
    if port == 0:
        raise Invalid(f'invalid port specification: "{text}"')
    return port, protocol


def parse_ports(text: str) -> list[tuple[int, str]]:
    """ "8000-8010/udp" -> each with its protocol. Raises Invalid in strconv's words."""
    numbers, _, protocol = text.partition("/")
    first, last = parse_range(numbers)
    protocol = _protocol(protocol)
    return [(port, protocol) for port in range(first, last + 1)]


def parse_range(text: str) -> tuple[int, int]:
    """ "80", "80-90" -> first and last. Raises Invalid."""
    if not text:
        raise Invalid("empty string specified for ports")
    first, dash, last = text.partition("-")
    low = parse_uint(first, bits=16)
    high = parse_uint(last, bits=16) if dash else low
    if high < low:
        raise Invalid(f"invalid range specified for port: {text}")
    return low, high


def parse_host_ports(text: str) -> tuple[int, int]:
    """The HostPort of a binding; (0, 0), as "" and "0" say, is any port. Raises Invalid."""
    try:
        return parse_range(text or "0")
    except Invalid:
        raise Invalid(f'invalid port specification: "{text}"') from None


def is_address(text: str) -> bool:
    """Whether it is an IP address, as Go's net.ParseIP has them."""
    import _socket  # the C module alone: ipaddress costs 3 ms

    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, text)
            return True
        except (OSError, ValueError):
            continue
    return False


def _split(text: str) -> tuple[str, str, str]:
    """Address, host port and container port: the last colon but one ends the address, which may hold some."""
    parts = text.split(":")
    if len(parts) < 3:
        return "", "".join(parts[:-1]), parts[-1]
    return ":".join(parts[:-2]), parts[-2], parts[-1]


def _checked_address(text: str) -> str:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if bare and not is_address(bare):
        raise Invalid(f"invalid IP address: {text}")
    return bare


def _range(text: str, what: str) -> tuple[int, int]:
    try:
        return parse_range(text)
    except Invalid:
        raise Invalid(f"invalid {what}: {text}") from None


def _protocol(text: str) -> str:
    protocol = text.lower() or "tcp"
    if protocol not in PROTOCOLS:
        raise Invalid(f"invalid proto: {protocol}")
    return protocol
