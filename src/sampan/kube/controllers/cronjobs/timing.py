"""When a CronJob's next job is due. Pure; pkg/controller/cronjob/utils.go of Kubernetes."""

import zoneinfo
from dataclasses import dataclass
from datetime import tzinfo

from sampan.kube.client.requests import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import cron, time
from sampan.specs.kubernetes.crontimes import following

TOO_MANY = 100  # missed times, of which somebody is told
DELTA = 0.1  # seconds after the time at which it is looked again
_UTC = zoneinfo.ZoneInfo("UTC")


class BadTiming(Exception):
    """Why a CronJob has no times: `reason` and message are the event's."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Timing:
    """A CronJob's schedule in its time zone."""

    schedule: cron.Schedule
    zone: tzinfo
    text: str

    def after(self, seconds: float) -> int | None:
        return following(self.schedule, seconds, self.zone)


@dataclass(frozen=True)
class Missed:
    """Since the last job: the latest time that has passed, and how many have."""

    latest: int | None
    count: int


def timing(cronjob: Object) -> Timing:
    """Raises BadTiming."""
    spec = cronjob.get("spec") or {}
    text, name = spec.get("schedule", ""), spec.get("timeZone")
    zone: tzinfo = _UTC
    if name is not None:
        zone = _zone(name, f"invalid timeZone: {quote(name)}: unknown time zone {name}", "UnknownTimeZone")
    try:
        own = cron.zone_of(text)
        if own and name is None:
            why = f"provided bad location {own}: unknown time zone {own}"
            zone = _zone(own, f"unparseable schedule: {quote(text)} : {why}", "UnparseableSchedule")
        return Timing(cron.parse(text), zone, text)
    except cron.CronError as error:
        message = f"unparseable schedule: {quote(text)} : {error}"
        raise BadTiming("UnparseableSchedule", message) from None


def _zone(name: str, message: str, reason: str) -> tzinfo:
    if name in ("", "Local"):  # a control plane's clocks show UTC
        return _UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise BadTiming(reason, message) from None


def began(cronjob: Object) -> float:
    """When its last job was due, or it was made."""
    last = time.seconds((cronjob.get("status") or {}).get("lastScheduleTime"))
    return last or time.seconds(cronjob["metadata"].get("creationTimestamp")) or 0.0


def missed(cronjob: Object, times: Timing, now: float, *, deadline: bool) -> Missed:
    """`deadline`: only those that may still be made up for. Raises BadTiming."""
    since = began(cronjob)
    seconds = (cronjob.get("spec") or {}).get("startingDeadlineSeconds")
    if deadline and seconds is not None:
        since = max(since, now - seconds)
    first = times.after(since)
    second = times.after(first) if first is not None else None
    if first is not None and now < first:
        return Missed(None, 0)
    if first is not None and second is not None and now < second:
        return Missed(first, 0)
    if first is None or second is None:
        why = "time difference between two schedules is less than 1 second"
        raise BadTiming("InvalidSchedule", f"invalid schedule: {times.text} : {why}")
    # Not all of them are gone through, which may be many: as if they had all the distance of the first two.
    step = second - first
    count = int(now - first) // step + 1
    return Missed(latest(times, first + (count - 2) * step, now), count)


def latest(times: Timing, since: float, now: float) -> int | None:
    """The last time after `since` that has come, found by halving: there may be half a million of them."""
    found = times.after(since)
    if found is None or found > now:
        return None
    end = int(now) + 1
    while (coming := times.after(found)) is not None and coming <= now:
        middle = (coming + end) // 2
        later = times.after(middle)
        if later is not None and later <= now:
            found = later
        else:
            found, end = coming, middle
    return found


def next_in(cronjob: Object, times: Timing, now: float) -> float | None:
    """Seconds until it is to be looked at again; None: never. Raises BadTiming."""
    try:
        passed = missed(cronjob, times, now, deadline=False)
    except BadTiming:
        start: float = now
    else:
        start = passed.latest if passed.latest is not None else (now if passed.count else began(cronjob))
    at = times.after(start)
    return None if at is None else max(at + DELTA - now, 0.0)
