"""DynamicResources: the earlier the ways in which requests for devices are met, of those that they list."""

import numpy as np

from sampan.kube.scheduler.devices.allocator import Allocations
from sampan.kube.scheduler.devices.asking import requests_of
from sampan.kube.scheduler.devices.search import Search, search_of
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.scores.score import Points, Score, scaled
from sampan.kube.scheduler.verdict import Mask, Scores

WAYS = 8  # that a request can list


def applies(query: Query) -> bool:
    return bool(query.shape.resource_claims)


def finish(query: Query, raw: Scores, feasible: Mask) -> Points:
    search = search_of(query)
    rows = np.flatnonzero(feasible)
    if search is None or not len(rows) or not _has_ways(search):
        return 0
    points = raw.copy()
    for row, outcome in zip(rows, search.outcomes(query.cluster, rows), strict=True):
        points[row] = 0 if isinstance(outcome, str) else _points(search, outcome)
    return scaled(points, feasible)


def _has_ways(search: Search) -> bool:
    return any(one.get("firstAvailable") for claim in search.claims for one in requests_of(claim.claim))


def _points(search: Search, allocations: Allocations) -> int:
    """Of each request that lists some: most for the first way."""
    found = 0
    for claim, given in zip(search.claims, allocations, strict=True):
        chosen = {one.ask.name for one in given}
        for request, ways in zip(requests_of(claim.claim), claim.requests, strict=True):
            if request.get("firstAvailable"):
                found += sum(WAYS - at for at, ask in enumerate(ways) if ask.name in chosen)
    return found


SCORE = Score("DynamicResources", finish=finish, applies=applies)
