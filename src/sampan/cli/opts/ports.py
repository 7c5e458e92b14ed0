"""The values of --publish and --expose, as ExposedPorts and PortBindings of the API."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.errors import Invalid
from sampan.specs.docker.ports import parse_range, parse_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parse_ports(specs: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(ExposedPorts, PortBindings) of all --publish values; raises CliError as Docker words it."""
    exposed: dict[str, Any] = {}
    bindings: dict[str, list[dict[str, str]]] = {}
    for spec in specs:
        short = _from_long(spec) if "=" in spec else spec
        try:
            found = parse_spec(short)
        except Invalid as error:
            raise CliError(error.message) from None
        for port, bound in found:
            exposed[port] = {}
            bindings.setdefault(port, []).append({"HostIp": found.address, "HostPort": bound})
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


def parse_exposed(specs: list[str]) -> dict[str, Any]:
    """ExposedPorts of all --expose values; raises CliError."""
    exposed: dict[str, Any] = {}
    for spec in specs:
        if ":" in spec:
            raise CliError(f"invalid port format for --expose: {spec}")
        ports, slash, protocol = spec.partition("/")
        try:
            first, last = parse_range(ports)
        except Invalid as error:
            raise CliError(f"invalid range format for --expose: {spec}, error: {error}") from None
        protocol = protocol if slash else "tcp"
        for port in range(first, last + 1):
            exposed[f"{port}/{protocol}"] = {}
    return exposed
