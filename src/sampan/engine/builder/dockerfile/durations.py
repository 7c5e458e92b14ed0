"""Numbers with units as Go reads them: time.ParseDuration, strconv.ParseInt."""

import re

from sampan.engine.builder.errors import DockerfileError
from sampan.engine.builder.golang import quote

_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_NUMBER = re.compile(r"([0-9]*)(\.[0-9]*)?", re.ASCII)
_UNIT = re.compile(r"[^0-9.]*", re.ASCII)
_MAX = (1 << 63) - 1


def parse_duration(text: str) -> int:
    """Nanoseconds. Raises DockerfileError."""
    negative, body = text.startswith("-"), text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0
    total, position = 0, 0
    if not body:
        raise DockerfileError(f"time: invalid duration {quote(text)}")
    while position < len(body):
        number = _NUMBER.match(body, position)
        if number is None or number[0] in ("", "."):
            raise DockerfileError(f"time: invalid duration {quote(text)}")
        unit = _UNIT.match(body, number.end())
        name = unit[0] if unit else ""
        if name not in _UNITS:
            problem = f"unknown unit {quote(name)} in" if name else "missing unit in"
            raise DockerfileError(f"time: {problem} duration {quote(text)}")
        total += _scaled(number, _UNITS[name])
        if total > _MAX:
            raise DockerfileError(f"time: invalid duration {quote(text)}")
        position = number.end() + len(name)
    return -total if negative else total


def _scaled(number: re.Match[str], unit: int) -> int:
    # More digits than these are below a nanosecond, or beyond all limits anyway.
    whole = int(number[1].lstrip("0")[:20] or 0)
    fraction = (number[2] or ".")[1:19]
    return whole * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


def parse_interval(flag: str, text: str) -> int:
    """A time of HEALTHCHECK: nanoseconds, 0 for "". Raises DockerfileError."""
    if not text:
        return 0
    duration = parse_duration(text)
    if duration and duration < 10**6:
        raise DockerfileError(f'Interval "{flag}" cannot be less than 1ms')
    return duration


def parse_retries(text: str) -> int:
    """Raises DockerfileError."""
    if not text:
        return 0
    problem = ""
    if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII):
        problem = "invalid syntax"
    elif len(text) > 20 or not -(1 << 31) <= int(text) < 1 << 31:
        problem = "value out of range"
    if problem:
        raise DockerfileError(f"strconv.ParseInt: parsing {quote(text)}: {problem}")
    if int(text) < 0:
        raise DockerfileError(f"--retries cannot be negative ({int(text)})")
    return int(text)
