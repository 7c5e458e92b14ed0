"""NodeName: does the pod say another node?"""

from collections.abc import Iterator

from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.verdict import Reason, Rows

NAME = "NodeName"
TEXT = "node(s) didn't match the requested node name"


def applies(query: Query) -> bool:
    return bool(query.pod.node_name)


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    yield Reason(TEXT, ~query.cluster.names.among((query.pod.node_name,), rows), True)


# Pods of one shape need not say the same node.
FILTER = Filter(NAME, reasons, applies, local=False)
