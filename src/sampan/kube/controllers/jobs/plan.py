"""Which pods of a job are to be made and which are to go, while it has not ended. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from sampan.kube.client.requests import Object
from sampan.kube.controllers.jobs import perindex
from sampan.kube.controllers.jobs.facts import (
    completions_of,
    is_indexed,
    is_suspended,
    place_of,
    replaces_failed_only,
    spec_of,
)
from sampan.kube.controllers.jobs.view import View
from sampan.specs.kubernetes import indexes, pods

MOST = 500  # pods made or deleted at once


@dataclass(frozen=True)
class Plan:
    """Pods are made or deleted, not both at once: what is deleted may free an index."""

    delete: tuple[Object, ...] = ()
    create: tuple[int | None, ...] = ()  # indexes; None: the pod has none
    wait: float | None = None  # seconds until pods may be made that are wanted now


def plan(view: View) -> Plan:
    if is_suspended(view.job):
        return Plan(delete=view.active)
    wanted = _wanted(view)
    extra = _surplus(view, max(len(view.active) - wanted, 0))
    if extra:
        return Plan(delete=tuple(extra[:MOST]))
    going = view.terminating if replaces_failed_only(view.job) else 0
    missing = min(wanted - going - len(view.active), MOST)
    return _created(view, missing) if missing > 0 else Plan()


def _wanted(view: View) -> int:
    """How many pods are to run."""
    spec = spec_of(view.job)
    parallelism, completions = spec.get("parallelism", 1), spec.get("completions")
    if completions is None:
        return len(view.active) if view.succeeded else parallelism
    return int(max(min(completions - view.succeeded, parallelism), 0))


def _surplus(view: View, least: int) -> list[Object]:
    """Pods that are too many: at least so many, and all but one of each index."""
    found, rest = _misplaced(view) if is_indexed(view.job) else ([], list(view.active))
    if len(found) < least:
        found += pods.deletion_order(rest, None, view.now)[: least - len(found)]
    return found


def _misplaced(view: View) -> tuple[list[Object], list[Object]]:
    """The active pods that have no index, or another pod's, and those that are where they should be."""
    wrong, right = [], []
    placed = sorted(view.active, key=lambda pod: _order(place_of(pod, view.job)))
    for index, group in groupby(placed, key=lambda pod: place_of(pod, view.job)):
        same = pods.deletion_order(list(group), None, view.now)
        wrong += same if index is None else same[:-1]
        right += [] if index is None else same[-1:]
    return wrong, right


def _order(index: int | None) -> int:
    return -1 if index is None else index


def _created(view: View, missing: int) -> Plan:
    job = view.job
    if view.waiting is None:
        rest = view.backoff.left(view.now)
        if rest > 0:
            return Plan(wait=rest)
    if not is_indexed(job):
        return Plan(create=(None,) * missing)
    free = indexes.free(_taken(view), missing, completions_of(job))
    if view.waiting is None:
        return Plan(create=tuple(free))
    ready, wait = perindex.due(free, dict(view.waiting), view.now)
    return Plan(create=tuple(ready), wait=wait)


def _taken(view: View) -> "Sequence[indexes.Interval]":
    """Indexes that need no pod."""
    held = perindex.indexes_of(view.active)
    if replaces_failed_only(view.job):
        held |= perindex.indexes_of(_terminating(view.pods))
    return indexes.added([*view.succeeded_indexes, *(view.failed_indexes or ())], held)


def _terminating(members: Iterable[Object]) -> list[Object]:
    return [pod for pod in members if pods.is_terminating(pod)]
