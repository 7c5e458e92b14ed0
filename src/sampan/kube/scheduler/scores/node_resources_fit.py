"""NodeResourcesFit: how much would be left, or be used, or whatever a curve makes of how much would be used.

Of CPU and memory, containers that ask for nothing count with a little: a node with many of them is not empty.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sampan.kube.scheduler.filters.node_resources_fit import NAME
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.requests import CPU, MEMORY
from sampan.kube.scheduler.scores.score import MOST, Score
from sampan.kube.scheduler.verdict import Rows, Scores

EVENLY: tuple[Mapping[str, Any], ...] = ({"name": CPU, "weight": 1}, {"name": MEMORY, "weight": 1})
ASSUMED = {CPU: 0, MEMORY: 1}  # the row of Amounts.assumed


class Use(NamedTuple):
    """Of one resource, by row, as it would be with the pod; `capacity` 0: not to be looked at."""

    used: Scores
    capacity: Scores


def use_of(query: Query, resource: str, rows: Rows, *, assumed: bool) -> Use | None:
    """`assumed`: with something for who asks for no CPU or memory. None: it does not matter for this pod."""
    amounts, requests = query.cluster.amounts, query.shape.requests
    at = amounts.known(resource)
    own = (requests.assumed if assumed else requests.asked).get(resource, 0)
    if at is None or (not own and ("/" in resource or resource.startswith("hugepages-"))):
        return None
    before = amounts.assumed[ASSUMED[resource]] if assumed and resource in ASSUMED else amounts.used[at]
    used: Scores = before[rows] + own
    return Use(used, amounts.allocatable[at, rows])


def least(use: Use) -> Scores:
    """The more is left, the better."""
    room: Scores = np.maximum(use.capacity - use.used, 0)
    return room * MOST // np.maximum(use.capacity, 1)


def most(use: Use) -> Scores:
    """The more is used, the better."""
    return np.minimum(use.used, use.capacity) * MOST // np.maximum(use.capacity, 1)


def curve(shape: Sequence[Mapping[str, Any]]) -> Callable[[Use], Scores]:
    """Straight lines between points of utilization (percent) and score (up to ten)."""
    points = [(one.get("utilization") or 0, (one.get("score") or 0) * MOST // 10) for one in shape]

    def found(use: Use) -> Scores:
        percent = use.used * MOST // np.maximum(use.capacity, 1)
        percent = np.where((use.capacity == 0) | (use.used > use.capacity), MOST, percent)
        score = np.full_like(percent, points[-1][1] if points else 0)
        for at in range(len(points) - 1, -1, -1):
            score = np.where(percent <= points[at][0], _between(points, at, percent), score)
        return score

    return found


def _between(points: Sequence[tuple[int, int]], at: int, percent: Scores) -> Scores:
    """On the line that ends at a point; what Go's division cuts off is towards zero."""
    if not at:
        return np.full_like(percent, points[0][1])
    (x0, y0), (x1, y1) = points[at - 1], points[at]
    product = (y1 - y0) * (percent - x0)
    cut: Scores = np.sign(product) * (np.abs(product) // max(1, x1 - x0))
    return y0 + cut


def raw(query: Query, rows: Rows) -> Scores:
    strategy = query.args(NAME).get("scoringStrategy") or {}
    resources = strategy.get("resources") or EVENLY
    kind = strategy.get("type") or "LeastAllocated"
    if kind == "RequestedToCapacityRatio":
        shape = (strategy.get("requestedToCapacityRatio") or {}).get("shape") or ()
        return _mean(query, rows, resources, curve(shape), by_curve=True)
    return _mean(query, rows, resources, most if kind == "MostAllocated" else least)


def _mean(
    query: Query,
    rows: Rows,
    resources: Sequence[Mapping[str, Any]],
    points: Callable[[Use], Scores],
    *,
    by_curve: bool = False,
) -> Scores:
    """Weighted, of the resources that a node has; on a curve without those that get nothing, and rounded."""
    total: Scores = np.zeros(query.cluster.size, np.int64)[rows]
    weights = total.copy()
    for one in resources:
        weight = one.get("weight") or 1
        use = use_of(query, one.get("name") or "", rows, assumed=True)
        if use is None:
            continue
        score = points(use)
        counted = (use.capacity != 0) & ((score > 0) | (not by_curve))
        total += np.where(counted, score * weight, 0)
        weights += np.where(counted, weight, 0)
    if by_curve:
        return np.floor(total / np.maximum(weights, 1) + 0.5).astype(np.int64)
    return total // np.maximum(weights, 1)


SCORE = Score(NAME, raw)
