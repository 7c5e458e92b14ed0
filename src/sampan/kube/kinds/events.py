"""Events: one kind under two groups' names, kept as core/v1 has them, for an hour.

pkg/apis/core/validation/events.go, pkg/apis/events/v1/conversion.go, pkg/registry/core/event, pkg/printers.
"""

from functools import partial

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required
from sampan.specs.kubernetes.object_meta import IMMUTABLE

_HOUR = 3600
_MISMATCH = "does not match event.namespace"
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
# What Go writes of an event though it is empty.
_ALWAYS_CORE: Object = {
    "involvedObject": {},
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}
_MAY_LACK = ("reportingController", "reportingInstance", "note", "deprecatedCount")
_LONGEST = (("action", "action", 128), ("reason", "reason", 128), ("message", "message", 1024))
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
    for key, zero in _ALWAYS_CORE.items():
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


def _legacy_errors(event: Object) -> list[FieldError]:
    """What holds for every event; `event` as core has it."""
    namespace = event["metadata"].get("namespace", "")
    about = (event.get("involvedObject") or {}).get("namespace", "")
    path = "involvedObject.namespace"
    found: list[FieldError] = []
    if not event.get("eventTime"):
        if namespace not in ("", "default") if not about else namespace != about:
            found.append(invalid(path, about, _MISMATCH))
    else:
        if not about and namespace not in ("default", "kube-system"):
            found.append(invalid(path, about, _MISMATCH))
        found += _reporter_errors(event)
    return found + [invalid("namespace", namespace, text) for text in names.dns1123_subdomain(namespace)]


def _reporter_errors(event: Object) -> list[FieldError]:
    controller, instance = event.get("reportingComponent", ""), event.get("reportingInstance", "")
    found = [] if controller else [required("reportingController")]
    found += [invalid("reportingController", controller, text) for text in names.qualified_name(controller)]
    if not instance:
        found.append(required("reportingInstance"))
    if names.size(instance) > 128:
        found.append(invalid("reportingInstance", "", "can have at most 128 characters"))
    for field, path, longest in _LONGEST:
        text = event.get(field, "")
        if not text and field != "message":
            found.append(required(path))
        if names.size(text) > longest:
            found.append(invalid(path, "", f"can have at most {longest} characters"))
    return found


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
    return _legacy_errors(value)


def _validate_new(value: Object, _context: Context) -> list[FieldError]:
    event = to_core(value)
    found = _legacy_errors(event) + _series_errors(event)
    if not event.get("eventTime"):
        found.append(required("eventTime"))
    if event.get("type") not in ("Normal", "Warning"):
        found.append(invalid("type", "", f"has invalid value: {event.get('type', '')}"))
    for field in ("firstTimestamp", "lastTimestamp", "count", "source"):
        if event.get(field):
            found.append(invalid(field, "", "needs to be unset"))
    return found


def _validate_update(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    return _legacy_errors(new)


def _validate_new_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    after, before = to_core(new), to_core(old)
    found = _legacy_errors(after)
    if after.get("series") != before.get("series"):
        found += _series_errors(after)
    for path, field in _FIXED:
        value = after.get(field, _ZEROS.get(field, ""))
        if value != before.get(field, _ZEROS.get(field, "")):
            found.append(invalid(path, value, IMMUTABLE))
    return found


def _text(value: Object, *path: str) -> str:
    for step in path:
        value = (value or {}).get(step) or {}
    return str(value) if value else ""


def _reporter(event: Object) -> str:
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent", "")
    instance = source.get("host") or event.get("reportingInstance", "")
    return f"{component}, {instance}" if instance else str(component)


def _cells(event: Object, now: float) -> list[object]:
    first = age(event.get("firstTimestamp") or event.get("eventTime"), now)
    last = age(event["lastTimestamp"], now) if event.get("lastTimestamp") else first
    count = event.get("count") or 1
    if (series := event.get("series")) is not None:
        last, count = age(series.get("lastObservedTime"), now), series.get("count", 0)
    about = event.get("involvedObject") or {}
    target = about.get("kind", "").lower()
    if about.get("name"):
        target += f"/{about['name']}"
    return [
        last,
        event.get("type", ""),
        event.get("reason", ""),
        target,
        about.get("fieldPath", ""),
        _reporter(event),
        event.get("message", "").strip(),
        first,
        count,
    ]


def _selectable(field: str, event: Object) -> str:
    if field == "source":
        return _text(event, "source", "component") or _text(event, "reportingComponent")
    return _text(event, *field.split("."))


def _selectable_new(field: str, event: Object) -> str:
    return _selectable(field, to_core(event))


_ABOUT = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_FIELDS = (
    *(f"involvedObject.{field}" for field in _ABOUT),
    "reason",
    "reportingComponent",
    "source",
    "type",
)
_NEW_NAMES = {"involvedObject": "regarding", "reportingComponent": "reportingController"}


def _new_name(field: str) -> str:
    head, dot, tail = field.partition(".")
    return _NEW_NAMES.get(head, head) + dot + tail


def _columns(about: str, source: str, message: str, last: str, first: str, count: str) -> tuple[Column, ...]:
    return (
        Column("Last Seen", describe=last),
        Column("Type", describe="type"),
        Column("Reason", describe="reason"),
        Column("Object", describe=about),
        Column("Subobject", describe=f"{about}.fieldPath", priority=1),
        Column("Source", describe=source, priority=1),
        Column("Message", describe=message),
        Column("First Seen", describe=first, priority=1),
        Column("Count", describe=count, priority=1),
        Column("Name", format="name", describe="metadata.name", priority=1),
    )


RESOURCE = Resource(
    kind="Event",
    plural="events",
    short_names=("ev",),
    names="path-segment",
    judges_metadata=False,
    validate=_validate,
    validate_update=_validate_update,
    create_on_update=True,
    ttl=_HOUR,
    selectable={field: partial(_selectable, field) for field in _FIELDS},
    empty=_ALWAYS_CORE,
    columns=_columns("involvedObject", "source", "message", "lastTimestamp", "firstTimestamp", "count"),
    cells=_cells,
)

EVENTS_RESOURCE = Resource(
    kind="Event",
    plural="events",
    group="events.k8s.io",
    short_names=("ev",),
    validate=_validate_new,
    validate_update=_validate_new_update,
    create_on_update=True,
    ttl=_HOUR,
    stored_as=("", "events"),
    to_stored=to_core,
    from_stored=to_new,
    selectable={_new_name(field): partial(_selectable_new, field) for field in _FIELDS if field != "source"},
    columns=_columns(
        "regarding",
        "deprecatedSource",
        "note",
        "deprecatedLastTimestamp",
        "deprecatedFirstTimestamp",
        "deprecatedCount",
    ),
    cells=lambda event, now: _cells(to_core(event), now),
)
