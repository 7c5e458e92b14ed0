"""A set's status, of its pods. Pure; upstream's calculateStatus"""

from collections.abc import Sequence

from sampan.kube.client.requests import Object
from sampan.kube.controllers.replicasets.choosing import wanted
from sampan.specs.kubernetes import objects, pods, time
from sampan.specs.kubernetes.labels import from_object
from sampan.specs.kubernetes.objects import labels_of

FAILURE = "ReplicaFailure"
COUNTS = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
WRITTEN = ("replicas", "terminatingReplicas", "observedGeneration")  # zeros too


def status(
    owner: Object, active: Sequence[Object], terminating: int | None, failure: str | None, now: float
) -> Object:
    """`failure`: why pods could not be made or deleted. `terminating`: None where the kind does not tell."""
    labels = from_object({"matchLabels": (owner["spec"]["template"].get("metadata") or {}).get("labels")})
    delay = min_ready_seconds(owner)
    ready = [pod for pod in active if pods.is_ready(pod)]
    counts = (
        sum(labels.matches(labels_of(pod)) for pod in active),
        len(ready),
        sum(pods.is_available(pod, delay, now) for pod in ready) if delay else len(ready),
    )
    found: Object = {"replicas": len(active)}
    found.update((name, count) for name, count in zip(COUNTS, counts, strict=True) if count)
    if terminating is not None:
        found["terminatingReplicas"] = terminating
    found["observedGeneration"] = owner["metadata"].get("generation", 0)
    conditions = _conditions(owner, len(active), failure, now)
    return {**found, "conditions": conditions} if conditions else found


def _conditions(owner: Object, active: int, failure: str | None, now: float) -> list[Object]:
    """A failure that is known already stays as it was told first."""
    known = (owner.get("status") or {}).get("conditions") or []
    if failure is None:
        return [one for one in known if one.get("type") != FAILURE]
    if objects.condition(owner, FAILURE) is not None:
        return list(known)
    missing = wanted(owner) - active
    reason = "FailedCreate" if missing > 0 else "FailedDelete" if missing < 0 else ""
    condition = {
        "type": FAILURE,
        "status": "True",
        "lastTransitionTime": time.text(now),
        "reason": reason,
        "message": failure,
    }
    return [*known, condition]


def differs(known: Object, new: Object) -> bool:
    """Is there news? Other zeros are left out by the server."""
    return {name: value for name, value in known.items() if value or name in WRITTEN} != new


def min_ready_seconds(owner: Object) -> int:
    return int(owner["spec"].get("minReadySeconds") or 0)


def next_look(owner: Object, active: Sequence[Object], now: float) -> float | None:
    """In how many seconds a ready pod will have been so for long enough."""
    delay = min_ready_seconds(owner)
    times = [at for pod in active if (at := pods.available_at(pod, delay)) is not None and at > now]
    return min(times) - now if delay and times else None
