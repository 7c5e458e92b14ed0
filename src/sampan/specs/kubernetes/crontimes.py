"""The times of a schedule, as robfig/cron v3 finds them: by the clocks on the wall of a time zone. Pure.

A time that the clocks leave out is no time; one that they show twice comes twice.
"""

from sampan.specs.kubernetes.cron import Schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, tzinfo

YEARS = 5  # after which a schedule is taken for one that has no time: the 31st of February


def following(schedule: Schedule, after: float, zone: "tzinfo") -> int | None:
    """The first time after a time, both in seconds since 1970; None: there is none."""
    from datetime import datetime

    if schedule.every:
        return int(after // 1) + schedule.every
    start = int(after // 60 + 1) * 60
    try:
        first = datetime.fromtimestamp(start, zone).date()
        for day in _days(schedule, first):
            found = _first(schedule, day, start, zone)
            if found is not None:
                return found
    except (OverflowError, ValueError):  # beyond the year 9999
        return None
    return None


def _days(schedule: Schedule, first: "date") -> "Iterator[date]":
    """The days that fit, from one on."""
    from datetime import timedelta

    day, last = first, first.year + YEARS
    while day.year <= last:
        if day.month not in schedule.fields["month"]:
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            continue
        if _fits(schedule, day):
            yield day
        day += timedelta(days=1)


def _fits(schedule: Schedule, day: "date") -> bool:
    """A day must fit both fields if one of them says nothing, else either."""
    in_month = day.day in schedule.fields["day"]
    in_week = day.isoweekday() % 7 in schedule.fields["weekday"]
    if schedule.stars & {"day", "weekday"}:
        return in_month and in_week
    return in_month or in_week


def _first(schedule: Schedule, day: "date", start: int, zone: "tzinfo") -> int | None:
    """The first time of a day that is not before `start`."""
    from datetime import datetime, time

    best: int | None = None
    for hour in sorted(schedule.fields["hour"]):
        for fold in (0, 1):
            begin = datetime.combine(day, time(hour, tzinfo=zone, fold=fold))
            if fold and begin.utcoffset() == begin.replace(fold=0).utcoffset():
                continue
            for minute in sorted(schedule.fields["minute"]):
                wall = begin.replace(minute=minute)
                found = int(wall.timestamp())
                shown = datetime.fromtimestamp(found, zone)
                if found >= start and (best is None or found < best) and _same(shown, wall):
                    best = found
                    break
        if best is not None and not _may_repeat(day, hour, zone):
            return best
    return best


def _same(one: "object", other: "object") -> bool:
    """Do the clocks show this time at all?"""
    return all(getattr(one, name) == getattr(other, name) for name in ("day", "hour", "minute", "fold"))


def _may_repeat(day: "date", hour: int, zone: "tzinfo") -> bool:
    """Can a later hour of the day come before this one's end, because clocks are set back?"""
    from datetime import datetime, time, timedelta

    begin = datetime.combine(day, time(hour, tzinfo=zone))
    end = datetime.combine(day + timedelta(days=1), time(0, tzinfo=zone))
    return begin.utcoffset() != end.utcoffset()
