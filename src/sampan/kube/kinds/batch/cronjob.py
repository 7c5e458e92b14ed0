"""CronJobs: jobs at certain times."""

import re
from typing import Any

from sampan.kube.kinds import workloads
from sampan.kube.kinds.ages import age, age_of
from sampan.kube.kinds.batch.jobspec import job_spec_errors, many_indexes_warnings
from sampan.kube.kinds.core.podspec.defaults import default_template
from sampan.kube.kinds.core.podspec.warnings import name_warnings
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.workloads import not_negative, spec_of, status_of
from sampan.specs.kubernetes import cron
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required
from sampan.specs.kubernetes.labelselector import shown

_POLICIES = ("Allow", "Forbid", "Replace")
_LONGEST_NAME = 52  # with the eleven characters that are added, a job's name is still a label
_ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")
_BOTH = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
_IN_SCHEDULE = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
_ZONE_WARNING = "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead"
_LOCAL = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"


def _default(value: Object) -> None:
    spec = value.setdefault("spec", {})
    if not spec.get("concurrencyPolicy"):
        spec["concurrencyPolicy"] = "Allow"
    for name, default in (
        ("suspend", False),
        ("successfulJobsHistoryLimit", 3),
        ("failedJobsHistoryLimit", 1),
    ):
        if spec.get(name) is None:
            spec[name] = default
    # Only what pods are made from: of the rest the job has its own defaults when it is made.
    job = spec.setdefault("jobTemplate", {}).setdefault("spec", {})
    default_template(job.setdefault("template", {}))


def _has_zone(schedule: str) -> bool:
    return "TZ" in schedule


def _spec_errors(spec: Object, before: Object) -> list[FieldError]:
    """`before`: the old spec, or an empty one."""
    zone, schedule = spec.get("timeZone"), spec.get("schedule", "")
    found: list[FieldError] = []
    if not schedule:
        found.append(required("spec.schedule"))
    else:
        found += _schedule_errors(schedule, zone, kept=_has_zone(before.get("schedule", "")))
    found += not_negative(spec, "spec", "startingDeadlineSeconds")
    if zone is not None and zone != before.get("timeZone"):
        found += _zone_errors(zone)
    policy = spec.get("concurrencyPolicy", "")
    if not policy:
        found.append(required("spec.concurrencyPolicy"))
    elif policy not in _POLICIES:
        found.append(not_supported("spec.concurrencyPolicy", policy, _POLICIES))
    found += _job_errors(spec.get("jobTemplate") or {}, "spec.jobTemplate")
    return found + not_negative(spec, "spec", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")


def _schedule_errors(schedule: str, zone: str | None, *, kept: bool) -> list[FieldError]:
    """`kept`: schedules had time zones once, and those that have one may keep it."""
    found: list[FieldError] = []
    try:
        own = cron.zone_of(schedule)
        if own and not _exists(own):
            raise cron.CronError(f"provided bad location {own}: unknown time zone {own}")
        cron.parse(schedule)
    except cron.CronError as error:
        found.append(invalid("spec.schedule", schedule, str(error)))
    if _has_zone(schedule) and (zone is not None or not kept):
        found.append(invalid("spec.schedule", schedule, _BOTH if kept else _IN_SCHEDULE))
    return found


def _zone_errors(zone: str) -> list[FieldError]:
    if not zone:
        return [invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string")]
    detail = f"unknown time zone {zone}"
    if not all(map(_ZONE_PART.fullmatch, zone.split("/"))):
        return [invalid("spec.timeZone", zone, detail)]
    found = [invalid("spec.timeZone", zone, _LOCAL)] if zone.lower() == "local" else []
    return found if _exists(zone) else [*found, invalid("spec.timeZone", zone, detail)]


def _exists(zone: str) -> bool:
    import zoneinfo

    if zone in ("UTC", "Local"):
        return True
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _job_errors(template: Object, path: str) -> list[FieldError]:
    spec = template.get("spec") or {}
    found = job_spec_errors(spec, f"{path}.spec")
    if (selector := spec.get("selector")) is not None:
        detail = "`selector` will be auto-generated"
        found.append(invalid(f"{path}.spec.selector", shown(selector), detail))
    if spec.get("manualSelector"):
        found.append(not_supported(f"{path}.spec.manualSelector", True, ("nil", "false")))
    return found


def _errors(value: Object, _context: Context) -> list[FieldError]:
    found = _spec_errors(spec_of(value), {})
    name = (value.get("metadata") or {}).get("name", "")
    if len(name.encode()) > _LONGEST_NAME:
        found.append(invalid("metadata.name", name, f"must be no more than {_LONGEST_NAME} characters"))
    return found


def _update_errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(spec_of(new), spec_of(old))


def _warnings(new: Object, old: Object | None, _context: Context) -> list[str]:
    spec = spec_of(new)
    found = name_warnings((new.get("metadata") or {}).get("name", "")) if old is None else []
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    found += many_indexes_warnings(job, "spec.jobTemplate.spec")
    found += workloads.changed_template_warnings(new, old, "spec.jobTemplate.spec.template")
    if _has_zone(spec.get("schedule", "")):
        found.append(_ZONE_WARNING)
    return found


def _cells(value: Object, now: float) -> list[Any]:
    spec, status = spec_of(value), status_of(value)
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    last = status.get("lastScheduleTime")
    return [
        spec.get("schedule", ""),
        spec.get("timeZone") if spec.get("timeZone") is not None else "<none>",
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        age(last, now) if last else "<none>",
        age_of(value, now),
        *workloads.containers_cells(job.get("template") or {}),
        workloads.selector_text(job.get("selector")),
    ]


RESOURCE = Resource(
    kind="CronJob",
    plural="cronjobs",
    group="batch",
    short_names=("cj",),
    categories=("all",),
    subresources=(workloads.status_subresource(lambda _new, _old, _context: []),),
    default=_default,
    prepare_create=workloads.fresh_status({}),
    prepare_update=workloads.keep_status,
    validate=_errors,
    validate_update=_update_errors,
    warnings=_warnings,
    generation=("spec",),
    reset_fields={"": ("status",), "status": ("spec",)},
    columns=(
        Column("Schedule", describe="spec.schedule"),
        Column("Timezone", describe="spec.timeZone"),
        Column("Suspend", type="boolean", describe="spec.suspend"),
        Column("Active", type="integer", describe="status.active"),
        Column("Last Schedule", describe="status.lastScheduleTime"),
        workloads.AGE,
        *workloads.CONTAINERS,
        Column("Selector", describe="spec.jobTemplate.spec.selector", priority=1),
    ),
    cells=_cells,
)
