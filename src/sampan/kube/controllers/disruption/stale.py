"""Pods that were to go and stay all the same: after a while they are not called disrupted any more. Pure."""

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.conditions import put
from sampan.specs.kubernetes.disruption import DISRUPTION_TARGET
from sampan.specs.kubernetes.objects import condition, is_going
from sampan.specs.kubernetes.pods import is_finished

PATIENCE = 120.0  # seconds
BY_KUBELET = "TerminationByKubelet"  # which takes the time that the pod needs to end


def stale_in(pod: Object, now: float) -> float | None:
    """In how many seconds the condition is stale; None if there is none, or it is right."""
    found = condition(pod, DISRUPTION_TARGET)
    if found is None or found.get("status") != "True" or found.get("reason") == BY_KUBELET:
        return None
    if is_going(pod) or is_finished(pod):
        return None
    return max((times.seconds(found.get("lastTransitionTime")) or 0.0) + PATIENCE - now, 0.0)


def withdrawn(pod: Object, now: float) -> Object:
    """The pod without a word of disruption."""
    no_more = {"type": DISRUPTION_TARGET, "status": "False", "lastTransitionTime": times.text(now)}
    return {**pod, "status": {**pod["status"], "conditions": put(pod["status"].get("conditions"), no_more)}}
