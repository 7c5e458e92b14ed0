"""Timestamps and durations; cel-go's common/types/timestamp.go and duration.go"""

from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.overload import Row
from sampan.kube.schema.cel.values import Duration, Timestamp
from sampan.specs.golang import duration, time

SECOND = 1_000_000_000
_DAY = 86_400 * SECOND


def parse_time(text: str) -> Timestamp:
    try:
        return Timestamp(time.parse(text))
    except Invalid:
        message = "type conversion error from 'string' to 'google.protobuf.Timestamp'"
        raise CelEvaluationError(message) from None


def parse_duration(text: str) -> Duration:
    try:
        return Duration(duration.parse_duration(text))
    except Invalid:
        message = "type conversion error from 'string' to 'google.protobuf.Duration'"
        raise CelEvaluationError(message) from None


def show_time(value: Timestamp) -> str:
    days, rest = divmod(value.ns, _DAY)
    year, month, day = _date(days)
    seconds, fraction = divmod(rest, SECOND)
    text = (
        f"{year:04d}-{month:02d}-{day:02d}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    )
    return (f"{text}.{fraction:09d}".rstrip("0") if fraction else text) + "Z"


def show_duration(value: Duration) -> str:
    """In seconds: "3600s", "0.5s"."""
    whole, rest = divmod(abs(value.ns), SECOND)
    sign = "-" if value.ns < 0 else ""
    return f"{sign}{whole}" + (f".{rest:09d}".rstrip("0") if rest else "") + "s"


def _date(days: int) -> tuple[int, int, int]:
    """Of a day counted from 1970-01-01, in the Gregorian calendar."""
    shifted = days + 719_468  # from 0000-03-01, so that a leap day is a year's last
    era, of_era = divmod(shifted, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 + (month <= 2), month, day


def _zone(ns: int, zone: str) -> int:
    """Nanoseconds east of Greenwich at that moment: of "UTC", "+02:00", "02:00", "Europe/Berlin"."""
    if zone in ("UTC", ""):
        return 0
    body = zone[1:] if zone[0] in "+-" else zone
    hours, colon, minutes = body.partition(":")
    if colon:
        if not (hours.isdecimal() and minutes.isdecimal() and len(hours) <= 2 and len(minutes) <= 2):
            raise CelEvaluationError(f'strconv.Atoi: parsing "{hours}": invalid syntax')
        offset = int(hours) * 3600 + int(minutes) * 60
        return -offset * SECOND if zone[0] == "-" else offset * SECOND
    return _named_zone(ns, zone)


def _named_zone(ns: int, zone: str) -> int:
    import datetime
    import zoneinfo

    try:
        info = zoneinfo.ZoneInfo(zone)
        moment = datetime.datetime.fromtimestamp(ns // SECOND, info)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError, OverflowError):
        raise CelEvaluationError(f"unknown time zone {zone}") from None
    offset = moment.utcoffset()
    return int(offset.total_seconds()) * SECOND if offset else 0


def _calendar(name: str) -> Any:
    def get(value: Timestamp, zone: str = "") -> int:
        days, rest = divmod(value.ns + _zone(value.ns, zone), _DAY)
        year, month, day = _date(days)
        if name == "getDayOfYear":
            return days - (time.days(year, 1, 1))
        table = {
            "getFullYear": year,
            "getMonth": month - 1,
            "getDate": day,
            "getDayOfMonth": day - 1,
            "getDayOfWeek": (days + 4) % 7,
            "getHours": rest // (3600 * SECOND),
            "getMinutes": rest // (60 * SECOND) % 60,
            "getSeconds": rest // SECOND % 60,
            "getMilliseconds": rest // 1_000_000 % 1000,
        }
        return table[name]

    return get


def _of_duration(unit: int) -> Any:
    def get(value: Duration) -> int:
        whole = abs(value.ns) // unit
        return whole if value.ns >= 0 else -whole

    return get


_PARTS = (
    *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
)


def overloads() -> list[Row]:
    rows: list[Row] = []
    for name in _PARTS:
        do = _calendar(name)
        rows.append((name, f"timestamp_{name}", "timestamp . -> int", do))
        rows.append((name, f"timestamp_{name}_tz", "timestamp . string -> int", do))
    units = {
        "getHours": 3600 * SECOND,
        "getMinutes": 60 * SECOND,
        "getSeconds": SECOND,
        "getMilliseconds": 1_000_000,
    }
    for name, unit in units.items():
        rows.append((name, f"duration_{name}", "duration . -> int", _of_duration(unit)))
    return rows
