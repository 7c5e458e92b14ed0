"""InterPodAffinity: pods in the node's domains that the pod likes, or that like the pod, by weight."""

from collections.abc import Iterator

import numpy as np

from sampan.kube.scheduler import domains
from sampan.kube.scheduler.counting import APART, NEAR, Counts
from sampan.kube.scheduler.filters.inter_pod_affinity import NAME
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.scores.score import MOST, Points, Score
from sampan.kube.scheduler.verdict import Mask, Scores


def finish(query: Query, raw: Scores, feasible: Mask) -> Points:
    found = raw
    for topology_key, counts, weight in _liking(query):
        column = query.cluster.label(topology_key)
        numbers = domains.sums(column, counts) * weight
        numbers[0] = 0
        found = found + numbers[column.ids]
    if found is raw or not feasible.any():
        return 0
    least, most = int(found[feasible].min()), int(found[feasible].max())
    if least == most:
        return 0
    return (MOST * ((found - least) / (most - least))).astype(np.int64)


def _liking(query: Query) -> Iterator[tuple[str, Counts, int]]:
    """The pod's own preferences, and those of the pods out there, to which what they require is one more."""
    counting, args = query.cluster.counting, query.args(NAME)
    own = query.shape.affinity.preferred
    for term in own:
        yield term.topology_key, counting.counts((term.predicate,), living=False), term.weight
    if args.get("ignorePreferredTermsOfExistingPods") and not own:
        return
    hard = args.get("hardPodAffinityWeight", 1)
    for one in counting.meaning(query.shape):
        weight = hard if one.kind == NEAR else one.term.weight
        if one.kind != APART and weight:
            yield one.term.topology_key, counting.carriers(one), weight


SCORE = Score(NAME, finish=finish)
