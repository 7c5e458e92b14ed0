"""Each function turns a text into what the API wants, or raises ValueError as Docker words it."""

from __future__ import annotations

from sampan.errors import Invalid
from sampan.specs.docker.ports import is_address
from sampan.specs.golang.units import ram_in_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def stream_name(text: str) -> str:
    name = text.lower()
    if name not in ("stdin", "stdout", "stderr"):
        raise ValueError("valid streams are STDIN, STDOUT and STDERR")
    return name


def environment(text: str) -> str:
    """NAME=value, or NAME to pass this process's own value on (unset stays a bare name)."""
    import os

    name, equals, _ = text.partition("=")
    if not name:
        raise ValueError(f"invalid environment variable: {text}")
    if equals:
        return text
    value = os.environ.get(name)
    return text if value is None else f"{name}={value}"


def label(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not name and equals:
        raise ValueError(f"invalid label '{text}': empty name")
    return text


def extra_host(text: str) -> str:
    """HOST:IP or HOST=IP, as HOST:IP."""
    for mark in "=:":
        host, separator, address = text.partition(mark)
        if separator and host:
            break
    else:
        raise ValueError(f'bad format for add-host: "{text}"')
    if not address:
        raise ValueError(f'bad format for add-host: "{text}"')
    if address != "host-gateway":
        address = address.removeprefix("[").removesuffix("]") if address.startswith("[") else address
        if not is_address(address):
            raise ValueError(f'invalid IP address in add-host: "{address}"')
    return f"{host}:{address}"


def ip_address(text: str) -> str:
    text = text.strip()
    if not is_address(text):
        raise ValueError(f"IP address is not correctly formatted: {text}")
    return text


def dns_search(text: str) -> str:
    """A domain, or "." for none."""
    text = text.strip()
    if text == ".":
        return text
    name = text.removesuffix(".")
    labels = name.split(".")
    if (
        len(text) > 255
        or not all(_is_label(part) for part in labels)
        or all(part.isdigit() for part in labels)
    ):
        raise ValueError(f"{text} is not a valid domain")
    return text


def _is_label(part: str) -> bool:
    bare = part.replace("-", "").replace("_", "")
    return bool(bare) and bare.isascii() and bare.isalnum() and part[0] not in "-_" and part[-1] not in "-_"


def sysctl(text: str) -> str:
    name = text.partition("=")[0]
    allowed = "=" in text and (
        name in _SYSCTLS or any(name.startswith(prefix) for prefix in ("net.", "fs.mqueue."))
    )
    if not allowed:
        raise ValueError(f"sysctl '{text}' is not allowed")
    return text


_SYSCTLS = (
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
)


def cgroup_rule(text: str) -> str:
    """KIND MAJOR:MINOR ACCESS, as in "c 1:3 rwm"."""
    kind, _, rest = text.partition(" ")
    numbers, _, access = rest.partition(" ")
    major, colon, minor = numbers.partition(":")
    fits = (
        kind in ("a", "b", "c")
        and bool(colon)
        and all(number == "*" or (number.isascii() and number.isdigit()) for number in (major, minor))
        and 1 <= len(access) <= 3
        and all(letter in "rwm" for letter in access)
    )
    if not fits:
        raise ValueError(f"invalid device cgroup format '{text}'")
    return text


def memory(text: str) -> int:
    return ram_in_bytes(text)


def memory_swap(text: str) -> int:
    return -1 if text == "-1" else ram_in_bytes(text)


def nano_cpus(text: str) -> int:
    """A decimal ("1.5") or a fraction ("3/2") of CPUs, in billionths."""
    top, slash, bottom = text.partition("/")
    try:
        numerator, power = _decimal(top)
        divisor = int(bottom) if slash else 1
        if divisor <= 0 or not (bottom or "1").isdigit():
            raise ValueError
    except ValueError:
        raise ValueError(f"failed to parse {text} as a rational number") from None
    value, rest = divmod(numerator * 1_000_000_000, int(10**power) * divisor)
    if rest:
        raise ValueError("value is too precise")
    return value


def _decimal(text: str) -> tuple[int, int]:
    """(digits, number of decimals) of "1.5" or "15e-1"; raises ValueError."""
    body = text[1:] if text[:1] in ("+", "-") else text
    mantissa, mark, exponent = body.lower().partition("e")
    whole, _, decimals = mantissa.partition(".")
    if not (whole + decimals).isdigit() or not body.isascii() or len(body) > 40:
        raise ValueError(text)
    power = len(decimals) - (int(exponent) if mark else 0)
    if abs(power) > 40:
        raise ValueError(text)
    value = int(whole + decimals) * 10 ** max(-power, 0)
    return (-value if text[0] == "-" else value), max(power, 0)


def weight_device(text: str) -> dict[str, Any]:
    """PATH:WEIGHT."""
    path, colon, weight = text.partition(":")
    if not colon or not path:
        raise ValueError(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise ValueError(f"bad format for device path: {text}")
    if not weight.isdigit() or not (int(weight) == 0 or 10 <= int(weight) <= 1000):
        raise ValueError(f"invalid weight for device: {text}")
    return {"Path": path, "Weight": int(weight)}


def throttle_bytes(text: str) -> dict[str, Any]:
    """PATH:RATE with a unit."""
    path, rate = _throttle(text)
    try:
        value = ram_in_bytes(rate)
    except Invalid:
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]."
            " Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
        ) from None
    return {"Path": path, "Rate": value}


def throttle_count(text: str) -> dict[str, Any]:
    """PATH:RATE, a plain number."""
    path, rate = _throttle(text)
    if not rate.isdigit():
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>."
            " Number must be a positive integer"
        )
    return {"Path": path, "Rate": int(rate)}


def _throttle(text: str) -> tuple[str, str]:
    path, colon, rate = text.partition(":")
    if not colon or not path:
        raise ValueError(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise ValueError(f"bad format for device path: {text}")
    return path, rate


def link(text: str) -> str:
    """CONTAINER[:ALIAS]."""
    if not text:
        raise ValueError("empty string specified for links")
    parts = text.split(":")
    if len(parts) > 2:
        raise ValueError(f"bad format for links: {text}")
    return text


def filter_pair(text: str) -> list[tuple[str, str]]:
    """NAME=VALUE of --filter; an empty text is not a filter."""
    if not text:
        return []
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError("bad format of filter (expected name=value)")
    return [(name.strip().lower(), value.strip())]


def key_values(items: list[str]) -> dict[str, str]:
    """NAME=VALUE texts as a map; a bare NAME gets an empty value."""
    found: dict[str, str] = {}
    for item in items:
        name, _, value = item.partition("=")
        found[name] = value
    return found


def filters_query(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The filters query parameter of a list of pairs; nothing when there are none."""
    from sampan.cli import gojson

    if not pairs:
        return {}
    filters: dict[str, dict[str, bool]] = {}
    for name, value in pairs:
        filters.setdefault(name, {})[value] = True
    return {"filters": gojson.dumps(filters, sort=True)}
