"""How many pods a set is to make, and which it is to take away. Pure; upstream's manageReplicas."""

from collections import Counter
from collections.abc import Iterable, Sequence

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes import pods

BURST = 500  # pods made or deleted at a time


def wanted(owner: Object) -> int:
    replicas = owner["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def to_create(owner: Object, active: Sequence[Object]) -> int:
    return max(0, min(wanted(owner) - len(active), BURST))


def to_delete(owner: Object, active: Sequence[Object], related: Iterable[Object], now: float) -> list[Object]:
    """Those whose loss hurts least; `related` are the pods of all sets of the same Deployment.

    Of equals that one goes first whose node has most of the related pods: there the sets of a Deployment
    double up during a rollout.
    """
    surplus = min(len(active) - wanted(owner), BURST)
    if surplus <= 0:
        return []
    if surplus >= len(active):
        return list(active)
    on_node = Counter(_node(pod) for pod in related if pods.is_active(pod))
    return pods.deletion_order(active, [on_node[_node(pod)] for pod in active], now)[:surplus]


def _node(pod: Object) -> str:
    return str(pod["spec"].get("nodeName") or "")
