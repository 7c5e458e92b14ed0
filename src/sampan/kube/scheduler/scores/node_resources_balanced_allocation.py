"""NodeResourcesBalancedAllocation: the more evenly the resources of the node would be used, the better."""

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.scores.node_resources_fit import EVENLY, Use, use_of
from sampan.kube.scheduler.scores.score import MOST, Score
from sampan.kube.scheduler.verdict import Rows, Scores

NAME = "NodeResourcesBalancedAllocation"

Fractions = NDArray[np.float64]


def resources(query: Query) -> list[str]:
    return [one.get("name") or "" for one in query.args(NAME).get("resources") or EVENLY]


def applies(query: Query) -> bool:
    """Not to a pod that asks for none of them: many such would all go to one node."""
    return any(query.shape.requests.asked.get(name) for name in resources(query))


def raw(query: Query, rows: Rows) -> Scores:
    found = (use_of(query, name, rows, assumed=False) for name in resources(query))
    uses = [use for use in found if use is not None]
    if not uses:
        return np.full(query.cluster.size, MOST, np.int64)[rows]
    counted = np.array([use.capacity != 0 for use in uses])
    fractions = np.array([_fraction(use) for use in uses])
    deviation = _deviation(fractions, counted)
    return ((1 - deviation) * MOST).astype(np.int64)


def _fraction(use: Use) -> Fractions:
    fraction = use.used / np.maximum(use.capacity, 1)
    return np.minimum(fraction, 1.0)


def _deviation(fractions: Fractions, counted: NDArray[np.bool_]) -> Fractions:
    """The standard deviation of those that are counted; of two by the short formula, as its bits differ."""
    if len(fractions) == 2:
        return np.where(counted.all(axis=0), np.abs((fractions[0] - fractions[1]) / 2), 0.0)
    number = np.maximum(counted.sum(axis=0), 1)
    total = np.zeros(fractions.shape[1])
    for one, here in zip(fractions, counted, strict=True):
        total += np.where(here, one, 0.0)
    mean, squares = total / number, np.zeros_like(total)
    for one, here in zip(fractions, counted, strict=True):
        squares += np.where(here, (one - mean) * (one - mean), 0.0)
    found = np.sqrt(squares / number)
    pairs = np.flatnonzero(number == 2)
    if len(pairs):
        spread = np.where(counted, fractions, -np.inf)[:, pairs].max(axis=0)
        spread = spread - np.where(counted, fractions, np.inf)[:, pairs].min(axis=0)
        found[pairs] = np.abs(spread / 2)
    return np.where(number < 2, 0.0, found)


SCORE = Score(NAME, raw, applies=applies)
