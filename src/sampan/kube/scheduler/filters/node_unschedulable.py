"""NodeUnschedulable: was the node taken out of service?"""

from collections.abc import Iterator

from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.taints import CORDONED, tolerated
from sampan.kube.scheduler.verdict import Reason, Rows

NAME = "NodeUnschedulable"
TEXT = "node(s) were unschedulable"


def applies(query: Query) -> bool:
    return not tolerated(CORDONED, query.shape.tolerations)


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    yield Reason(TEXT, query.cluster.unschedulable[rows], True)


FILTER = Filter(NAME, reasons, applies)
