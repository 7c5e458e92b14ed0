"""Failures of each index for itself, of jobs with `backoffLimitPerIndex`. Pure.

How often an index has failed stands on its pods: a failed one is kept until its successor carries that on.
"""

from collections.abc import Collection, Iterable

from sampan.kube.client.requests import Object
from sampan.kube.controllers.jobs import backoff
from sampan.kube.controllers.jobs.facts import (
    completions_of,
    ended_at,
    has_failed,
    index_of,
    is_tracked,
    limit_per_index,
    place_of,
    spec_of,
    status_of,
)
from sampan.kube.controllers.jobs.policies import FAIL_INDEX, failure
from sampan.specs.kubernetes import indexes
from sampan.specs.kubernetes.objects import annotations_of

FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
_MOST = (1 << 31) - 1


def failed_indexes(job: Object, pods: Iterable[Object]) -> "list[indexes.Interval]":
    """Those that are known to have failed, and those of pods that have not been counted."""
    known = indexes.recover(status_of(job).get("failedIndexes") or "", completions_of(job))
    found = {place_of(pod, job) for pod in pods if is_tracked(pod) and _fails_index(pod, job)}
    return indexes.added(known, found - {None})  # type: ignore[arg-type]


def _fails_index(pod: Object, job: Object) -> bool:
    if not has_failed(pod, job):
        return False
    meaning = failure(spec_of(job).get("podFailurePolicy"), pod)
    if meaning.action == FAIL_INDEX:
        return True
    limit = limit_per_index(job)
    return meaning.counts and limit is not None and _number(pod, FAILURES) >= limit


def awaiting_successors(
    job: Object, pods: Iterable[Object], active: Collection[int], done: "indexes.Intervals"
) -> dict[int, Object]:
    """By index, the failed pod that is kept until the next one has taken over its number of failures.

    `active` have a successor; `done`, succeeded or failed, need none. Of several pods the last counts.
    """
    found: dict[int, Object] = {}
    for pod in pods:
        index = place_of(pod, job)
        if index is None or not has_failed(pod, job) or index in active or indexes.contains(done, index):
            continue
        if index not in found or _succeeds(pod, found[index]):
            found[index] = pod
    return found


def _succeeds(pod: Object, other: Object) -> bool:
    return _failures(other) <= _failures(pod) and ended_at(pod) >= ended_at(other)


def annotations(job: Object, replaced: Object | None) -> dict[str, str]:
    """What a new pod says of the failures of its index."""
    if replaced is None:
        return {FAILURES: "0"}
    counted, ignored = _number(replaced, FAILURES), _number(replaced, IGNORED)
    if failure(spec_of(job).get("podFailurePolicy"), replaced).counts:
        counted += 1
    else:
        ignored += 1
    return {FAILURES: str(counted), **({IGNORED: str(ignored)} if ignored else {})}


def due(wanted: Iterable[int], waiting: dict[int, Object], now: float) -> tuple[list[int], float | None]:
    """The indexes that may have a pod now, or if none may, in how many seconds the first may."""
    ready, least = [], None
    for index in wanted:
        failed = waiting.get(index)
        rest = 0.0 if failed is None else backoff.left(_failures(failed) + 1, ended_at(failed), now)
        if rest <= 0:
            ready.append(index)
        else:
            least = rest if least is None else min(least, rest)
    return ready, None if ready else least


def indexes_of(pods: Iterable[Object]) -> set[int]:
    return {index for pod in pods if (index := index_of(pod)) is not None}


def _failures(pod: Object) -> int:
    return _number(pod, FAILURES) + _number(pod, IGNORED)


def _number(pod: Object, name: str) -> int:
    """0 of a pod that says no number."""
    text = annotations_of(pod).get(name, "")
    return min(int(text), _MOST) if text.isascii() and text.isdigit() and len(text) < 19 else 0
