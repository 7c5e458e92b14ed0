"""How long ago, as kubectl shows it: k8s.io/apimachinery/pkg/util/duration."""

from datetime import datetime

from sampan.kube.kinds.resource import Column, Object

AGE = Column("Age", describe="metadata.creationTimestamp")

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_YEAR = 365 * _DAY


def seconds_of(timestamp: str) -> float:
    """A time of an object, of whole seconds or micros, in seconds since 1970."""
    return datetime.fromisoformat(timestamp).timestamp()


def age(timestamp: str | None, now: float) -> str:
    """Of what happened then; `<unknown>` of what has no time."""
    if not timestamp:
        return "<unknown>"
    return duration(now - seconds_of(timestamp))


def age_of(value: Object, now: float) -> str:
    """The cell of an object's AGE."""
    return age(value["metadata"].get("creationTimestamp"), now)


def labels_cell(labels: dict[str, str] | None) -> str:
    """Labels, or a selector that is as simple as they are."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def duration(seconds: float) -> str:
    """Two units at most, and one where the second says little (HumanDuration)."""
    # A clock may be behind by less than two seconds; beyond that there is no sense in it.
    if (whole := int(seconds)) < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    minutes = whole // _MINUTE
    if minutes < 10:
        return _two(minutes, "m", whole % _MINUTE, "s")
    if minutes < 3 * 60:
        return f"{minutes}m"
    hours = whole // _HOUR
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _two(hours // 24, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{hours // 24}d"
    if hours < 24 * 365 * 8:
        return _two(whole // _YEAR, "y", hours // 24 % 365, "d")
    return f"{whole // _YEAR}y"


def _two(one: int, unit: str, rest: int, smaller: str) -> str:
    return f"{one}{unit}{rest}{smaller}" if rest else f"{one}{unit}"
