"""Times of objects: RFC 3339 in UTC, to the second (metav1.Time) or the microsecond (metav1.MicroTime). Pure."""

import time

from sampan.errors import Invalid
from sampan.specs.golang.quote import quote

LAYOUT = "2006-01-02T15:04:05Z07:00"
MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def parse(text: str, layout: str = LAYOUT) -> "tuple[int, int]":
    """Seconds since 1970 and nanoseconds; raises Invalid with what Go's time.Parse says."""
    if len(text) >= 20 and text[4] == "-" and text[7] == "-" and text[10] == "T" and text[13] == ":":
        digits = (text[:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19])
        if all(part.isascii() and part.isdigit() for part in digits) and text[16] == ":":
            return _checked(text, layout, [int(part) for part in digits], text[19:])
    raise _bad(text, layout)


def _checked(text: str, layout: str, numbers: "list[int]", rest: str) -> "tuple[int, int]":
    year, month, day, hour, minute, second = numbers
    if not 1 <= month <= 12:
        raise Invalid(f"parsing time {quote(text)}: month out of range")
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _DAYS[month - 1] + leap:
        raise Invalid(f"parsing time {quote(text)}: day out of range")
    for value, limit, name in ((hour, 24, "hour"), (minute, 60, "minute"), (second, 60, "second")):
        if value >= limit:
            raise Invalid(f"parsing time {quote(text)}: {name} out of range")
    fraction = ""
    if rest[:1] == ".":
        end = 1
        while end < len(rest) and rest[end] in "0123456789":
            end += 1
        fraction, rest = rest[1:end], rest[end:]
        if not fraction:
            raise _bad(text, layout)
    seconds = _since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    return seconds - _offset(text, layout, rest), int((fraction + "000000000")[:9])


def _since_1970(year: int, month: int, day: int) -> int:
    """Days, of the Gregorian calendar also before 1970 (Howard Hinnant's days_from_civil)."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def _offset(text: str, layout: str, rest: str) -> int:
    if rest == "Z":
        return 0
    if len(rest) == 6 and rest[0] in "+-" and rest[3] == ":" and (rest[1:3] + rest[4:]).isdigit():
        seconds = int(rest[1:3]) * 3600 + int(rest[4:]) * 60
        return seconds if rest[0] == "+" else -seconds
    if rest[:1] == "Z":
        raise Invalid(f"parsing time {quote(text)}: extra text: {quote(rest[1:])}")
    raise Invalid(
        f"parsing time {quote(text)} as {quote(layout)}: cannot parse {quote(rest)} as {quote('Z07:00')}"
    )


def _bad(text: str, layout: str) -> Invalid:
    """Where Go's parser, which goes through the layout piece by piece, would have stopped."""
    rest = text
    for piece in ("2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05", "Z07:00"):
        length = len(piece)
        part = rest[:length]
        fits = part == piece if not piece[0].isdigit() else len(part) == length and part.isdigit()
        if not fits:
            return Invalid(
                f"parsing time {quote(text)} as {quote(layout)}: cannot parse {quote(rest)} as {quote(piece)}"
            )
        rest = rest[length:]
    return Invalid(f"parsing time {quote(text)} as {quote(layout)}: cannot parse {quote(rest)}")


def text(seconds: float) -> str:
    """Of seconds since 1970, as metav1.Time is written."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def canonical(value: str) -> str:
    """As metav1.Time re-prints it; raises Invalid."""
    if len(value) == 20 and value[19] == "Z":
        parse(value)
        return value
    seconds, _ = parse(value)
    return _printed(seconds) + "Z"


def canonical_micro(value: str) -> str:
    """As metav1.MicroTime re-prints it; raises Invalid."""
    seconds, nanoseconds = parse(value, LAYOUT)
    return f"{_printed(seconds)}.{nanoseconds // 1000:06d}Z"


def _printed(seconds: int) -> str:
    year = time.gmtime(seconds).tm_year
    return f"{year:04d}" + time.strftime("-%m-%dT%H:%M:%S", time.gmtime(seconds))
