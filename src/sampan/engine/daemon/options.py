"""One daemon option, declared once: its flag, its key in daemon.json, its kind of value, default and help.

The kinds know both spellings: pflag's text on the command line and daemon.json's JSON. Texts of refusals are
dockerd's, since its users search the web for them. Imports only what starts fast: this is read before the
daemon's heavier half.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sampan.errors import Invalid
from sampan.specs.docker import ulimits
from sampan.specs.golang import json
from sampan.specs.golang.numbers import parse_bool, parse_int
from sampan.specs.golang.quote import quote
from sampan.specs.golang.units import ram_in_bytes


@dataclass(frozen=True)
class Kind:
    """How values of an option are read. `flag` folds one occurrence into the value so far (None at first)."""

    name: str  # shown in --help; empty for a switch
    flag: Callable[[Any, str], Any]
    file: Callable[[str, Any], Any]  # key, JSON value
    show: Callable[[Any], str]  # as Go prints it in the conflict message


@dataclass(frozen=True)
class Option:
    field: str
    flag: str
    key: str  # empty: cannot stand in daemon.json
    kind: Kind
    help: str
    short: str = ""
    reload: bool = False
    shown_default: str | None = None  # None: print the default unless it is empty

    @property
    def title(self) -> str:
        return f"-{self.short}, --{self.flag}" if self.short else f"--{self.flag}"


def option(
    flag: str,
    default: Any,
    kind: Kind,
    help: str,
    *,
    key: str | None = None,
    short: str = "",
    reload: bool = False,
    shown: str | None = None,
) -> Any:
    """A dataclass field that is also a daemon option; `key` defaults to the flag's name."""

    def made() -> Any:
        return dict(default) if isinstance(default, dict) else default

    data = {"option": (flag, flag if key is None else key, kind, help, short, reload, shown)}
    return field(default_factory=made, metadata=data)


def go_text(value: Any) -> str:
    """`value` as Go's %v prints decoded JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{go_text(v)}" for k, v in sorted(value.items())) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(go_text, value)) + "]"
    return "<nil>" if value is None else str(value)


def mistyped(key: str, value: Any, wanted: str) -> Invalid:
    return json.mistyped(value, wanted, f"Config.{key}")


def of_type(kind: type, wanted: str) -> Callable[[str, Any], Any]:
    def read(key: str, value: Any) -> Any:
        if type(value) is not kind:
            raise mistyped(key, value, wanted)
        return value

    return read


def size_from_file(key: str, value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is str:
        return ram_in_bytes(value)
    raise mistyped(key, value, "string")


def parse_ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise Invalid(f'failed to parse IP: "{text}"') from None


def ip_from_file(key: str, value: Any) -> str:
    text = of_type(str, "string")(key, value)
    try:
        return str(ipaddress.ip_address(text)) if text else ""
    except ValueError:
        raise Invalid(f"invalid IP address: {text}") from None


def parse_dns_ips(text: str) -> list[str]:
    try:
        return [str(ipaddress.ip_address(part.strip())) for part in text.split(",")]
    except ValueError:
        raise Invalid(f"invalid string being converted to IP address: {text}") from None


def parse_domain(text: str) -> str:
    """opts.ValidateDNSSearch: "." alone means no search list at all."""
    name = text.strip()
    if name == ".":
        return name
    labels = name.removesuffix(".").split(".")
    well = all(0 < len(x) <= 63 and all(c.isalnum() or c in "-_" for c in x) and x.isascii() for x in labels)
    if not well or len(name) > 255:
        raise Invalid(f"{text} is not a valid domain")
    return name


def parse_label(text: str) -> str:
    if "=" not in text:
        raise Invalid(f"bad attribute format: {text}")
    return text


def parse_mirror(text: str) -> str:
    """registry.ValidateMirror: scheme and host only, ending in a slash."""
    from urllib.parse import urlsplit  # only machines with mirrors pay for it

    url = urlsplit(text.strip())
    if url.scheme not in ("http", "https"):
        raise Invalid(f'invalid mirror: unsupported scheme "{url.scheme}" in "{text}"')
    if url.query or url.fragment or not url.netloc:
        raise Invalid(f'invalid mirror: unsupported query or fragment in "{text}"')
    if url.username is not None:
        raise Invalid("invalid mirror: username/password not allowed in URI")
    return text.strip().rstrip("/") + "/"


def ulimits_from_file(key: str, value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        raise mistyped(key, value, "map[string]*container.Ulimit")
    made: dict[str, dict[str, Any]] = {}
    for name, limit in value.items():
        if not isinstance(limit, dict):
            raise mistyped(key, limit, "units.Ulimit")
        known = {k.lower(): v for k, v in limit.items()}
        soft, hard = known.get("soft", 0), known.get("hard", 0)
        if type(soft) is not int or type(hard) is not int:
            raise mistyped(key, soft if type(soft) is not int else hard, "int64")
        ulimits.check_name(name)
        made[name] = ulimits.checked(name, soft, hard)
    return made


def parse_pool(text: str) -> tuple[str, int]:
    """One --default-address-pool: base=CIDR,size=N."""
    base, size = "", 0
    for part in text.split(","):
        name, eq, value = part.partition("=")
        if not eq:
            raise Invalid(f"invalid field '{part}' must be a key=value pair")
        if name.strip().lower() == "base":
            base = value
        elif name.strip().lower() == "size":
            size = parse_int(value, base=0)
        else:
            raise Invalid(f"unexpected key '{name}' in '{part}'")
    return checked_pool(base, size)


def checked_pool(base: str, size: int) -> tuple[str, int]:
    try:
        network = ipaddress.ip_network(base)
    except ValueError:
        raise Invalid(f"invalid base pool {quote(base)}: invalid CIDR address: {base}") from None
    if not network.prefixlen <= size <= network.max_prefixlen:
        raise Invalid(
            f"invalid pool size {size}: the subnets of {base} need a prefix length from {network.prefixlen}"
        )
    return str(network), size


def pools_from_file(key: str, value: Any) -> tuple[tuple[str, int], ...]:
    made = []
    for pool in of_type(list, "[]*ipamutils.NetworkToSplit")(key, value):
        base, size = (pool.get("base"), pool.get("size")) if isinstance(pool, dict) else (None, None)
        if type(base) is not str or type(size) is not int:
            raise mistyped(key, pool, "ipamutils.NetworkToSplit")
        made.append(checked_pool(base, size))
    return tuple(made)


def parse_runtime(text: str) -> tuple[str, dict[str, Any]]:
    name, eq, path = text.partition("=")
    if not eq or not name.strip() or not path.strip():
        raise Invalid(f"invalid runtime argument: {text}")
    return name.strip(), {"path": path.strip()}


def runtimes_from_file(key: str, value: Any) -> dict[str, dict[str, Any]]:
    for name, runtime in of_type(dict, "map[string]system.Runtime")(key, value).items():
        if not isinstance(runtime, dict):
            raise mistyped(f"{key}.{name}", runtime, "system.Runtime")
        if not isinstance(runtime.get("path", ""), str):
            raise mistyped(f"{key}.{name}.path", runtime["path"], "string")
    return dict(value)


def each(parse: Callable[[str], Any]) -> Callable[[Any, str], Any]:
    return lambda old, text: (*(old or ()), parse(text))


def list_from_file(parse: Callable[[str], Any]) -> Callable[[str, Any], tuple[Any, ...]]:
    def read(key: str, value: Any) -> tuple[Any, ...]:
        if value is None:
            return ()
        items = of_type(list, "[]string")(key, value)
        return tuple(parse(of_type(str, "string")(key, item)) for item in items)

    return read


def map_from_file(key: str, value: Any) -> dict[str, str]:
    for item in of_type(dict, "map[string]string")(key, value).values():
        of_type(str, "string")(key, item)
    return dict(value)


def features_from_file(key: str, value: Any) -> dict[str, bool]:
    for item in of_type(dict, "map[string]bool")(key, value).values():
        of_type(bool, "bool")(key, item)
    return dict(value)


def add_pair(old: Any, text: str) -> dict[str, str]:
    name, _, value = text.partition("=")
    return {**(old or {}), name: value}


def add_feature(old: Any, text: str) -> dict[str, bool]:
    name, eq, value = text.partition("=")
    return {**(old or {}), name: parse_bool(value) if eq else True}


def add_ulimit(old: Any, text: str) -> dict[str, dict[str, Any]]:
    limit = ulimits.parse(text)
    return {**(old or {}), limit["Name"]: limit}


def add_runtime(old: Any, text: str) -> dict[str, dict[str, Any]]:
    name, runtime = parse_runtime(text)
    return {**(old or {}), name: runtime}


def show_ulimits(limits: Any) -> str:
    return "[" + " ".join(f"{x['Name']}={x['Soft']}:{x['Hard']}" for x in limits.values()) + "]"


def list_kind(name: str, parse: Callable[[str], Any]) -> Kind:
    return Kind(name, each(parse), list_from_file(parse), go_text)


def verbatim(text: str) -> str:
    return text


SWITCH = Kind("", lambda _, text: parse_bool(text), of_type(bool, "bool"), go_text)
TEXT = Kind("string", lambda _, text: text, of_type(str, "string"), go_text)
INT = Kind("int", lambda _, text: parse_int(text, base=0), of_type(int, "int"), go_text)
SIZE = Kind("bytes", lambda _, text: ram_in_bytes(text), size_from_file, go_text)
IP = Kind("ip", lambda _, text: parse_ip(text), ip_from_file, go_text)
LIST = list_kind("list", verbatim)
LABELS = list_kind("list", parse_label)
DOMAINS = list_kind("list", parse_domain)
MIRRORS = list_kind("list", parse_mirror)
DNS_IPS = Kind(
    "ipSlice",
    lambda old, text: (*(old or ()), *parse_dns_ips(text)),
    lambda key, value: tuple(ip_from_file(key, x) for x in of_type(list, "[]net.IP")(key, value)),
    go_text,
)
PAIRS = Kind("map", add_pair, map_from_file, go_text)
FEATURES = Kind("map", add_feature, features_from_file, go_text)
ULIMIT = Kind("ulimit", add_ulimit, ulimits_from_file, show_ulimits)
POOLS = Kind("pool-options", each(parse_pool), pools_from_file, lambda v: " ".join(f"{b} {s}" for b, s in v))
RUNTIMES = Kind("runtime", add_runtime, runtimes_from_file, go_text)
