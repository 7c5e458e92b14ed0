"""Numbers and times in human-readable form."""

from sampan.registry.web.markup import Html, element
from sampan.specs.golang.time import SECOND, rfc3339

_STEPS = ((60, "second"), (60, "minute"), (24, "hour"), (30, "day"), (12, "month"))


def size(count: int) -> str:
    """Decimal, as docker prints sizes: 3 digits."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.3g} {unit}"
        value /= 1000
    raise AssertionError


def ago(then: float | None, now: float, never: str = "never") -> str | Html:
    """ "3 hours ago", with the moment itself to hover over."""
    if then is None:
        return never
    value, unit = max(0, int(now - then)), "year"
    for step, name in _STEPS:
        if value < step:
            unit = name
            break
        value //= step
    words = "just now" if unit == "second" else f"{value} {unit}{'' if value == 1 else 's'} ago"
    moment = rfc3339(int(then) * SECOND)
    return element("time", words, datetime=moment, title=moment)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def short(digest: str) -> str:
    algorithm, _, hexadecimal = digest.partition(":")
    return f"{algorithm}:{hexadecimal[:12]}"
