"""What a StatefulSet's status says. Pure."""

from collections.abc import Iterable

from sampan.kube.client.requests import Object
from sampan.kube.controllers.statefulsets.identity import revision_of
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.pods import is_available, is_ready, phase

_COMPARED = (
    "replicas",
    "readyReplicas",
    "availableReplicas",
    "currentReplicas",
    "updatedReplicas",
    "currentRevision",
    "updateRevision",
)


def status_of(
    owner: Object, current: Object, update: Object, collisions: int, pods: Iterable[Object], now: float
) -> Object:
    found: Object = {
        "observedGeneration": owner["metadata"].get("generation", 0),
        "currentRevision": current["metadata"]["name"],
        "updateRevision": update["metadata"]["name"],
        "collisionCount": collisions,
    }
    found.update(dict.fromkeys(_COMPARED[:5], 0))
    seconds = owner["spec"].get("minReadySeconds") or 0
    for pod in pods:
        for name in _counted(pod, found["currentRevision"], found["updateRevision"], seconds, now):
            found[name] += 1
    return found


def _counted(pod: Object, current: str, update: str, seconds: int, now: float) -> list[str]:
    found = ["replicas"]
    if phase(pod) == "Running" and is_ready(pod):
        found.append("readyReplicas")
        if is_available(pod, seconds, now):
            found.append("availableReplicas")
    if not is_going(pod):
        revision = revision_of(pod)
        found += [
            name for name, of in (("currentReplicas", current), ("updatedReplicas", update)) if revision == of
        ]
    return found


def completed(owner: Object, status: Object) -> Object:
    """Once all pods are of the new revision and ready, that is the current one."""
    wanted = owner["spec"].get("replicas", 1)
    strategy = (owner["spec"].get("updateStrategy") or {}).get("type")
    counts = (status["updatedReplicas"], status["readyReplicas"], status["replicas"])
    if strategy != "RollingUpdate" or counts != (wanted, wanted, wanted):
        return status
    return {
        **status,
        "currentReplicas": status["updatedReplicas"],
        "currentRevision": status["updateRevision"],
    }


def is_news(owner: Object, status: Object) -> bool:
    """Does a status say anything that the set's does not?"""
    old = owner.get("status") or {}
    if status["observedGeneration"] > old.get("observedGeneration", 0):
        return True
    return any(status[name] != old.get(name, type(status[name])()) for name in _COMPARED)
