"""Events of core/v1, kept for an hour; events.k8s.io has the same ones under other names (events/event.py).

pkg/apis/core/validation/events.go, pkg/registry/core/event, pkg/printers.
"""

from functools import partial

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required

HOUR = 3600
_MISMATCH = "does not match event.namespace"
# What Go writes of an event though it is empty.
ALWAYS: Object = {
    "involvedObject": {},
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}
_LONGEST = (("action", "action", 128), ("reason", "reason", 128), ("message", "message", 1024))


def legacy_errors(event: Object) -> list[FieldError]:
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


def _validate(value: Object, _context: Context) -> list[FieldError]:
    return legacy_errors(value)


def _validate_update(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    return legacy_errors(new)


def _text(value: Object, *path: str) -> str:
    for step in path:
        value = (value or {}).get(step) or {}
    return str(value) if value else ""


def _reporter(event: Object) -> str:
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent", "")
    instance = source.get("host") or event.get("reportingInstance", "")
    return f"{component}, {instance}" if instance else str(component)


def cells(event: Object, now: float) -> list[object]:
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


def selected(field: str, event: Object) -> str:
    if field == "source":
        return _text(event, "source", "component") or _text(event, "reportingComponent")
    return _text(event, *field.split("."))


_ABOUT = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
FIELDS = (
    *(f"involvedObject.{field}" for field in _ABOUT),
    "reason",
    "reportingComponent",
    "source",
    "type",
)


COLUMNS = (
    Column("Last Seen", describe="lastTimestamp"),
    Column("Type", describe="type"),
    Column("Reason", describe="reason"),
    Column("Object", describe="involvedObject"),
    Column("Subobject", describe="involvedObject.fieldPath", priority=1),
    Column("Source", describe="source", priority=1),
    Column("Message", describe="message"),
    Column("First Seen", describe="firstTimestamp", priority=1),
    Column("Count", describe="count", priority=1),
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
    ttl=HOUR,
    selectable={field: partial(selected, field) for field in FIELDS},
    empty=ALWAYS,
    columns=COLUMNS,
    cells=cells,
)
