"""NodeSelectors over all nodes at once."""

from collections.abc import Iterable

import numpy as np

from sampan.kube.scheduler.columns import Cluster, Taints
from sampan.kube.scheduler.podinfo import Shape
from sampan.kube.scheduler.verdict import Mask, Rows
from sampan.specs.kubernetes import taints
from sampan.specs.kubernetes.nodeselectors import Requirement, Term


def everywhere(cluster: Cluster, rows: Rows) -> Mask:
    found: Mask = np.ones(cluster.size, np.bool_)[rows]
    return found


def nowhere(cluster: Cluster, rows: Rows) -> Mask:
    found: Mask = np.zeros(cluster.size, np.bool_)[rows]
    return found


def meets(cluster: Cluster, requirement: Requirement, rows: Rows) -> Mask:
    column = cluster.names if requirement.field else cluster.label(requirement.key)
    if requirement.operator == "In":
        return column.among(requirement.values, rows)
    if requirement.operator == "NotIn":
        return ~column.among(requirement.values, rows)
    if requirement.operator in ("Exists", "DoesNotExist"):
        there = column.has(rows)
        return there if requirement.operator == "Exists" else ~there
    return column.where(requirement.holds, rows)


def meets_all(cluster: Cluster, term: Term, rows: Rows) -> Mask:
    """All requirements of a term; nothing meets an empty one."""
    if not term:
        return nowhere(cluster, rows)
    found = meets(cluster, term[0], rows)
    for one in term[1:]:
        found &= meets(cluster, one, rows)
    return found


def meets_any(cluster: Cluster, terms: Iterable[Term], rows: Rows) -> Mask:
    found = nowhere(cluster, rows)
    for term in terms:
        found |= meets_all(cluster, term, rows)
    return found


def chosen(cluster: Cluster, shape: Shape, rows: Rows) -> Mask:
    """Where a pod's own node selector and required node affinity let it be."""
    if shape.node_terms is None:
        found = everywhere(cluster, rows)
    else:
        found = meets_any(cluster, shape.node_terms, rows)
    if shape.node_selector:
        found &= meets_all(cluster, shape.node_selector, rows)
    return found


def tainted(cluster: Cluster, shape: Shape, rows: Rows) -> Mask:
    """Where taints keep the pod off."""

    def off(found: Taints | None) -> bool:
        return taints.untolerated([one._asdict() for one in found or ()], shape.tolerations) is not None

    return cluster.taints.where(off, rows)
