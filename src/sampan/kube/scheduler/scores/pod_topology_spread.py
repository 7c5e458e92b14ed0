"""PodTopologySpread: the fewer pods of the kind are in the node's domains, where that is only wished for."""

import math

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler import domains
from sampan.kube.scheduler.podterms import HOSTNAME, Constraint
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.scores.score import MOST, Score
from sampan.kube.scheduler.spreading import (
    NAME,
    constraints,
    demands_all_keys,
    included,
    pods,
    with_all_keys,
)
from sampan.kube.scheduler.verdict import ALL, Mask, Scores


def applies(query: Query) -> bool:
    return bool(constraints(query, hard=False))


def finish(query: Query, raw: Scores, feasible: Mask) -> Scores:
    wanted = constraints(query, hard=False)
    among = with_all_keys(query, wanted) if demands_all_keys(query) else query.cluster.rows()
    scored = feasible & among
    total = np.zeros(query.cluster.size)
    for one in wanted:
        labelled = query.cluster.label(one.topology_key).has(ALL)
        total += np.where(labelled, _crowding(query, one, scored, among) + (one.max_skew - 1), 0.0)
    return _normalised(np.floor(total + 0.5).astype(np.int64), scored)


def _crowding(query: Query, constraint: Constraint, scored: Mask, among: Mask) -> NDArray[np.float64]:
    """By row, how many such pods are in its domain; they weigh more the more domains there are."""
    column, counts = query.cluster.label(constraint.topology_key), pods(query, constraint)
    if constraint.topology_key == HOSTNAME:
        return counts.astype(np.float64) * math.log(np.count_nonzero(scored) + 2)
    numbers = domains.sums(column, np.where(included(query, constraint, among), counts, 0))
    there = np.zeros(len(numbers), np.bool_)
    there[column.ids[scored]] = True
    nameless = column.id_of("")
    if nameless is not None:  # a node without the label is in the domain of those where it is empty
        numbers[nameless] += numbers[0]
        there[0] &= not there[nameless]
    return numbers[column.ids].astype(np.float64) * math.log(np.count_nonzero(there) + 2)


def _normalised(raw: Scores, scored: Mask) -> Scores:
    if not scored.any():
        return np.zeros_like(raw)
    least, most = int(raw[scored].min()), max(0, int(raw[scored].max()))
    if not most:
        return np.where(scored, np.int64(MOST), np.int64(0))
    return np.where(scored, MOST * (most + least - raw) // most, 0)


SCORE = Score(NAME, finish=finish, applies=applies)
