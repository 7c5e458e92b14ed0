"""Events of events.k8s.io/v1: those of core/v1 under other names, and more strictly judged.

pkg/apis/core/validation/events.go, pkg/apis/events/v1/conversion.go
"""

from functools import partial

from sampan.kube.kinds.core.event import ALWAYS, COLUMNS, FIELDS, HOUR, cells, legacy_errors, selected
from sampan.kube.kinds.resource import Context, Object, Resource
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required
from sampan.specs.kubernetes.object_meta import IMMUTABLE

# What events.k8s.io calls otherwise: (its name, core's).
_RENAMED = (
    ("reportingController", "reportingComponent"),
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
)
_MAY_LACK = ("reportingController", "reportingInstance", "note", "deprecatedCount")
# (as messages name it, as core/v1 does)
_FIXED = (
    ("involvedObject", "involvedObject"),
    ("reason", "reason"),
    ("message", "message"),
    ("source", "source"),
    ("firstTimestamp", "firstTimestamp"),
    ("lastTimestamp", "lastTimestamp"),
    ("count", "count"),
    ("reason", "reason"),
    ("type", "type"),
    ("eventTime", "eventTime"),
    ("action", "action"),
    ("related", "related"),
    ("reportingController", "reportingComponent"),
    ("reportingInstance", "reportingInstance"),
)
_ZEROS = {"count": 0, "involvedObject": {}, "source": {}, "related": None, "eventTime": None}


def to_core(value: Object) -> Object:
    """An event of events.k8s.io as core has it."""
    found = _renamed(value, dict(_RENAMED))
    for key, zero in ALWAYS.items():
        found.setdefault(key, zero)
    return found


def to_new(value: Object) -> Object:
    """An event of core as events.k8s.io has it."""
    found = _renamed(value, {ours: theirs for theirs, ours in _RENAMED})
    for key in _MAY_LACK:
        if not found.get(key):
            found.pop(key, None)
    return found


def _renamed(value: Object, other: dict[str, str]) -> Object:
    return {other.get(key, key): field for key, field in value.items()}


def _series_errors(event: Object) -> list[FieldError]:
    series = event.get("series")
    if series is None:
        return []
    found = []
    if series.get("count", 0) < 2:
        found.append(invalid("series.count", "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        found.append(required("series.lastObservedTime"))
    return found


def _validate(value: Object, _context: Context) -> list[FieldError]:
    event = to_core(value)
    found = legacy_errors(event) + _series_errors(event)
    if not event.get("eventTime"):
        found.append(required("eventTime"))
    if event.get("type") not in ("Normal", "Warning"):
        found.append(invalid("type", "", f"has invalid value: {event.get('type', '')}"))
    for field in ("firstTimestamp", "lastTimestamp", "count", "source"):
        if event.get(field):
            found.append(invalid(field, "", "needs to be unset"))
    return found


def _validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    after, before = to_core(new), to_core(old)
    found = legacy_errors(after)
    if after.get("series") != before.get("series"):
        found += _series_errors(after)
    for path, field in _FIXED:
        value = after.get(field, _ZEROS.get(field, ""))
        if value != before.get(field, _ZEROS.get(field, "")):
            found.append(invalid(path, value, IMMUTABLE))
    return found


def _selected(field: str, event: Object) -> str:
    return selected(field, to_core(event))


_NEW_NAMES = {"involvedObject": "regarding", "reportingComponent": "reportingController"}


def _new_name(field: str) -> str:
    head, dot, tail = field.partition(".")
    return _NEW_NAMES.get(head, head) + dot + tail


RESOURCE = Resource(
    kind="Event",
    plural="events",
    group="events.k8s.io",
    short_names=("ev",),
    validate=_validate,
    validate_update=_validate_update,
    create_on_update=True,
    ttl=HOUR,
    stored_as=("", "events"),
    to_stored=to_core,
    from_stored=to_new,
    selectable={_new_name(field): partial(_selected, field) for field in FIELDS if field != "source"},
    columns=COLUMNS,
    cells=lambda event, now: cells(to_core(event), now),
)
