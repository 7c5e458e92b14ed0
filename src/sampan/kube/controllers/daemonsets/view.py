"""A DaemonSet as a decision sees it, and what a decision is. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sampan.kube.client.requests import Object
from sampan.kube.controllers.daemonsets.placement import NOWHERE, Placement
from sampan.kube.controllers.daemonsets.template import generation, is_updated, target_node
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.pods import is_available, is_finished, node_name

NORMAL, WARNING = "Normal", "Warning"


@dataclass(frozen=True)
class View:
    """By node: where pods are to run, those that there are, and for how many seconds failed ones are let be.

    `hash` is that of the template as it is now.
    """

    owner: Object
    hash: str
    placements: Mapping[str, Placement]
    pods: Mapping[str, list[Object]]
    now: float
    held: Mapping[str, float] = field(default_factory=dict)

    def placement(self, node: str) -> Placement:
        return self.placements.get(node, NOWHERE)

    @cached_property
    def _generation(self) -> str | None:
        return generation(self.owner)

    @cached_property
    def desired(self) -> int:
        """On how many nodes a pod is to run."""
        return sum(one.run for one in self.placements.values())

    @property
    def min_ready_seconds(self) -> int:
        return self.owner["spec"].get("minReadySeconds") or 0

    def is_available(self, pod: Object) -> bool:
        return is_available(pod, self.min_ready_seconds, self.now)

    def is_updated(self, pod: Object) -> bool:
        return is_updated(pod, self.hash, self._generation)


@dataclass(frozen=True)
class Plan:
    """Nodes to make pods for, and pods to be deleted; `killed`: nodes of failed ones among them."""

    create: tuple[str, ...] = ()
    delete: tuple[Object, ...] = ()
    events: tuple[tuple[str, str, str], ...] = ()  # type, reason, message
    killed: tuple[str, ...] = ()
    again: float | None = None  # seconds until a failed pod may be deleted
    waits: str = ""  # for what, in a sentence

    def __bool__(self) -> bool:
        return bool(self.create or self.delete)


NOTHING = Plan()


def by_node(pods: Iterable[Object]) -> dict[str, list[Object]]:
    """Without those that have ended and are on their way out: nothing is left to be done for them."""
    found: dict[str, list[Object]] = {}
    for pod in pods:
        node = target_node(pod)
        if node is not None and not (is_finished(pod) and is_going(pod)):
            found.setdefault(node, []).append(pod)
    for there in found.values():
        there.sort(key=_seniority)
    return found


def _seniority(pod: Object) -> tuple[bool, str, str]:
    """Those that are bound first, then the oldest."""
    metadata = pod["metadata"]
    return (
        not node_name(pod),
        metadata.get("creationTimestamp", ""),
        metadata["name"],
    )
