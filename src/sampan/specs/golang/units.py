"""docker/go-units: sizes and spans of time as people write and read them. Pure."""

from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_float

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")


def human_size(size: float, precision: int = 4) -> str:
    """HumanSize, 1.234kB: powers of 1000, `precision` significant digits."""
    return _scaled(size, 1000.0, _DECIMAL, precision)


def bytes_size(size: float) -> str:
    """BytesSize, 1.205KiB: powers of 1024, four significant digits."""
    return _scaled(size, 1024.0, _BINARY, 4)


def _scaled(size: float, base: float, names: tuple[str, ...], precision: int) -> str:
    index = 0
    while size >= base and index < len(names) - 1:
        size /= base
        index += 1
    return f"{size:.{precision}g}{names[index]}"


def ram_in_bytes(text: str) -> int:
    """RAMInBytes: "64m", "1.5GiB", "2 KB", "100"; powers of 1024. Raises Invalid in go-units' words."""
    return _size(text, 1024)


def from_human_size(text: str) -> int:
    """FromHumanSize: the same by powers of 1000."""
    return _size(text, 1000)


def _size(text: str, base: int) -> int:
    cut = max(text.rfind(char) for char in "0123456789. ")
    if cut < 0:
        raise Invalid(f"invalid size: '{text}'")
    suffix = text[cut + 1 :]
    size = parse_float(text[: cut + 1].removesuffix(" "))
    if size < 0:
        raise Invalid(f"invalid size: '{text}'")
    size *= base ** _power(suffix)
    if not size < 1 << 63:  # an integer of Go's, nor infinity, nor no number at all
        raise Invalid(f"invalid size: '{text}'")
    return int(size)


def _power(suffix: str) -> int:
    if len(suffix) > 3:
        raise Invalid(f"invalid suffix: '{suffix}'")
    suffix = suffix.lower()
    if suffix in ("", "b"):
        return 0
    power = "kmgtp".find(suffix[0]) + 1
    if power == 0 or suffix[1:] not in ("", "b", "ib"):
        raise Invalid(f"invalid suffix: '{suffix}'")
    return power


def human_duration(seconds: float) -> str:
    """HumanDuration: "About a minute", "2 hours"."""
    whole, minutes, hours = int(seconds), int(seconds / 60), int(seconds / 3600 + 0.5)
    if whole < 1:
        return "Less than a second"
    if whole < 60:
        return "1 second" if whole == 1 else f"{whole} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    for limit, per, unit in (
        (24 * 7 * 2, 24, "days"),
        (24 * 30 * 2, 24 * 7, "weeks"),
        (24 * 365 * 2, 24 * 30, "months"),
    ):
        if hours < limit:
            return f"{hours // per} {unit}"
    return f"{int(seconds / 3600) // 24 // 365} years"
