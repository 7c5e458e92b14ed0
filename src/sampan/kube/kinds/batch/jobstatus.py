"""What a job's status must be like: most of it matters only where it changes, so that old ones stay writable.

k8s.io/kubernetes/pkg/registry/batch/job/strategy.go, pkg/apis/batch/validation/validation.go
"""

from collections.abc import Iterator

from sampan.kube.kinds.ages import seconds_of
from sampan.kube.kinds.batch.policies import without_value
from sampan.kube.kinds.resource import Context, Object
from sampan.kube.kinds.workloads import not_negative, spec_of, status_of
from sampan.specs.kubernetes import indexes
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, invalid, required
from sampan.specs.kubernetes.object_meta import IMMUTABLE

_COUNTERS = ("active", "succeeded", "failed", "ready", "terminating")
_CONDITIONS = "status.conditions"


def has_condition(value: Object, type_: str) -> bool:
    conditions = status_of(value).get("conditions") or ()
    return any(one.get("type") == type_ and one.get("status") == "True" for one in conditions)


def is_finished(value: Object) -> bool:
    return has_condition(value, "Complete") or has_condition(value, "Failed")


class _Change:
    """What of a job differs from what it was."""

    def __init__(self, new: Object, old: Object) -> None:
        self.new, self.old = new, old

    def of_field(self, *names: str) -> bool:
        one, other = status_of(self.new), status_of(self.old)
        return any((one.get(name) or None) != (other.get(name) or None) for name in names)

    def of_condition(self, *types: str) -> bool:
        return any(has_condition(self.new, one) != has_condition(self.old, one) for one in types)

    def of_end(self) -> bool:
        return is_finished(self.new) != is_finished(self.old)


def status_errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    change, status = _Change(new, old), status_of(new)
    found = not_negative(status, "status", *_COUNTERS)
    found += _uncounted_errors(status.get("uncountedTerminatedPods") or {}, "status.uncountedTerminatedPods")
    for check in (_end_errors, _finished_errors, _indexes_errors, _pods_errors, _success_errors):
        found += check(change)
    return [*found, *_transition_errors(change)]


def _uncounted_errors(pods: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for kind in ("succeeded", "failed"):
        for at, uid in enumerate(pods.get(kind) or ()):
            where = f"{path}.{kind}[{at}]"
            if not uid:
                found.append(invalid(where, uid, "must not be empty"))
            elif uid in seen:
                found.append(duplicate(where, uid))
            seen.add(uid)
    return found


def _both(value: Object, *types: str) -> bool:
    return all(has_condition(value, type_) for type_ in types)


def _end_errors(change: _Change) -> Iterator[FieldError]:
    new, status = change.new, status_of(change.new)
    complete, completed = has_condition(new, "Complete"), status.get("completionTime")
    for type_ in ("Failed", "FailureTarget"):
        if change.of_condition("Complete", type_) and _both(new, "Complete", type_):
            yield without_value(_CONDITIONS, f"cannot set Complete=True and {type_}=true conditions")
    if change.of_condition("Complete") or change.of_field("completionTime"):
        if completed and not complete:
            detail = "cannot set completionTime when there is no Complete=True condition"
            yield invalid("status.completionTime", completed, detail)
        if complete and not completed:
            yield required("status.completionTime", "completionTime is required for Complete jobs")
    started = status.get("startTime")
    backwards = started and completed and seconds_of(completed) < seconds_of(started)
    if backwards and change.of_field("startTime", "completionTime"):
        yield invalid("status.completionTime", completed, "must be equal to or after `startTime`")
    for type_, first in (("Failed", "FailureTarget"), ("Complete", "SuccessCriteriaMet")):
        if change.of_condition(type_, first) and has_condition(new, type_) and not has_condition(new, first):
            detail = f"cannot set {type_}=True condition without the {first}=true condition"
            yield without_value(_CONDITIONS, detail)


def _finished_errors(change: _Change) -> Iterator[FieldError]:
    new, status = change.new, status_of(change.new)
    if not is_finished(new):
        return
    ends = change.of_end()
    if (active := status.get("active", 0)) > 0 and (ends or change.of_field("active")):
        yield invalid("status.active", active, "active>0 is invalid for finished job")
    idle = spec_of(new).get("suspend") and spec_of(new).get("completions") == 0
    if not status.get("startTime") and (ends or change.of_field("startTime")) and not idle:
        yield required("status.startTime", "startTime is required for finished job")
    uncounted = status.get("uncountedTerminatedPods") or {}
    if (ends or change.of_field("uncountedTerminatedPods")) and any(uncounted.values()):
        path = "status.uncountedTerminatedPods"
        yield invalid(path, uncounted, "uncountedTerminatedPods needs to be empty for finished job")


def _indexes_errors(change: _Change) -> Iterator[FieldError]:
    spec, status = spec_of(change.new), status_of(change.new)
    completions, per_index = spec.get("completions"), spec.get("backoffLimitPerIndex")
    completed, failed = status.get("completedIndexes", ""), status.get("failedIndexes")
    done: list[tuple[int, int]] | None = None
    lost: list[tuple[int, int]] | None = None
    changed = change.of_field("completedIndexes"), change.of_field("failedIndexes")
    if completions is not None:
        done, why = _read(completed, completions)
        if why and changed[0]:
            yield invalid("status.completedIndexes", completed, f"error parsing completedIndexes: {why}")
    if completions is not None and failed is not None:
        lost, why = _read(failed, completions)
        if why and changed[1] and per_index is not None:
            yield invalid("status.failedIndexes", failed, f"error parsing failedIndexes: {why}")
    if changed[0] and completed and spec.get("completionMode") != "Indexed":
        detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
        yield invalid("status.completedIndexes", completed, detail)
    if changed[1] and failed is not None and per_index is None:
        detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        yield invalid("status.failedIndexes", failed, detail)
    if any(changed) and done and lost and (index := indexes.shared(done, lost)) is not None:
        detail = f"failedIndexes and completedIndexes overlap at index: {index}"
        yield invalid("status.failedIndexes", failed, detail)


def _read(text: str, completions: int) -> tuple[list[tuple[int, int]] | None, str]:
    """Or why it cannot be read."""
    try:
        return indexes.read(text, completions), ""
    except indexes.IndexesError as error:
        return None, str(error)


def _pods_errors(change: _Change) -> Iterator[FieldError]:
    status = status_of(change.new)
    terminating, ready, active = (status.get(name) or 0 for name in ("terminating", "ready", "active"))
    if terminating > 0 and is_finished(change.new) and (change.of_end() or change.of_field("terminating")):
        yield invalid("status.terminating", terminating, "terminating>0 is invalid for finished job")
    if ready > active and change.of_field("ready", "active"):
        yield invalid("status.ready", ready, "cannot set more ready pods than active")


def _success_errors(change: _Change) -> Iterator[FieldError]:
    new = change.new
    met = has_condition(new, "SuccessCriteriaMet")
    for type_ in ("Failed", "FailureTarget"):
        if met and has_condition(new, type_):
            yield without_value(
                _CONDITIONS, f"cannot set SuccessCriteriaMet=True and {type_}=true conditions"
            )
    if spec_of(new).get("successPolicy") and not met and has_condition(new, "Complete"):
        detail = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        yield without_value(_CONDITIONS, detail)


def _transition_errors(change: _Change) -> Iterator[FieldError]:
    new, old = change.new, change.old
    for type_ in ("Failed", "Complete", "FailureTarget"):
        if has_condition(old, type_) and not has_condition(new, type_):
            yield without_value(_CONDITIONS, f"cannot disable the terminal {type_}=True condition")
    yield from _counters_errors(new, old)
    status, before = status_of(new), status_of(old)
    completed = status.get("completionTime")
    if completed and before.get("completionTime") and change.of_field("completionTime"):
        yield invalid("status.completionTime", completed, IMMUTABLE)
    if before.get("startTime") and change.of_field("startTime") and not spec_of(new).get("suspend"):
        yield required("status.startTime", "startTime cannot be removed for unsuspended job")
    met, was = (has_condition(value, "SuccessCriteriaMet") for value in (new, old))
    if was and not met:
        yield without_value(_CONDITIONS, "cannot disable the SuccessCriteriaMet=True condition")
    if met and not was and has_condition(old, "Complete"):
        detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        yield without_value(_CONDITIONS, detail)


def _counters_errors(new: Object, old: Object) -> Iterator[FieldError]:
    spec, status, before = spec_of(new), status_of(new), status_of(old)
    # An indexed job that runs all of its indexes at once can be scaled down.
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    for name in ("failed",) if elastic else ("failed", "succeeded"):
        if status.get(name, 0) < before.get(name, 0):
            yield invalid(f"status.{name}", status.get(name, 0), f"cannot decrease the {name} counter")
