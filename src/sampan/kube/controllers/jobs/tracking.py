"""A job's status: every pod that ends is counted in it once, whenever the controller may be stopped. Pure.

1. The uids of pods that have ended are written into `uncountedTerminatedPods`.
2. Their finalizers are removed.
3. Uids of pods that have no finalizer any more become numbers.

A pod with a finalizer is never in the numbers, and one without is never new.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from sampan.kube.client.requests import Object
from sampan.kube.controllers.jobs.ending import Ending
from sampan.kube.controllers.jobs.facts import (
    has_failed,
    is_indexed,
    place_of,
    spec_of,
    status_of,
    uid_of,
)
from sampan.kube.controllers.jobs.policies import failure
from sampan.kube.controllers.jobs.view import View
from sampan.specs.kubernetes import indexes, objects, pods, time
from sampan.specs.kubernetes.conditions import find, put

MOST = 500  # uncounted pods of one status: their uids take 20 KB
LARGEST = (1 << 31) - 1  # that a number of a status can be


@dataclass(frozen=True)
class Counting:
    status: Object  # to be written before any finalizer is removed
    release: tuple[Object, ...]  # pods that lose their finalizer then
    full: bool  # more have ended than are counted at once


@dataclass
class _Tally:
    succeeded: list[str]
    failed: list[str]
    indexes: list[int] = field(default_factory=list)
    release: list[Object] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return len(self.succeeded) + len(self.failed) + len(self.indexes) >= MOST


def count(view: View, status: Object, ending: Ending | None) -> Counting:
    """`status` has all but the numbers of pods that have ended."""
    held = {uid_of(pod) for pod in view.pods if view.is_new(pod)}
    status = settle(status, held)
    uncounted = status["uncountedTerminatedPods"]
    tally = _Tally(list(uncounted.get("succeeded") or ()), list(uncounted.get("failed") or ()))
    for pod in view.pods:
        if view.is_new(pod) and _may_go(view, pod, ending):
            tally.release.append(pod)
            _tally(view, pod, ending, tally)
            if tally.is_full:
                break
    status["uncountedTerminatedPods"] = _uncounted(tally.succeeded, tally.failed)
    if is_indexed(view.job):
        _put_indexes(view, status, tally.indexes)
    if ending is not None and not ending.said:
        first = condition(ending.first, ending.reason, ending.message, view.now)
        status["conditions"] = put(status.get("conditions"), first)
    return Counting(status, tuple(tally.release), tally.is_full)


def _may_go(view: View, pod: Object, ending: Ending | None) -> bool:
    """May a pod's finalizer be removed, once it is counted if it is to be?"""
    if objects.is_going(view.job) or ending is not None or pods.phase(pod) == "Succeeded":
        return True
    if not has_failed(pod, view.job):
        return False
    kept = (view.waiting or {}).get(_index(view, pod))
    return kept is None or uid_of(kept) != uid_of(pod)


def _index(view: View, pod: Object) -> int:
    index = place_of(pod, view.job)
    return -1 if index is None else index


def _tally(view: View, pod: Object, ending: Ending | None, tally: _Tally) -> None:
    uid, index = uid_of(pod), place_of(pod, view.job)
    if pods.phase(pod) == "Succeeded" and uid not in view.uncounted("failed"):
        if is_indexed(view.job):
            # That an index is done is not counted twice, so no uid has to be remembered.
            if index is not None and not indexes.contains(view.counted_indexes, index):
                tally.indexes.append(index)
        elif uid not in view.uncounted("succeeded"):
            tally.succeeded.append(uid)
    elif has_failed(pod, view.job) or (ending is not None and not ending.succeeds):
        placed = index is not None or not is_indexed(view.job)
        meaning = failure(spec_of(view.job).get("podFailurePolicy"), pod)
        if placed and meaning.counts and uid not in view.uncounted("failed"):
            tally.failed.append(uid)


def _put_indexes(view: View, status: Object, new: list[int]) -> None:
    done = indexes.added(view.counted_indexes, new)
    _put(status, "succeeded", indexes.count(done))
    _put(status, "completedIndexes", indexes.written(done))
    if view.failed_indexes is not None:
        status["failedIndexes"] = indexes.written(view.failed_indexes)
    else:
        status.pop("failedIndexes", None)


def settle(status: Object, held: Collection[str]) -> Object:
    """The status with the uids of pods that are not held by a finalizer any more as numbers."""
    status = dict(status)
    uncounted = status.get("uncountedTerminatedPods") or {}
    left = {}
    for kind in ("succeeded", "failed"):
        uids = uncounted.get(kind) or ()
        left[kind] = [uid for uid in uids if uid in held]
        _put(status, kind, min(status.get(kind, 0) + len(uids) - len(left[kind]), LARGEST))
    status["uncountedTerminatedPods"] = _uncounted(left["succeeded"], left["failed"])
    return status


def _uncounted(succeeded: list[str], failed: list[str]) -> Object:
    return {name: uids for name, uids in (("succeeded", succeeded), ("failed", failed)) if uids}


def finish(status: Object, ending: Ending, now: float) -> Object | None:
    """The status of a job that has ended; None: pods are still to be counted, or to go."""
    if any((status.get("uncountedTerminatedPods") or {}).values()) or status.get("terminating"):
        return None
    last = condition(ending.last, ending.reason, ending.message, now)
    found = {**status, "conditions": put(status.get("conditions"), last)}
    if ending.succeeds:
        found["completionTime"] = last["lastTransitionTime"]
    return found


def running(status: Object, active: int, ready: int, terminating: int) -> Object:
    """The status with what runs."""
    found = {**status, "ready": ready, "terminating": terminating}
    _put(found, "active", active)
    return found


def _put(status: Object, name: str, value: int | str) -> None:
    """As Kubernetes writes it: nothing for zero."""
    if value:
        status[name] = value
    else:
        status.pop(name, None)


def started(job: Object, now: float, *, again: bool = False) -> Object:
    """The status of a job that has begun, `again` if it was suspended."""
    status = dict(status_of(job))
    if again or not status.get("startTime"):
        status["startTime"] = time.text(now)
    return status


def condition(kind: str, reason: str, message: str, now: float, state: str = "True") -> Object:
    at = time.text(now)
    return {
        "type": kind,
        "status": state,
        "lastProbeTime": at,
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }


def suspension(status: Object, suspended: bool, now: float) -> Object | None:
    """The conditions of a job that was suspended or resumed just now; None: it was before."""
    state, word = ("True", "suspended") if suspended else ("False", "resumed")
    new = condition("Suspended", f"Job{word.capitalize()}", f"Job {word}", now, state)
    known = find(status.get("conditions"), "Suspended")
    if known is None and not suspended:
        return None
    if known is not None and all(known.get(name) == new[name] for name in ("status", "reason", "message")):
        return None
    return {**status, "conditions": put(status.get("conditions"), new)}
