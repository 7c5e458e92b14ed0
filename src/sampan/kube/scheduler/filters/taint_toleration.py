"""TaintToleration: has the node a taint that the pod does not tolerate?"""

from collections.abc import Iterator

from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.nodematching import tainted
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.verdict import Reason, Rows

NAME = "TaintToleration"
TEXT = "node(s) had untolerated taint(s)"


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    yield Reason(TEXT, tainted(query.cluster, query.shape, rows), True)


FILTER = Filter(NAME, reasons)
