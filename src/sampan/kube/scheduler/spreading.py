"""Which topology spread constraints hold for a pod: its own, or the defaults for pods that belong together.

Defaults have no selector: they spread what a pod's Services and its controller select. kube-scheduler's
podtopologyspread plugin, and DefaultSelector of its helpers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sampan.kube.scheduler.counting import Counts
from sampan.kube.scheduler.nodematching import chosen, tainted
from sampan.kube.scheduler.podinfo import Owner
from sampan.kube.scheduler.podterms import HOSTNAME, ZONE, Constraint, Predicate, selector_of
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import (
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    SERVICES,
    STATEFUL_SETS,
)
from sampan.kube.scheduler.verdict import ALL, Mask
from sampan.specs.kubernetes.labels import NOTHING, Requirement, Selector

NAME = "PodTopologySpread"
OWNERS = {
    ("v1", "ReplicationController"): REPLICATION_CONTROLLERS,
    ("apps/v1", "ReplicaSet"): REPLICA_SETS,
    ("apps/v1", "StatefulSet"): STATEFUL_SETS,
}
SYSTEM: tuple[Mapping[str, Any], ...] = (
    {"maxSkew": 3, "topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway"},
    {"maxSkew": 5, "topologyKey": ZONE, "whenUnsatisfiable": "ScheduleAnyway"},
)


def constraints(query: Query, *, hard: bool) -> list[Constraint]:
    """The hard ones must be met, the others would better be."""
    own = query.shape.constraints
    return [one for one in own or _defaults(query) if one.hard == hard]


def by_system(query: Query) -> bool:
    """Are the defaults those that are built in? Nodes without a zone are no worse for them."""
    return bool(query.args(NAME).get("defaultingType", "System") == "System")


def demands_all_keys(query: Query) -> bool:
    """Is a node without one of the constraints' labels left out of all of them?"""
    return bool(query.shape.constraints) or not by_system(query)


def included(query: Query, constraint: Constraint, among: Mask) -> Mask:
    """Those of the rows whose pods count, by the constraint's policies."""
    cluster, shape = query.cluster, query.shape
    if constraint.honors_affinity and (shape.node_terms is not None or shape.node_selector):
        among = among & chosen(cluster, shape, ALL)
    if constraint.honors_taints:
        among = among & ~tainted(cluster, shape, ALL)
    return among


def with_all_keys(query: Query, wanted: list[Constraint]) -> Mask:
    found = query.cluster.rows().copy()
    for one in wanted:
        found &= query.cluster.label(one.topology_key).has(ALL)
    return found


def pods(query: Query, constraint: Constraint) -> Counts:
    """How many pods of the constraint's kind there are, by row, without those that are being deleted."""
    if constraint.empty:
        return np.zeros(query.cluster.size, np.int32)
    return query.cluster.counting.counts((constraint.predicate,), living=True)


def _defaults(query: Query) -> tuple[Constraint, ...]:
    surroundings = query.cluster.surroundings
    owner = query.shape.owner
    watched = [SERVICES, *([OWNERS[owner[:2]]] if owner and owner[:2] in OWNERS else [])]
    versions = tuple(surroundings.version(one) for one in watched)
    key = (query.shape, query.profile)
    return query.cluster.defaults.get(key, versions, lambda: _find_defaults(query))


def _find_defaults(query: Query) -> tuple[Constraint, ...]:
    values = SYSTEM if by_system(query) else query.args(NAME).get("defaultConstraints") or ()
    selector = _selector(query) if values else NOTHING
    if not selector.requirements:
        return ()
    predicate = Predicate(frozenset((query.shape.namespace,)), NOTHING, selector)
    return tuple(
        Constraint(
            one.get("maxSkew") or 0,
            one.get("topologyKey") or "",
            one.get("whenUnsatisfiable") == "DoNotSchedule",
            predicate,
        )
        for one in values
    )


def _selector(query: Query) -> Selector:
    """What the pod's Services select, and what its controller does."""
    labels: dict[str, str] = {}
    for service in query.cluster.surroundings.all(SERVICES, query.shape.namespace):
        wanted = (service.get("spec") or {}).get("selector")
        if wanted is not None and wanted.items() <= query.shape.labels.items():
            labels.update(wanted)
    more = _owner_selector(query, query.shape.owner)
    return Selector([Requirement(key, "=", (value,)) for key, value in labels.items()] + more)


def _owner_selector(query: Query, owner: Owner | None) -> list[Requirement]:
    resource = OWNERS.get(owner[:2]) if owner else None
    if not owner or not resource:
        return []
    found = query.cluster.surroundings.get(resource, f"{query.shape.namespace}/{owner.name}")
    value: Mapping[str, Any] = ((found or {}).get("spec") or {}).get("selector") or {}
    if resource == REPLICATION_CONTROLLERS:
        value = {"matchLabels": value}
    return list(selector_of(value).requirements)
