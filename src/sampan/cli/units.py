"""Sizes and durations as docker/go-units and Go's time package write and read them."""

from __future__ import annotations

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_NANOSECONDS = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,
    "μs": 1000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
SECOND = _NANOSECONDS["s"]


def human_size(size: float, precision: int = 4) -> str:
    """1.234kB: powers of 1000, `precision` significant digits."""
    return _scaled(size, 1000.0, _DECIMAL, precision)


def bytes_size(size: float) -> str:
    """1.205KiB: powers of 1024, four significant digits."""
    return _scaled(size, 1024.0, _BINARY, 4)


def _scaled(size: float, base: float, names: tuple[str, ...], precision: int) -> str:
    index = 0
    while size >= base and index < len(names) - 1:
        size /= base
        index += 1
    return f"{size:.{precision}g}{names[index]}"


def ram_in_bytes(text: str) -> int:
    """Bytes of "64m", "1.5GiB", "100": powers of 1024. Raises ValueError in go-units' words."""
    cut = max(text.rfind(char) for char in "0123456789. ")
    if cut < 0:
        raise ValueError(f"invalid size: '{text}'")
    digits, suffix = text[: cut + 1].removesuffix(" "), text[cut + 1 :]
    try:
        if "_" in digits or digits != digits.strip():
            raise ValueError
        size = float(digits)
    except ValueError:
        raise ValueError(f'strconv.ParseFloat: parsing "{digits}": invalid syntax') from None
    if size < 0:
        raise ValueError(f"invalid size: '{text}'")
    lower = suffix.lower()
    if not lower or lower == "b":
        return int(size)
    power = "kmgtp".find(lower[0]) + 1
    if power == 0 or lower[1:] not in ("", "b", "ib"):
        raise ValueError(f"invalid suffix: '{suffix}'")
    return int(size * 1024**power)


def human_duration(seconds: float) -> str:
    """go-units' HumanDuration: "About a minute", "2 hours"."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = int(seconds / 60)
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    for limit, size, name in (
        (24 * 14, 24, "days"),
        (24 * 60, 24 * 7, "weeks"),
        (24 * 730, 24 * 30, "months"),
    ):
        if hours < limit:
            return f"{hours // size} {name}"
    return f"{int(seconds / 3600) // 24 // 365} years"


def parse_duration(text: str) -> int:
    """Nanoseconds of a Go duration ("1h30m", "1.5s"). Raises ValueError in Go's words."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0
    if not body:
        raise ValueError(f'time: invalid duration "{text}"')
    value = 0
    while body:
        end = 0
        while end < len(body) and (body[end] in "0123456789."):
            end += 1
        digits, body = body[:end], body[end:]
        if not digits.replace(".", "", 1).isdigit():
            raise ValueError(f'time: invalid duration "{text}"')
        end = 0
        while end < len(body) and body[end] not in "0123456789.":
            end += 1
        unit, body = body[:end], body[end:]
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _NANOSECONDS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        whole, _, fraction = digits.partition(".")
        value += int(whole or "0") * _NANOSECONDS[unit]
        value += int(fraction or "0") * _NANOSECONDS[unit] // 10 ** len(fraction)
    if value >= 1 << 63:
        raise ValueError(f'time: invalid duration "{text}"')
    return -value if text[0] == "-" else value


def format_duration(nanoseconds: int) -> str:
    """Go's Duration.String: 1h0m0s, 1.5s, 300ms."""
    if nanoseconds == 0:
        return "0s"
    sign = "-" if nanoseconds < 0 else ""
    value = abs(nanoseconds)
    if value < SECOND:
        for unit, size in (("ms", 1_000_000), ("µs", 1000), ("ns", 1)):
            if value >= size:
                return sign + _decimal(value, size) + unit
    seconds, fraction = divmod(value, SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = _decimal(seconds * SECOND + fraction, SECOND) + "s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return sign + (f"{hours}h{text}" if hours else text)


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).zfill(len(str(size)) - 1).rstrip('0')}"
