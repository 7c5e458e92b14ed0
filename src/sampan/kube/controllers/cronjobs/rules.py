"""What is to happen to a CronJob and its jobs. Pure; Kubernetes' pkg/controller/cronjob."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.controllers.claims import owner_reference
from sampan.kube.controllers.cronjobs.timing import TOO_MANY, Timing, missed, next_in
from sampan.kube.controllers.events import Event
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import objects, time
from sampan.specs.kubernetes.cron import zone_of

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MANY_MISSED = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
ZONE_IN_SCHEDULE = (
    "CRON_TZ or TZ used in schedule {} is not officially supported, see "
    "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
)
FORBIDDEN = "Not starting job because prior execution is running and concurrency policy is Forbid"


@dataclass(frozen=True)
class Review:
    """A status that knows how its jobs are, and what there is to be told."""

    status: Object
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Due:
    """The time of the job that is to be made; None: none is, and it is looked again in `again` seconds."""

    at: int | None = None
    again: float | None = None
    events: tuple[Event, ...] = field(default=())


def spec_of(cronjob: Object) -> Object:
    found: Object = cronjob.get("spec") or {}
    return found


def active_of(cronjob: Object) -> list[Object]:
    """References to the jobs that run."""
    return list((cronjob.get("status") or {}).get("active") or ())


def outcome(job: Object) -> str:
    """ "Complete" or "Failed" of a job that has ended, else ""."""
    for kind in ("Complete", "Failed"):
        if objects.is_true(job, kind):
            return kind
    return ""


def is_own(cronjob: Object, job: Object) -> bool:
    """Does the CronJob control the job?"""
    reference = objects.owner(job)
    return reference is not None and reference.get("uid") == cronjob["metadata"]["uid"]


def strangers(cronjob: Object, jobs: Iterable[Object]) -> list[Object]:
    """Jobs of its that run, and are not in its status."""
    known = {one.get("uid") for one in active_of(cronjob)}
    return [job for job in jobs if job["metadata"]["uid"] not in known and not outcome(job)]


def review(cronjob: Object, jobs: Collection[Object], lost: Collection[str]) -> Review:
    """`lost`: uids of jobs in its status that are nowhere any more."""
    events = [_stranger(job) for job in strangers(cronjob, jobs)]
    status = dict(cronjob.get("status") or {})
    active = active_of(cronjob)
    known = {one.get("uid") for one in active}
    for job in jobs:
        end = outcome(job)
        if end and job["metadata"]["uid"] in known:
            active = [one for one in active if one.get("uid") != job["metadata"]["uid"]]
            told = f"Saw completed job: {job['metadata']['name']}, condition: {end}"
            events.append(Event(NORMAL, "SawCompletedJob", told))
        elif end == "Complete":
            _remember_success(status, job)
    for one in [one for one in active if (one.get("uid") or "") in lost]:
        events.append(Event(NORMAL, "MissingJob", f"Active job went missing: {one.get('name')}"))
        active.remove(one)
    return Review(with_active(status, active), tuple(events))


def _stranger(job: Object) -> Event:
    name = job["metadata"]["name"]
    message = f"Saw a job that the controller did not create or forgot: {name}"
    return Event(WARNING, "UnexpectedJob", message)


def _remember_success(status: Object, job: Object) -> None:
    ended = (job.get("status") or {}).get("completionTime")
    if ended and (time.seconds(status.get("lastSuccessfulTime")) or 0) < (time.seconds(ended) or 0):
        status["lastSuccessfulTime"] = ended


def with_active(status: Object, active: list[Object]) -> Object:
    rest = {key: value for key, value in status.items() if key != "active"}
    return {"active": active, **rest} if active else rest


def due(cronjob: Object, times: Timing, now: float) -> Due:
    """Whether a job is to be made now. Raises BadTiming."""
    spec, passed = spec_of(cronjob), missed(cronjob, times, now, deadline=True)
    again = next_in(cronjob, times, now)
    at = passed.latest
    events: list[Event] = []
    if zone_of(times.text) and spec.get("timeZone") is None:
        events.append(Event(WARNING, "UnsupportedSchedule", ZONE_IN_SCHEDULE.format(quote(times.text))))
    if at is None:
        return Due(again=again, events=tuple(events))
    if passed.count > TOO_MANY:
        events.append(Event(WARNING, "TooManyMissedTimes", MANY_MISSED))
    deadline = spec.get("startingDeadlineSeconds")
    if deadline is not None and at + deadline < now:
        told = f"Missed scheduled time to start a job: {format_datetime(datetime.fromtimestamp(at, UTC))}"
        return Due(again=again, events=(*events, Event(WARNING, "MissSchedule", told)))
    active = active_of(cronjob)
    last = time.seconds((cronjob.get("status") or {}).get("lastScheduleTime"))
    if last == at or any(one.get("name") == job_name(cronjob, at) for one in active):
        return Due(again=again, events=tuple(events))
    if spec.get("concurrencyPolicy") == "Forbid" and active:
        return Due(again=again, events=(*events, Event(NORMAL, "JobAlreadyActive", FORBIDDEN)))
    return Due(at, again, tuple(events))


def job_name(cronjob: Object, at: int) -> str:
    """One name for one time: what is made twice is refused by the server."""
    return f"{cronjob['metadata']['name']}-{at // 60}"


def job_of(cronjob: Object, times: Timing, at: int) -> Object:
    template = spec_of(cronjob).get("jobTemplate") or {}
    given = template.get("metadata") or {}
    shown = datetime.fromtimestamp(at, times.zone if spec_of(cronjob).get("timeZone") else UTC)
    stamp = shown.isoformat().replace("+00:00", "Z")
    metadata: Object = {
        "name": job_name(cronjob, at),
        "namespace": cronjob["metadata"]["namespace"],
        "annotations": {**(given.get("annotations") or {}), SCHEDULED: stamp},
        "ownerReferences": [owner_reference(cronjob)],
    }
    if given.get("labels"):
        metadata["labels"] = given["labels"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template.get("spec") or {}}


def reference_to(job: Object) -> Object:
    metadata = job["metadata"]
    return {
        "kind": "Job",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": "batch/v1",
        "resourceVersion": metadata["resourceVersion"],
    }


def surplus(cronjob: Object, jobs: Iterable[Object]) -> list[Object]:
    """Jobs that ended and are more than are to be kept: the oldest."""
    found = []
    ended = [(outcome(job), job) for job in jobs]
    for end, name in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
        limit = spec_of(cronjob).get(name)
        if limit is not None:
            kept = sorted((job for one, job in ended if one == end), key=_begun)
            found += kept[: max(len(kept) - limit, 0)]
    return found


def _begun(job: Object) -> tuple[float, str]:
    """Those that never began go last; of the same time by name."""
    started = time.seconds((job.get("status") or {}).get("startTime"))
    return (float("inf") if started is None else started, job["metadata"]["name"])
