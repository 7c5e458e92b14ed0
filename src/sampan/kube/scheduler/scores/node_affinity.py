"""NodeAffinity: the sum of the weights of the preferred terms that the node meets."""

import numpy as np

from sampan.kube.scheduler.filters.node_affinity import NAME
from sampan.kube.scheduler.nodematching import meets_all
from sampan.kube.scheduler.podinfo import preferences_of
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.scores.score import Points, Score, scaled
from sampan.kube.scheduler.verdict import Mask, Rows, Scores
from sampan.specs.kubernetes.nodeselectors import Term

PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def preferred(query: Query) -> tuple[tuple[int, Term], ...]:
    """The pod's own, and what the scheduler adds for all."""
    added = query.args(NAME).get("addedAffinity") or {}
    return (*query.shape.preferred_nodes, *preferences_of(added.get(PREFERRED)))


def applies(query: Query) -> bool:
    return bool(preferred(query))


def raw(query: Query, rows: Rows) -> Scores:
    found: Scores = np.zeros(query.cluster.size, np.int64)[rows]
    for weight, term in preferred(query):
        found = found + np.where(meets_all(query.cluster, term, rows), np.int64(weight), np.int64(0))
    return found


def finish(query: Query, raw: Scores, feasible: Mask) -> Points:
    return scaled(raw, feasible)


SCORE = Score(NAME, raw, finish, applies)
