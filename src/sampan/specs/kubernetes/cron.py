"""Schedules in cron's form, five fields or a word, as robfig/cron v3 reads them. Pure.

A field is kept as the set of its values; what was written as "*" is remembered, because a day must fit both
day fields if one of them says nothing, else either.
"""

from sampan.errors import Invalid
from sampan.specs.golang.duration import SECOND, parse_duration
from sampan.specs.golang.quote import plain_list, quote

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES = {
    "month": {name: number for number, name in enumerate(_MONTHS, 1)},
    "weekday": {name: number for number, name in enumerate(_DAYS)},
}
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_ZONES = ("TZ=", "CRON_TZ=")
_INT64 = 2**63 - 1


class CronError(ValueError):
    """Why a text is no schedule."""


class Schedule:
    """`every`: seconds between two times, of "@every 1h"; then the fields are empty."""

    __slots__ = ("days", "every", "fields", "stars")

    def __init__(self, fields: "dict[str, frozenset[int]]", stars: "frozenset[str]", every: int = 0) -> None:
        self.fields = fields
        self.stars = stars
        self.every = every


def parse(text: str) -> Schedule:
    """Raises CronError. `TZ=` at the front is read over: `zone_of` has it, and whether it exists is not known
    here.
    """
    if not text:
        raise CronError("empty spec string")
    if text.startswith(_ZONES):
        text = text.partition(" ")[2].strip()
    if text.startswith("@"):
        return _word(text)
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise CronError(f"expected exactly 5 fields, found {len(parts)}: {plain_list(parts)}")
    fields, stars = {}, set()
    for part, (name, low, high) in zip(parts, _FIELDS, strict=True):
        fields[name], star = _field(part, name, low, high)
        if star:
            stars.add(name)
    return Schedule(fields, frozenset(stars))


def zone_of(text: str) -> str:
    """The time zone that a schedule begins with, if it does."""
    return text.partition(" ")[0].partition("=")[2] if text.startswith(_ZONES) else ""


def _word(text: str) -> Schedule:
    if text in _WORDS:
        return parse(_WORDS[text])
    if text.startswith(_EVERY):
        try:
            nanoseconds = parse_duration(text[len(_EVERY) :])
        except Invalid as error:
            raise CronError(f"failed to parse duration {text}: {error}") from None
        return Schedule({}, frozenset(), max(1, nanoseconds // SECOND))
    raise CronError(f"unrecognized descriptor: {text}")


def _field(text: str, name: str, low: int, high: int) -> "tuple[frozenset[int], bool]":
    values: set[int] = set()
    star = False
    for part in text.split(","):
        if part:
            found, whole = _range(part, name, low, high)
            values.update(found)
            star = star or whole
    return frozenset(values), star


def _range(text: str, name: str, low: int, high: int) -> "tuple[range, bool]":
    """The values of one of a field's parts, and whether it is all there are."""
    span, *steps = text.split("/")
    bounds = span.split("-")
    star = bounds[0] in ("*", "?")
    if star:
        start, end = low, high
    else:
        start = end = _number(bounds[0], name)
        if len(bounds) == 2:
            end = _number(bounds[1], name)
        elif len(bounds) > 2:
            raise CronError(f"too many hyphens: {text}")
    if len(steps) > 1:
        raise CronError(f"too many slashes: {text}")
    step = _integer(steps[0]) if steps else 1
    if steps:
        star = star and step <= 1
        if len(bounds) == 1:
            end = high
    _check(text, start, end, step, low, high)
    return range(start, end + 1, step), star


def _check(text: str, start: int, end: int, step: int, low: int, high: int) -> None:
    if start < low:
        raise CronError(f"beginning of range ({start}) below minimum ({low}): {text}")
    if end > high:
        raise CronError(f"end of range ({end}) above maximum ({high}): {text}")
    if start > end:
        raise CronError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {text}")


def _number(text: str, field: str) -> int:
    found = _NAMES.get(field, {}).get(text.lower())
    return _integer(text) if found is None else found


def _integer(text: str) -> int:
    sign = -1 if text[:1] == "-" else 1
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        raise CronError(_unparsed(text, "invalid syntax"))
    # Bounded before it is a number: the digits of an integer cost more than their count.
    if len(digits.lstrip("0")) > 19 or (number := sign * int(digits.lstrip("0") or "0")) > _INT64:
        raise CronError(_unparsed(text, "value out of range"))
    if number < 0:
        raise CronError(f"negative number ({number}) not allowed: {text}")
    return number


def _unparsed(text: str, why: str) -> str:
    return f"failed to parse int from {text}: strconv.Atoi: parsing {quote(text)}: {why}"
