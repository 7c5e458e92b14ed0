"""Go's time.ParseDuration and Duration.String, in nanoseconds. Pure; https://pkg.go.dev/time#ParseDuration

The shims write with this, so it imports nothing but errors.
"""

from sampan.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
_UNITS = {
    "ns": 1,
    "us": MICROSECOND,
    "µs": MICROSECOND,  # U+00B5, the micro sign
    "μs": MICROSECOND,  # U+03BC, the Greek letter
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_DIGITS = frozenset("0123456789")
_LIMIT = 1 << 63  # of Go's int64; a negative duration reaches it


def parse_duration(text: str) -> int:
    """Nanoseconds of "1h30m", "-1.5s", ".5s", "0". Raises Invalid in Go's words."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0
    if not body:
        raise _invalid(text)
    total = 0
    while body:
        number, body = _cut(body, lambda char: char in _DIGITS)
        fraction = ""
        if body[:1] == ".":
            fraction, body = _cut(body[1:], lambda char: char in _DIGITS)
        if not number and not fraction:
            raise _invalid(text)
        name, body = _cut(body, lambda char: char != "." and char not in _DIGITS)
        if not name:
            raise Invalid(f"time: missing unit in duration {_quote(text)}")
        if name not in _UNITS:
            raise Invalid(f"time: unknown unit {_quote(name)} in duration {_quote(text)}")
        total += _scaled(number, fraction, _UNITS[name])
        if total > _LIMIT:
            raise _invalid(text)
    if text[0] == "-":
        return -total
    if total == _LIMIT:
        raise _invalid(text)
    return total


def format_duration(nanoseconds: int) -> str:
    """Duration.String: 1h0m0s, 1.5s, 300ms, 1.234567ms, 0s."""
    sign, value = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if value == 0:
        return "0s"
    if value < SECOND:
        unit, size = next(
            pair for pair in (("ms", MILLISECOND), ("µs", MICROSECOND), ("ns", 1)) if value >= pair[1]
        )
        return sign + _decimal(value, size) + unit
    minutes, rest = divmod(value, MINUTE)
    hours, minutes = divmod(minutes, 60)
    shown = _decimal(rest, SECOND) + "s"
    if hours or minutes:
        shown = f"{minutes}m{shown}"
    return sign + (f"{hours}h{shown}" if hours else shown)


def _scaled(number: str, fraction: str, unit: int) -> int:
    # Twenty digits are beyond all limits; int() of many thousand would raise.
    value = int(number.lstrip("0")[:20] or 0) * unit
    read, scale = 0, 1
    for digit in fraction:
        longer = read * 10 + int(digit)
        if longer > _LIMIT:  # what does not fit into Go's integers is not read
            break
        read, scale = longer, scale * 10
    # By floats, as Go does it, so that the last nanosecond of a long fraction is Go's.
    return value + int(float(read) * (float(unit) / float(scale)))


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    return f"{whole}.{str(rest).zfill(len(str(size)) - 1).rstrip('0')}" if rest else str(whole)


def _cut(text: str, belongs: "Callable[[str], bool]") -> tuple[str, str]:
    """What `text` begins with that belongs together, and the rest."""
    end = 0
    while end < len(text) and belongs(text[end]):
        end += 1
    return text[:end], text[end:]


def _invalid(text: str) -> Invalid:
    return Invalid(f"time: invalid duration {_quote(text)}")


def _quote(text: str) -> str:
    """As package time quotes: bytes that are not printable ASCII are shown by their numbers."""
    out = ""
    for char in text:
        if char < " " or char > "\x7f":
            errors = "surrogateescape" if "\udc80" <= char <= "\udcff" else "replace"
            out += "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", errors))
        else:
            out += "\\" + char if char in '"\\' else char
    return f'"{out}"'
