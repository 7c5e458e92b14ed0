"""sampan network create."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.opts import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    body: dict[str, Any] = {
        "Driver": options["driver"],
        "Scope": options["scope"],
        "IPAM": ipam(options),
        "Internal": options["internal"],
        "Attachable": options["attachable"],
        "Ingress": options["ingress"],
        "ConfigOnly": options["config-only"],
        "ConfigFrom": {"Network": options["config-from"]} if options["config-from"] else None,
        "Options": values.key_values(options["opt"]),
        "Labels": values.key_values(options["label"]),
        "Name": args[0],
    }
    for flag, field in (("ipv4", "EnableIPv4"), ("ipv6", "EnableIPv6")):
        if flag in options.changed:
            body[field] = options[flag]
    answer = session.client.post("/networks/create", None, body).json()
    if answer.get("Warning"):
        session.warn(f"WARNING: {answer['Warning']}")
    print(answer["Id"])


def ipam(options: Options) -> dict[str, Any]:
    """Subnets with the range, gateway and auxiliary addresses that lie in each; raises CliError."""
    configs = consolidate(options["subnet"], options["ip-range"], options["gateway"], options["aux-address"])
    return {
        "Driver": options["ipam-driver"],
        "Options": values.key_values(options["ipam-opt"]),
        "Config": configs,
    }


def consolidate(
    subnets: list[str], ranges: list[str], gateways: list[str], auxiliary: list[str]
) -> list[dict[str, Any]]:
    """One IPAMConfig for each subnet. Raises CliError where things overlap or belong nowhere."""
    if (ranges or gateways or auxiliary) and not subnets:
        raise CliError(_NO_SUBNET)
    plan = _Plan(subnets)
    for text in ranges:
        plan.put(
            "IPRange", "range", text, "cannot configure multiple ranges ({}, {}) on the same subnet ({})"
        )
    for text in gateways:
        plan.put(
            "Gateway", "gateway", text, "cannot configure multiple gateways ({}, {}) for the same subnet ({})"
        )
    for name, text in values.key_values(auxiliary).items():
        plan.owner("aux-address", text).setdefault("AuxiliaryAddresses", {})[name] = text
    return plan.configs


_NO_SUBNET = "every ip-range or gateway must have a corresponding subnet"


class _Plan:
    """The requested subnets; invalid ones are left for the daemon to refuse."""

    def __init__(self, subnets: list[str]) -> None:
        self.configs: list[dict[str, Any]] = []
        self._nets: list[Any] = []
        for text in subnets:
            net = _network(text)
            if net and any(
                net.version == other.version and net.overlaps(other) for other in self._nets if other
            ):
                raise CliError("multiple overlapping subnet configuration is not supported")
            self._nets.append(net)
            self.configs.append({"Subnet": text})

    def owner(self, what: str, text: str) -> dict[str, Any]:
        address = _network(text.split("/")[0])
        for config, net in zip(self.configs, self._nets, strict=True):
            if net and address and address.version == net.version and address.network_address in net:
                return config
        raise CliError(f"no matching subnet for {what} {text}")

    def put(self, field: str, what: str, text: str, twice: str) -> None:
        config = self.owner(what, text)
        if field in config:
            raise CliError(twice.format(text, config[field], config["Subnet"]))
        config[field] = text


def _network(text: str) -> Any:
    import ipaddress

    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


COMMAND = Command(
    "[OPTIONS] NETWORK",
    run,
    (
        Flag("attachable", "bool", "Let containers be attached by hand"),
        Flag("aux-address", "map", "Addresses of the subnet that are not to be given out (default map[])"),
        Flag("config-from", "string", "Network to copy the configuration from"),
        Flag("config-only", "bool", "Create a network that is only a configuration"),
        Flag("driver", "string", 'Driver of the network (default "bridge")', short="d", default="bridge"),
        Flag("gateway", "strings", "Gateway of a subnet, IPv4 or IPv6"),
        Flag("ingress", "bool", "Create swarm's routing mesh"),
        Flag("internal", "bool", "Cut the network off from the outside"),
        Flag("ip-range", "strings", "Give out addresses of this part of a subnet only"),
        Flag(
            "ipam-driver", "string", 'Driver that gives out addresses (default "default")', default="default"
        ),
        Flag("ipam-opt", "map", "Options of that driver (default map[])"),
        Flag("ipv4", "bool", "Give out IPv4 addresses (default true)", default=True),
        Flag("ipv6", "bool", "Give out IPv6 addresses"),
        Flag("label", "list", "Set labels on the network", parse=values.label),
        Flag("opt", "map", "Options of the driver (default map[])", short="o"),
        Flag("scope", "string", "Scope of the network"),
        Flag("subnet", "strings", "Subnet in CIDR form"),
    ),
    args=(1, 1),
)
