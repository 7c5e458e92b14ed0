"""Go's points in time: RFC 3339 as time.RFC3339Nano has it, and Time.String. https://pkg.go.dev/time

In nanoseconds since 1970, as Go's UnixNano. The shims write with this, so it imports nothing heavy.
"""

import time

from sampan.errors import Invalid

ZERO = "0001-01-01T00:00:00Z"  # Go's zero time: "never"
SECOND = 1_000_000_000
_LAYOUT = "2006-01-02T15:04:05Z07:00"
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def now() -> str:
    """The wall clock as RFC 3339 in UTC, with up to nine decimals."""
    return rfc3339(time.time_ns())


def rfc3339(nanoseconds: int) -> str:
    """In UTC, with as many digits of a second as it takes."""
    seconds, fraction = divmod(nanoseconds, SECOND)
    t = time.gmtime(seconds)
    text = f"{t[0]:04d}-{t[1]:02d}-{t[2]:02d}T{t[3]:02d}:{t[4]:02d}:{t[5]:02d}"
    return (f"{text}.{fraction:09d}".rstrip("0") if fraction else text) + "Z"


def rfc3339_local(seconds: int, fraction: str = "") -> str:
    """In this machine's zone; `fraction` of a second with its dot."""
    local = time.localtime(seconds)
    zone = time.strftime("%z", local)
    shown = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + fraction + shown


def string(nanoseconds: int) -> str:
    """Time.String in this machine's zone: 2006-01-02 15:04:05.999999999 -0700 MST."""
    seconds, fraction = divmod(nanoseconds, SECOND)
    local = time.localtime(seconds)
    shown = f".{fraction:09d}".rstrip("0") if fraction else ""
    return time.strftime("%Y-%m-%d %H:%M:%S", local) + shown + time.strftime(" %z %Z", local)


def parse(text: str) -> int:
    """Nanoseconds of an RFC 3339 time, any number of decimals read to the ninth. Raises Invalid."""
    whole, zone = text[:19], text[19:]
    fraction = ""
    if zone[:1] == ".":
        end = 1
        while zone[end : end + 1].isdecimal():
            end += 1
        fraction, zone = zone[1:end], zone[end:]
        if not fraction:
            raise _unreadable(text)
    marks = whole[4:5] + whole[7:8] + whole[10:11] + whole[13:14] + whole[16:17]
    numbers = (whole[:4], whole[5:7], whole[8:10], whole[11:13], whole[14:16], whole[17:])
    if marks != "--T::" or not text.isascii() or not all(number.isdecimal() for number in numbers):
        raise _unreadable(text)
    year, month, day, hour, minute, second = map(int, numbers)
    if not (1 <= month <= 12 and 1 <= day <= _days_of(year, month) and hour < 24 and minute < 60 > second):
        raise _unreadable(text)
    seconds = days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - _offset(zone, text)
    return seconds * SECOND + int(fraction[:9].ljust(9, "0"))


def days(year: int, month: int, day: int) -> int:
    """From 1970-01-01 to a day of the Gregorian calendar."""
    before = year - 1
    of_years = before * 365 + before // 4 - before // 100 + before // 400
    return of_years + sum(_days_of(year, earlier) for earlier in range(1, month)) + day - 719163


def _days_of(year: int, month: int) -> int:
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _MONTHS[month - 1] + leap


def _offset(zone: str, text: str) -> int:
    """Seconds east of Greenwich."""
    if zone == "Z":
        return 0
    hours, minutes = zone[1:3], zone[4:]
    well = len(zone) == 6 and zone[0] in "+-" and zone[3] == ":" and hours.isdecimal() and minutes.isdecimal()
    if not well or int(hours) > 24 or int(minutes) > 59:
        raise _unreadable(text)
    return (int(hours) * 3600 + int(minutes) * 60) * (-1 if zone[0] == "-" else 1)


def _unreadable(text: str) -> Invalid:
    return Invalid(f'parsing time "{text}" as "{_LAYOUT}": cannot parse "{text}"')
