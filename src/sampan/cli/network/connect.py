"""sampan network connect: connect a container to a network."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.opts import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    endpoint: dict[str, Any] = {
        "IPAMConfig": {
            "IPv4Address": options["ip"],
            "IPv6Address": options["ip6"],
            "LinkLocalIPs": options["link-local-ip"],
        },
        "Links": options["link"] or None,
        "Aliases": options["alias"] or None,
        "DriverOpts": _driver_options(options["driver-opt"]),
        "GwPriority": options["gw-priority"],
    }
    endpoint["IPAMConfig"] = {name: value for name, value in endpoint["IPAMConfig"].items() if value}
    body = {"Container": args[1], "EndpointConfig": endpoint}
    session.client.post(f"/networks/{escape(args[0])}/connect", None, body).read()


def _driver_options(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise CliError("invalid key/value pair format in driver options")
        found[name.strip()] = value.strip()
    return found


COMMAND = Command(
    "[OPTIONS] NETWORK CONTAINER",
    run,
    (
        Flag("alias", "strings", "Another name of the container on this network"),
        Flag("driver-opt", "strings", "Options of the network's driver"),
        Flag("gw-priority", "int", "The highest priority provides the default gateway; may be negative"),
        Flag("ip", "string", 'IPv4 address (e.g., "172.30.100.104")'),
        Flag("ip6", "string", 'IPv6 address (e.g., "2001:db8::33")'),
        Flag("link", "list", "Link to another container", parse=values.link),
        Flag("link-local-ip", "strings", "Link-local address of the container"),
    ),
    args=(2, 2),
)
