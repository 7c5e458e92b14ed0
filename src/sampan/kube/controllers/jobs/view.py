"""A job and its pods at one moment, counted: what all decisions about it are made of. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from sampan.kube.client.requests import Object
from sampan.kube.controllers.jobs import perindex
from sampan.kube.controllers.jobs.backoff import Backoff
from sampan.kube.controllers.jobs.facts import (
    completions_of,
    has_failed,
    is_indexed,
    is_tracked,
    limit_per_index,
    place_of,
    spec_of,
    status_of,
    uid_of,
)
from sampan.kube.controllers.jobs.policies import failure
from sampan.specs.kubernetes import indexes, pods


@dataclass(frozen=True)
class View:
    """`succeeded` and `failed` are what the job's status will say once all that has ended is counted."""

    job: Object
    now: float
    pods: tuple[Object, ...]  # of an indexed job by their indexes
    active: tuple[Object, ...]
    terminating: int
    ready: int
    removing: frozenset[str]  # uids of pods whose finalizer is gone, though they do not show it yet
    succeeded: int
    failed: int
    backoff: Backoff
    counted_indexes: "tuple[indexes.Interval, ...]" = ()  # as the status says
    succeeded_indexes: "tuple[indexes.Interval, ...]" = ()
    failed_indexes: "tuple[indexes.Interval, ...] | None" = None  # None: they are not counted
    waiting: Mapping[int, Object] | None = None  # failed pods that are kept for their successors

    def uncounted(self, kind: str) -> Collection[str]:
        """Uids in the status that are not in its numbers yet; `kind`: "succeeded" or "failed"."""
        return (status_of(self.job).get("uncountedTerminatedPods") or {}).get(kind) or ()

    def is_new(self, pod: Object) -> bool:
        """Has it still to be looked at whether it counts?"""
        return is_tracked(pod) and uid_of(pod) not in self.removing


def look(
    job: Object, members: Iterable[Object], removing: Collection[str], backoff: Backoff, now: float
) -> View:
    """`backoff`: how it was with what the status has counted."""
    found = tuple(sorted(members, key=lambda pod: (place_of(pod, job) or 0, uid_of(pod))))
    active = tuple(pod for pod in found if pods.is_active(pod))
    removed = frozenset(removing)
    succeeded = _new(job, found, removed, "succeeded", lambda pod: pods.phase(pod) == "Succeeded")
    failed = _new(job, found, removed, "failed", lambda pod: has_failed(pod, job))
    policy = spec_of(job).get("podFailurePolicy")
    status = status_of(job)
    uncounted = status.get("uncountedTerminatedPods") or {}
    view = View(
        job=job,
        now=now,
        pods=found,
        active=active,
        terminating=sum(pods.is_terminating(pod) for pod in found),
        ready=sum(pods.is_ready(pod) for pod in active),
        removing=removed,
        succeeded=status.get("succeeded", 0) + len(succeeded) + len(uncounted.get("succeeded") or ()),
        failed=status.get("failed", 0)
        + sum(failure(policy, pod).counts for pod in failed)
        + len(uncounted.get("failed") or ()),
        backoff=backoff.after(succeeded, failed),
    )
    return _with_indexes(view) if is_indexed(job) else view


def _new(
    job: Object,
    members: Iterable[Object],
    removed: Collection[str],
    kind: str,
    ended: Callable[[Object], bool],
) -> list[Object]:
    """Pods that have ended and are not in the status."""
    known = (status_of(job).get("uncountedTerminatedPods") or {}).get(kind) or ()
    return [
        pod
        for pod in members
        if is_tracked(pod)
        and uid_of(pod) not in removed
        and uid_of(pod) not in known
        and (not is_indexed(job) or place_of(pod, job) is not None)
        and ended(pod)
    ]


def _with_indexes(view: View) -> View:
    job = view.job
    counted = indexes.recover(status_of(job).get("completedIndexes") or "", completions_of(job))
    new = {place_of(pod, job) for pod in view.pods if pods.phase(pod) == "Succeeded" and is_tracked(pod)}
    succeeded = indexes.added(counted, (index for index in new if index is not None))
    failed, waiting = None, None
    if limit_per_index(job) is not None:
        failed = perindex.failed_indexes(job, view.pods)
        fresh = [pod for pod in view.pods if view.is_new(pod)]
        done = indexes.union([*succeeded, *failed])
        waiting = perindex.awaiting_successors(job, fresh, perindex.indexes_of(view.active), done)
    return replace(
        view,
        counted_indexes=tuple(counted),
        succeeded_indexes=tuple(succeeded),
        succeeded=indexes.count(succeeded),
        failed_indexes=None if failed is None else tuple(failed),
        waiting=waiting,
    )
