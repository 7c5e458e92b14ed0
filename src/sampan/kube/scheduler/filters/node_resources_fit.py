"""NodeResourcesFit: is there as much left of everything as the pod asks for?"""

from collections.abc import Iterator

import numpy as np

from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.requests import PODS
from sampan.kube.scheduler.verdict import Reason, Rows

NAME = "NodeResourcesFit"
FULL = "Too many pods"


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    """What is more than a node has at all, no pod's going away would give."""
    amounts = query.cluster.amounts
    pods = amounts.index(PODS)
    yield Reason(FULL, amounts.used[pods, rows] >= amounts.allocatable[pods, rows])
    args = query.args(NAME)
    ignored, groups = args.get("ignoredResources") or (), args.get("ignoredResourceGroups") or ()
    for name, number in query.shape.requests.asked.items():
        if number <= 0 or (extended(name) and (name in ignored or name.split("/")[0] in groups)):
            continue
        at = amounts.known(name)
        if at is None:
            nowhere = np.ones(query.cluster.size, np.bool_)[rows]
            yield Reason(f"Insufficient {name}", nowhere, True)
            continue
        allocatable = amounts.allocatable[at, rows]
        short = allocatable - amounts.used[at, rows] < number
        yield Reason(f"Insufficient {name}", short, allocatable < number)


def extended(name: str) -> bool:
    """Is it a resource that Kubernetes itself does not know? IsExtendedResourceName"""
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


FILTER = Filter(NAME, reasons)
