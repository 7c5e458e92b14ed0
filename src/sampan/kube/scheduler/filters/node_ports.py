"""NodePorts: are the ports of the node free that the pod wants for itself?"""

from collections.abc import Iterator

import numpy as np

from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.verdict import Mask, Reason, Rows

NAME = "NodePorts"
TEXT = "node(s) didn't have free ports for the requested pod ports"


def applies(query: Query) -> bool:
    return bool(query.shape.ports)


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    taken: Mask = np.zeros(query.cluster.size, np.bool_)
    for port in query.shape.ports:
        taken[query.cluster.ports.rows_with(port)] = True
    yield Reason(TEXT, taken[rows], False)


FILTER = Filter(NAME, reasons, applies)
