"""PodTopologySpread: would the node's domain have too many more such pods than the emptiest one?"""

from collections.abc import Iterator

import numpy as np

from sampan.kube.scheduler import domains
from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.nodematching import nowhere
from sampan.kube.scheduler.podterms import Constraint
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.spreading import NAME, constraints, included, pods, with_all_keys
from sampan.kube.scheduler.verdict import Mask, Reason, Rows

TEXT = "node(s) didn't match pod topology spread constraints"
NO_LABEL = f"{TEXT} (missing required label)"


def applies(query: Query) -> bool:
    return bool(constraints(query, hard=True))


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    """The first constraint that is not met tells why."""
    wanted = constraints(query, hard=True)
    eligible = with_all_keys(query, wanted)
    told = nowhere(query.cluster, rows)
    for one in wanted:
        unlabelled = ~query.cluster.label(one.topology_key).has(rows) & ~told
        yield Reason(NO_LABEL, unlabelled, True)
        told |= unlabelled
        skewed = _skewed(query, one, included(query, one, eligible), rows) & ~told
        yield Reason(TEXT, skewed)
        told |= skewed


def _skewed(query: Query, constraint: Constraint, eligible: Mask, rows: Rows) -> Mask:
    column = query.cluster.label(constraint.topology_key)
    numbers = domains.sums(column, np.where(eligible, pods(query, constraint), 0))
    there = domains.known(column, eligible)
    least = 0
    if (found := np.count_nonzero(there)) and found >= constraint.min_domains:
        least = int(numbers[there].min())
    itself = constraint.predicate.selector.matches(query.shape.labels)
    return numbers[column.ids[rows]] + int(itself) - least > constraint.max_skew


FILTER = Filter(NAME, reasons, applies, local=False)
