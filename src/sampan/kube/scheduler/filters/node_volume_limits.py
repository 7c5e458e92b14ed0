"""NodeVolumeLimits: can so many volumes be attached to the node, by what its CSI drivers say?

Counting a node's volumes is slow, so that it is done only where there could be too many.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from sampan.kube.scheduler.attaching import Attachment, attached, attachment, limits, on_row
from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.verdict import Mask, Reason, Rows

NAME = "NodeVolumeLimits"
TEXT = "node(s) exceed max volume count"


def applies(query: Query) -> bool:
    return bool(query.shape.claims)


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    cluster, namespace = query.cluster, query.shape.namespace
    found = (attachment(cluster, f"{namespace}/{use.name}") for use in query.shape.claims)
    new = {one for one in found if one is not None}
    there = {
        driver: limit for driver, limit in limits(cluster).items() if any(one.driver == driver for one in new)
    }
    full: Mask = np.zeros(cluster.size, np.bool_)
    if there:
        others = attached(cluster)
        extra = np.zeros(cluster.size, np.int64)
        for row, more in others.items():
            extra[row] = len(more)
        for driver, limit in there.items():
            wanted = sum(one.driver == driver for one in new)
            doubtful = (limit >= 0) & (cluster.claims.number + extra + wanted > limit)
            for row in np.flatnonzero(doubtful).tolist():
                now = on_row(cluster, row, others.get(row, ()))
                full[row] |= _too_many(now, new, driver, int(limit[row]))
    yield Reason(TEXT, full[rows])


def _too_many(now: set[Attachment], new: set[Attachment], driver: str, limit: int) -> bool:
    counts, more = Counter(one.driver for one in now), Counter(one.driver for one in new - now)
    return bool(more[driver]) and counts[driver] + more[driver] > limit


FILTER = Filter(NAME, reasons, applies, local=False)
