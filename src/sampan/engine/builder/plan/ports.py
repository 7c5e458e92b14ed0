"""EXPOSE: which ports `8000-8002/udp` names. Pure; BuildKit's words."""

import ipaddress

from sampan.errors import Invalid


def parse_ports(words: list[str]) -> list[str]:
    """Keys of ExposedPorts: `[ip:]public:private/proto` gives private/proto. Raises Invalid."""
    return [port for word in words for port in _parse_word(word)]


def _parse_word(word: str) -> list[str]:
    address, host, container = _parts(word)
    numbers, _, proto = container.partition("/")
    if not numbers:
        raise Invalid(f"No port specified: {word}<empty>")
    proto = proto.lower() or "tcp"
    if proto not in ("tcp", "udp", "sctp"):
        raise Invalid(f"Invalid proto: {proto}")
    if address and not _is_address(address.removeprefix("[").removesuffix("]")):
        raise Invalid(f"Invalid ip address: {address}")
    wanted = _range(numbers)
    if wanted is None:
        raise Invalid(f"Invalid containerPort: {numbers}")
    if host:
        given = _range(host)
        if given is None:
            raise Invalid(f"Invalid hostPort: {host}")
        if len(given) != len(wanted) and len(wanted) != 1:
            raise Invalid(f"Invalid ranges specified for container and host Ports: {numbers} and {host}")
    return [f"{port}/{proto}" for port in wanted]


def _parts(word: str) -> tuple[str, str, str]:
    """Address, public port and private port, the first two possibly empty."""
    parts = word.split(":")
    if len(parts) == 1:
        return "", "", parts[0]
    return ":".join(parts[:-2]), parts[-2], parts[-1]


def _range(text: str) -> range | None:
    first, dash, last = text.partition("-")
    last = last if dash else first
    if not all(part.isascii() and part.isdigit() and int(part) <= 65535 for part in (first, last)):
        return None
    return range(int(first), int(last) + 1) if int(first) <= int(last) else None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
