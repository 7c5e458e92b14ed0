"""On which nodes a DaemonSet's pods are to run. Pure; upstream's NodeShouldRunDaemonPod"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sampan.kube.client.requests import Object
from sampan.kube.controllers.daemonsets.template import tolerations
from sampan.specs.kubernetes import nodeselectors, taints
from sampan.specs.kubernetes.objects import labels_of


class Placement(NamedTuple):
    """Is a pod to start there if there is none, and may one stay that is there?"""

    run: bool
    stay: bool


NOWHERE = Placement(False, False)


@dataclass(frozen=True)
class Rule:
    """What a set's template asks of nodes."""

    node: str  # the only one, if that is not ""
    labels: nodeselectors.Term
    terms: nodeselectors.Terms | None
    tolerations: list[Object]

    def placement(self, node: Object) -> Placement:
        """A taint without NoExecute keeps pods from starting, and lets those stay that are there."""
        if not self._selects(node["metadata"]["name"], labels_of(node)):
            return NOWHERE
        tainted = (node.get("spec") or {}).get("taints")
        if taints.untolerated(tainted, self.tolerations) is None:
            return Placement(True, True)
        return Placement(False, taints.untolerated(tainted, self.tolerations, (taints.NO_EXECUTE,)) is None)

    def _selects(self, name: str, labels: dict[str, str]) -> bool:
        if self.node not in ("", name):
            return False
        if not all(one.holds(labels.get(one.key)) for one in self.labels):
            return False
        return self.terms is None or nodeselectors.matches(self.terms, name, labels)


def rule_of(owner: Object) -> Rule:
    spec = owner["spec"]["template"].get("spec") or {}
    by_node = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = by_node.get("requiredDuringSchedulingIgnoredDuringExecution")
    return Rule(
        spec.get("nodeName") or "",
        nodeselectors.labels_term(spec.get("nodeSelector") or {}),
        nodeselectors.terms_of(required) if required is not None else None,
        tolerations(spec),
    )


def placements(owner: Object, nodes: Iterable[Object]) -> dict[str, Placement]:
    """By the names of the nodes."""
    rule = rule_of(owner)
    return {node["metadata"]["name"]: rule.placement(node) for node in nodes}


def is_moved(owner: Object, old: Object, new: Object) -> bool:
    """Does a change of a node change what the set is to do there?"""
    rule = rule_of(owner)
    return rule.placement(old) != rule.placement(new)
