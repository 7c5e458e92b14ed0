"""VolumeBinding: can the pod's volumes be used from the node, and are there some for claims without one?"""

from collections.abc import Iterator

from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.nodematching import nowhere
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import VOLUMES
from sampan.kube.scheduler.verdict import Reason, Rows
from sampan.kube.scheduler.volumes import claims_of, problem, prospect, reachable

NAME = "VolumeBinding"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
NONE_TO_BIND = "node(s) didn't find available persistent volumes to bind"
ELSEWHERE = "node(s) had volume node affinity conflict"
NO_SPACE = "node(s) did not have enough free storage"
NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"


def applies(query: Query) -> bool:
    return bool(query.shape.claims)


def refuses(query: Query) -> str | None:
    return problem(query) or (UNBOUND if claims_of(query).immediate else None)


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    """Of bound claims the first that is in the way tells why; what is wrong with others is told as well."""
    claims = claims_of(query)
    elsewhere, lost = nowhere(query.cluster, rows), nowhere(query.cluster, rows)
    for claim in claims.bound:
        volume = query.cluster.surroundings.get(VOLUMES, claim["spec"]["volumeName"])
        if volume is None:
            lost |= ~elsewhere
        else:
            elsewhere |= ~reachable(query, volume, rows) & ~lost
    yield Reason(ELSEWHERE, elsewhere, True)
    if claims.delayed:
        found = prospect(query, claims.delayed, rows)
        yield Reason(NONE_TO_BIND, found.impossible, True)
        yield Reason(NO_SPACE, found.no_space, True)
    yield Reason(NO_VOLUME, lost, True)


FILTER = Filter(NAME, reasons, applies, local=False, refuses=refuses)
