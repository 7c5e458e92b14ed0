"""sampan port: a container's published ports."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command
from sampan.cli.http import escape
from sampan.cli.text import natural
from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_uint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    container = session.client.get(f"/containers/{escape(args[0])}/json").json()
    ports = (container.get("NetworkSettings") or {}).get("Ports") or {}
    if len(args) == 2:
        wanted = _wanted(args[1])
        bound = ports.get(wanted)
        if not bound:
            raise CliError(f"Error: No public port '{args[1]}' published for {args[0]}")
        lines = [_host(binding) for binding in bound]
    else:
        lines = [f"{port} -> {_host(binding)}" for port, bound in ports.items() for binding in bound or ()]
    for line in sorted(lines, key=natural):
        print(line)


def _wanted(text: str) -> str:
    port, slash, protocol = text.partition("/")
    try:
        number = parse_uint(port, bits=16)
    except Invalid as error:
        raise CliError(f"Error: invalid port ({port}): {error.message}") from None
    return f"{number}/{protocol if slash else 'tcp'}"


def _host(binding: dict[str, Any]) -> str:
    address = binding.get("HostIp") or ""
    return f"[{address}]:{binding['HostPort']}" if ":" in address else f"{address}:{binding['HostPort']}"


COMMAND = Command("CONTAINER [PRIVATE_PORT[/PROTO]]", run, args=(1, 2))
