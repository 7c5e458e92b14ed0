"""The values of --publish and --expose, as ExposedPorts and PortBindings of the API."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.opts.values import is_ip
from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_uint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROTOCOLS = ("tcp", "udp", "sctp")


def parse_ports(specs: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(ExposedPorts, PortBindings) of all --publish values; raises CliError as Docker words it."""
    exposed: dict[str, Any] = {}
    bindings: dict[str, list[dict[str, str]]] = {}
    for spec in specs:
        short = _from_long(spec) if "=" in spec else spec
        for port, binding in _parse_one(short):
            exposed[port] = {}
            bindings.setdefault(port, []).append(binding)
    return exposed, bindings


def _from_long(spec: str) -> str:
    """published=80,target=90,protocol=udp in the short form; other names are ignored, as by Docker."""
    fields = {"protocol": "tcp", "published": "", "target": ""}
    for field in spec.split(","):
        name, equals, value = field.partition("=")
        if not equals or not name:
            raise CliError(f"invalid publish opts format (should be name=value but got '{field}')")
        fields[name] = value
    return f"{fields['published']}:{fields['target']}/{fields['protocol']}"


def _parse_one(spec: str) -> list[tuple[str, dict[str, str]]]:
    """[HOST_IP:][HOST_PORT[-END]:]PORT[-END][/PROTOCOL]."""
    address, host, container = _split(spec)
    container, slash, protocol = container.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    ip = _checked_ip(address)
    if not container:
        raise CliError(f"no port specified: {spec}<empty>")
    first, last = _range(container, "containerPort")
    host_first, host_last = _range(host, "hostPort") if host else (0, 0)
    if host and last - first != host_last - host_first and first != last:
        raise CliError(f"invalid ranges specified for container and host Ports: {container} and {host}")
    if protocol not in PROTOCOLS:
        raise CliError(f"invalid proto: {protocol}")
    ports = []
    for offset in range(last - first + 1):
        bound = str(host_first + offset) if host else ""
        if host and first == last and host_first != host_last:
            bound = f"{host_first}-{host_last}"  # the daemon picks a free one of them
        ports.append((f"{first + offset}/{protocol}", {"HostIp": ip, "HostPort": bound}))
    return ports


def _split(spec: str) -> tuple[str, str, str]:
    """The last colon but one ends the address, which may hold colons itself."""
    parts = spec.split(":")
    if len(parts) == 1:
        return "", "", parts[0]
    if len(parts) == 2:
        return "", parts[0], parts[1]
    return ":".join(parts[:-2]), parts[-2], parts[-1]


def _checked_ip(address: str) -> str:
    bare = address
    if address.startswith("[") and address.endswith("]"):
        bare = address[1:-1]
    if bare and not is_ip(bare):
        raise CliError(f"invalid IP address: {address}")
    return bare


def _range(text: str, what: str) -> tuple[int, int]:
    try:
        return parse_range(text)
    except (ValueError, Invalid):
        raise CliError(f"invalid {what}: {text}") from None


def parse_range(text: str) -> tuple[int, int]:
    """FIRST[-LAST]; raises ValueError or Invalid as Docker words it."""
    if not text:
        raise ValueError("empty string specified for ports")
    first, dash, last = text.partition("-")
    low = parse_uint(first, bits=16)
    high = parse_uint(last, bits=16) if dash else low
    if high < low:
        raise ValueError(f"invalid range specified for port: {text}")
    return low, high


def parse_exposed(specs: list[str]) -> dict[str, Any]:
    """ExposedPorts of all --expose values; raises CliError."""
    exposed: dict[str, Any] = {}
    for spec in specs:
        if ":" in spec:
            raise CliError(f"invalid port format for --expose: {spec}")
        ports, slash, protocol = spec.partition("/")
        try:
            first, last = parse_range(ports)
        except (ValueError, Invalid) as error:
            raise CliError(f"invalid range format for --expose: {spec}, error: {error}") from None
        protocol = protocol if slash else "tcp"
        for port in range(first, last + 1):
            exposed[f"{port}/{protocol}"] = {}
    return exposed
