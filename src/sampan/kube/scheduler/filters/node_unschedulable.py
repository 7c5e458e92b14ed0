"""NodeUnschedulable: was the node taken out of service?"""

from collections.abc import Iterator

from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.verdict import Reason, Rows
from sampan.specs.kubernetes.taints import NO_SCHEDULE, UNSCHEDULABLE, tolerated

NAME = "NodeUnschedulable"
TEXT = "node(s) were unschedulable"
CORDONED = {"key": UNSCHEDULABLE, "effect": NO_SCHEDULE}  # what spec.unschedulable amounts to


def applies(query: Query) -> bool:
    return not tolerated(CORDONED, query.shape.tolerations)


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    yield Reason(TEXT, query.cluster.unschedulable[rows], True)


FILTER = Filter(NAME, reasons, applies)
