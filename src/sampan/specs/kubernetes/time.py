"""Times of objects: RFC 3339 in UTC, to the second (metav1.Time) or the microsecond (metav1.MicroTime). Pure.

Read as Go's time.Parse reads them, with what it says of those that are none, and a few that others would not
take: an hour of one digit, a comma before a fraction, offsets of 24 hours. https://pkg.go.dev/time#Parse
"""

import time

from sampan.errors import Invalid
from sampan.specs.golang.quote import quote
from sampan.specs.golang.time import days

LAYOUT = "2006-01-02T15:04:05Z07:00"
MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DIGITS = "0123456789"


def parse(text: str, layout: str = LAYOUT) -> "tuple[int, int]":
    """Seconds since 1970 and nanoseconds; raises Invalid with what Go's time.Parse says.

    MICRO_LAYOUT wants a fraction of six digits, LAYOUT takes any or none.
    """
    reader = _Reader(text, layout)
    year = reader.year()
    reader.literal("-")
    month = reader.number("01", 1, 12, "month")
    reader.literal("-")
    day = reader.number("02", 0, 99, "day")
    reader.literal("T")
    hour = reader.number("15", 0, 23, "hour")
    reader.literal(":")
    minute = reader.number("04", 0, 59, "minute")
    reader.literal(":")
    second = reader.number("05", 0, 59, "second")
    nanoseconds = reader.six_digits() if layout == MICRO_LAYOUT else reader.fraction()
    offset = reader.offset()
    if reader.rest:
        raise reader.wrong(f": extra text: {quote(reader.rest)}")
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _DAYS[month - 1] + leap:
        raise reader.wrong(": day out of range")
    return days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset, nanoseconds


class _Reader:
    """Goes through a text as the layout does; `rest` is what is still to be read."""

    def __init__(self, text: str, layout: str) -> None:
        self.text = text
        self.layout = layout
        self.rest = text

    def wrong(self, message: str) -> Invalid:
        return Invalid(f"parsing time {quote(self.text)}{message}")

    def misfit(self, wanted: str, rest: str) -> Invalid:
        return self.wrong(f" as {quote(self.layout)}: cannot parse {quote(rest)} as {quote(wanted)}")

    def year(self) -> int:
        if not _is_number(self.rest[:4], 4):
            raise self.misfit("2006", self.rest)
        found, self.rest = int(self.rest[:4]), self.rest[4:]
        return found

    def literal(self, wanted: str) -> None:
        if not self.rest.startswith(wanted):
            raise self.misfit(wanted, self.rest)
        self.rest = self.rest[1:]

    def number(self, piece: str, lowest: int, highest: int, name: str) -> int:
        width = 2
        if piece == "15" and _is_number(self.rest[:1], 1) and not _is_number(self.rest[:2], 2):
            width = 1
        if not _is_number(self.rest[:width], width):
            raise self.misfit(piece, self.rest)
        found, self.rest = int(self.rest[:width]), self.rest[width:]
        if not lowest <= found <= highest:
            raise self.wrong(f": {name} out of range")
        return found

    def fraction(self) -> int:
        if self.rest[:1] not in (".", ",") or self.rest[1:2] not in _DIGITS or len(self.rest) < 2:
            return 0
        end = 1
        while end < len(self.rest) and self.rest[end] in _DIGITS:
            end += 1
        found, self.rest = self.rest[1:end], self.rest[end:]
        return int((found + "000000000")[:9])

    def six_digits(self) -> int:
        if self.rest[:1] not in (".", ",") or not _is_number(self.rest[1:7], 6):
            raise self.misfit(".000000", self.rest)
        found, self.rest = int(self.rest[1:7]) * 1000, self.rest[7:]
        return found

    def offset(self) -> int:
        """Seconds east of Greenwich."""
        rest = self.rest
        if rest[:1] == "Z":
            self.rest = rest[1:]
            return 0
        hours, minutes = rest[1:3], rest[4:6]
        if rest[3:4] != ":" or not _is_number(hours + minutes, 4) or rest[0] not in "+-":
            raise self.misfit("Z07:00", rest)
        if int(hours) > 24:
            raise self.wrong(": time zone offset hour out of range")
        if int(minutes) > 60:
            raise self.wrong(": time zone offset minute out of range")
        self.rest = rest[6:]
        seconds = int(hours) * 3600 + int(minutes) * 60
        return seconds if rest[0] == "+" else -seconds


def _is_number(text: str, width: int) -> bool:
    return len(text) == width and all(char in _DIGITS for char in text)


def seconds(text: "str | None") -> float | None:
    """A time of an object in seconds since 1970; None of none and of what is no time."""
    if not text:
        return None
    try:
        whole, rest = parse(text)
    except Invalid:
        return None
    return whole + rest / 1e9


def text(seconds: float) -> str:
    """Of seconds since 1970, as metav1.Time is written."""
    t = time.gmtime(seconds)
    return f"{t[0]:04d}-{t[1]:02d}-{t[2]:02d}T{t[3]:02d}:{t[4]:02d}:{t[5]:02d}Z"


def micro_text(seconds: int, nanoseconds: int) -> str:
    """As metav1.MicroTime is written."""
    return f"{text(seconds)[:-1]}.{nanoseconds // 1000:06d}Z"


def canonical(value: str) -> str:
    """As metav1.Time re-prints it; raises Invalid."""
    return value if _is_canonical(value) else text(parse(value)[0])


def _is_canonical(value: str) -> bool:
    """Of nearly all times that are sent, and ten times as fast as reading them. Not of the ends of months."""
    if len(value) != 20 or value[4] + value[7] + value[10] + value[13] + value[16] + value[19] != "--T::Z":
        return False
    month, day, hour = value[5:7], value[8:10], value[11:13]
    minute, second = value[14:16], value[17:19]
    numbers = value[:4] + month + day + hour + minute + second
    if not (numbers.isascii() and numbers.isdigit()):
        return False
    return "01" <= month <= "12" and "01" <= day <= "28" and hour < "24" and minute < "60" and second < "60"


def canonical_micro(value: str) -> str:
    """As metav1.MicroTime re-prints it; raises Invalid."""
    return micro_text(*parse(value, MICRO_LAYOUT))
