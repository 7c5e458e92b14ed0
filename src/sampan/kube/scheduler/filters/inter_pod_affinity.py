"""InterPodAffinity: are pods there that the pod wants to be near to, and none that cannot be beside it?"""

from collections.abc import Iterator, Sequence

import numpy as np

from sampan.kube.scheduler import domains
from sampan.kube.scheduler.counting import APART, Carried, Counts
from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.nodematching import everywhere, nowhere
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.verdict import Mask, Reason, Rows

NAME = "InterPodAffinity"
NEAR_NONE = "node(s) didn't match pod affinity rules"
NEAR_SOME = "node(s) didn't match pod anti-affinity rules"
NOT_BORNE = "node(s) didn't satisfy existing pods anti-affinity rules"


def unbearing(query: Query) -> list[Carried]:
    """Anti-affinity terms of pods out there that mean this pod."""
    return [one for one in query.cluster.counting.meaning(query.shape) if one.kind == APART]


def applies(query: Query) -> bool:
    affinity = query.shape.affinity
    return bool(affinity.required or affinity.forbidden or unbearing(query))


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    lonely = ~_near(query, rows)
    yield Reason(NEAR_NONE, lonely, True)
    crowded = _crowded(query, rows) & ~lonely
    yield Reason(NEAR_SOME, crowded)
    unborne = nowhere(query.cluster, rows)
    for one in unbearing(query):
        counts = query.cluster.counting.carriers(one)
        unborne |= _beside(query, one.term.topology_key, counts, rows)
    yield Reason(NOT_BORNE, unborne & ~lonely & ~crowded)


def _near(query: Query, rows: Rows) -> Mask:
    """In the domains of all required terms there is a pod that meets all of them; or there is none anywhere.

    The first of pods that want to be near each other may be on any node that has the labels.
    """
    affinity, cluster = query.shape.affinity, query.cluster
    if not affinity.required:
        return everywhere(cluster, rows)
    counts = cluster.counting.counts(affinity.predicates, living=False)
    columns = {term.topology_key: cluster.label(term.topology_key) for term in affinity.required}
    there = {key: domains.with_any(column, counts) for key, column in columns.items()}
    if not any(one.any() for one in there.values()) and _means_itself(query):
        return _all([column.has(rows) for column in columns.values()])
    return _all([there[key][column.ids[rows]] for key, column in columns.items()])


def _all(masks: Sequence[Mask]) -> Mask:
    found: Mask = np.logical_and.reduce(masks)
    return found


def _means_itself(query: Query) -> bool:
    shape, counting = query.shape, query.cluster.counting
    return all(counting.matches(one, shape.namespace, shape.labels) for one in shape.affinity.predicates)


def _crowded(query: Query, rows: Rows) -> Mask:
    found = nowhere(query.cluster, rows)
    for term in query.shape.affinity.forbidden:
        counts = query.cluster.counting.counts((term.predicate,), living=False)
        found |= _beside(query, term.topology_key, counts, rows)
    return found


def _beside(query: Query, topology_key: str, counts: Counts, rows: Rows) -> Mask:
    """In whose domain is one of those?"""
    column = query.cluster.label(topology_key)
    return domains.with_any(column, counts)[column.ids[rows]]


FILTER = Filter(NAME, reasons, applies, local=False)
