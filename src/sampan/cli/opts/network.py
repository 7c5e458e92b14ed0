"""The value of --network: a name, or name=...,alias=...,ip=...; and the endpoints it all makes."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.opts import csv
from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options


class Attachment:
    """One network to attach to and how."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.aliases: list[str] = []
        self.links: list[str] = []
        self.driver_opts: dict[str, str] = {}
        self.ipv4 = ""
        self.ipv6 = ""
        self.mac = ""
        self.link_local: list[str] = []
        self.priority = 0

    def is_user_defined(self) -> bool:
        return is_user_defined(self.target)

    def is_plain(self) -> bool:
        """Whether it says no more than the name."""
        return not (
            self.aliases
            or self.links
            or self.driver_opts
            or self.ipv4
            or self.ipv6
            or self.mac
            or self.link_local
            or self.priority
        )


def is_user_defined(target: str) -> bool:
    return target not in ("default", "bridge", "host", "none", "nat") and not target.startswith("container:")


def parse_network(text: str) -> Attachment:
    """Raises ValueError as Docker words it."""
    if not _is_long(text):
        return Attachment(text)
    attachment = Attachment("")
    for field in csv.fields(text):
        key, equals, value = field.lower().partition("=")
        if not equals or not key:
            raise ValueError(f"invalid field {field}")
        _set(attachment, key.strip(), value.strip())
    if not attachment.target:
        raise ValueError("network name/id is not specified")
    return attachment


def _is_long(text: str) -> bool:
    """Whether a word character stands on both sides of some "="."""
    at = text.find("=")
    while at >= 0:
        around = text[at - 1 : at] + text[at + 1 : at + 2]
        if at > 0 and len(around) == 2 and all(char.isalnum() or char == "_" for char in around):
            return True
        at = text.find("=", at + 1)
    return False


def _set(attachment: Attachment, key: str, value: str) -> None:
    if key == "name":
        attachment.target = value
    elif key == "alias":
        attachment.aliases.append(value)
    elif key == "ip":
        attachment.ipv4 = value
    elif key == "ip6":
        attachment.ipv6 = value
    elif key == "mac-address":
        attachment.mac = value
    elif key == "link-local-ip":
        attachment.link_local.append(value)
    elif key == "driver-opt":
        name, equals, option = value.partition("=")
        if not equals or not name:
            raise ValueError("invalid key value pair format in driver options")
        attachment.driver_opts[name.strip()] = option.strip()
    elif key == "gw-priority":
        attachment.priority = _priority(value)
    else:
        raise ValueError(f"invalid field key {key}")


def _priority(value: str) -> int:
    try:
        return parse_int(value, base=0)
    except Invalid:
        raise ValueError(f"invalid gw-priority ({value}): invalid syntax") from None


def checked_mac(text: str) -> str:
    """A MAC address as Go's net.ParseMAC takes it; raises ValueError."""
    for mark, size in ((":", 2), ("-", 2), (".", 4)):
        parts = text.split(mark)
        digits = "".join(parts)
        if (
            len(parts) > 1
            and all(len(part) == size for part in parts)
            and len(digits) in (12, 16, 40)
            and all(char in "0123456789abcdefABCDEF" for char in digits)
        ):
            return text
    raise ValueError(f"{text} is not a valid mac address")


_ONCE = (
    ("network-alias", "aliases", "--network-alias and per-network alias"),
    ("link", "links", "--link and per-network links"),
    ("ip", "ipv4", "--ip and per-network IPv4 address"),
    ("ip6", "ipv6", "--ip6 and per-network IPv6 address"),
    ("mac-address", "mac", "--mac-address and per-network MAC address"),
    ("link-local-ip", "link_local", "--link-local-ip and per-network link-local IP addresses"),
)


def _apply(attachment: Attachment, options: Options) -> None:
    """The options that speak of a network without naming it mean the first one."""
    for flag, field, text in _ONCE:
        if not options[flag]:
            continue
        if getattr(attachment, field):
            raise CliError(f"conflicting options: cannot specify both {text}")
        if flag == "link" and not attachment.is_user_defined():
            continue
        setattr(attachment, field, options[flag])


def endpoints(options: Options) -> dict[str, Any]:
    """NetworkingConfig.EndpointsConfig for --network and its relatives; raises CliError."""
    chosen: list[Attachment] = options["network"] or [Attachment("default")]
    found: dict[str, Any] = {}
    kinds = set()
    for index, attachment in enumerate(chosen):
        kinds.add(attachment.is_user_defined())
        if index == 0:
            _apply(attachment, options)
        if attachment.target in found:
            raise CliError(f'network "{attachment.target}" is specified multiple times')
        found[attachment.target] = _endpoint(attachment)
    if len(kinds) > 1:
        raise CliError(
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes"
        )
    if options["network"] and len(chosen) == 1 and chosen[0].is_plain():
        return {}  # the daemon attaches to NetworkMode by itself
    return found


def _endpoint(attachment: Attachment) -> dict[str, Any]:
    if not attachment.target.strip():
        raise CliError("no name set for network")
    if not attachment.is_user_defined():
        if attachment.aliases:
            raise CliError("network-scoped aliases are only supported for user-defined networks")
        if attachment.links:
            raise CliError("links are only supported for user-defined networks")
    ipam: dict[str, Any] = {}
    if attachment.ipv4:
        ipam["IPv4Address"] = attachment.ipv4
    if attachment.ipv6:
        ipam["IPv6Address"] = attachment.ipv6
    if attachment.link_local:
        ipam["LinkLocalIPs"] = attachment.link_local
    return {
        "IPAMConfig": ipam or None,
        "Links": attachment.links or None,
        "Aliases": attachment.aliases or None,
        "MacAddress": checked(attachment.mac),
        "DriverOpts": attachment.driver_opts or None,
        "GwPriority": attachment.priority,
    }


def checked(mac: str) -> str:
    if not mac:
        return ""
    try:
        return checked_mac(mac.strip())
    except ValueError as error:
        raise CliError(str(error)) from None
