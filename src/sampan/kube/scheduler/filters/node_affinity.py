"""NodeAffinity: is it a node that the pod's node selector and node affinity mean, and the scheduler's own?"""

from collections.abc import Iterator

from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.nodematching import chosen, meets_any
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.verdict import Reason, Rows
from sampan.specs.kubernetes.nodeselectors import Terms, terms_of

NAME = "NodeAffinity"
TEXT = "node(s) didn't match Pod's node affinity/selector"
ENFORCED = "node(s) didn't match scheduler-enforced node affinity"
CONFLICT = "pod affinity terms conflict"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def added(query: Query) -> Terms | None:
    """What the scheduler requires of all pods' nodes."""
    required = (query.args(NAME).get("addedAffinity") or {}).get(REQUIRED)
    return terms_of(required) if required else None


def applies(query: Query) -> bool:
    shape = query.shape
    return shape.node_terms is not None or bool(shape.node_selector) or added(query) is not None


def refuses(query: Query) -> str | None:
    """Terms that want several names at once."""
    return CONFLICT if query.shape.node_names == frozenset() else None


def names(query: Query) -> frozenset[str] | None:
    return query.shape.node_names


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    right = chosen(query.cluster, query.shape, rows)
    enforced = added(query)
    if enforced is not None:
        legal = meets_any(query.cluster, enforced, rows)
        yield Reason(ENFORCED, ~legal, True)
        right |= ~legal  # told already
    yield Reason(TEXT, ~right, True)


FILTER = Filter(NAME, reasons, applies, refuses=refuses, names=names)
