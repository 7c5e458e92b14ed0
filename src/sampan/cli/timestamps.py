"""Points in time: RFC 3339 as the API writes them, Go's Time.String, and what --since and --until accept."""

from __future__ import annotations

import time

from sampan.specs.golang.units import human_duration

_MONTH_DAYS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def days_from_epoch(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar, any year."""
    leap = month > 2 and (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    before = year - 1
    days = (
        before * 365 + before // 4 - before // 100 + before // 400 + _MONTH_DAYS[month - 1] + day - 1 + leap
    )
    return days - 719162


def parse_rfc3339(text: str) -> tuple[int, int]:
    """(seconds, nanoseconds) since the epoch; raises ValueError."""
    date, mark, clock = text[:10], text[10:11], text[11:]
    if mark not in ("T", "t", " ") or len(clock) < 9:
        raise ValueError(f"not an RFC 3339 time: {text}")
    offset = 0
    if clock[-1] in "Zz":
        clock = clock[:-1]
    else:
        sign = -1 if clock[-6] == "-" else 1
        offset = sign * (int(clock[-5:-3]) * 3600 + int(clock[-2:]) * 60)
        clock = clock[:-6]
    whole, _, fraction = clock.partition(".")
    seconds = days_from_epoch(int(date[:4]), int(date[5:7]), int(date[8:10])) * 86400
    seconds += int(whole[:2]) * 3600 + int(whole[3:5]) * 60 + int(whole[6:8]) - offset
    return seconds, int((fraction + "000000000")[:9])


def go_string(seconds: int, nanoseconds: int = 0) -> str:
    """Go's Time.String in the local zone: 2006-01-02 15:04:05.999999999 -0700 MST."""
    local = time.localtime(seconds)
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    return time.strftime("%Y-%m-%d %H:%M:%S", local) + fraction + time.strftime(" %z %Z", local)


def rfc3339(seconds: int) -> str:
    """Go's time.RFC3339 in the local zone."""
    local = time.localtime(seconds)
    zone = time.strftime("%z", local)
    shown = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + shown


def ago(seconds: float) -> str:
    """How long ago a point in time was."""
    return f"{human_duration(time.time() - seconds)} ago"
