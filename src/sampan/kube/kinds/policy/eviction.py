"""Evictions: deletions of pods that their disruption budgets must allow.

k8s.io/kubernetes/pkg/registry/core/pod/storage/eviction.go
"""

from collections.abc import Sequence

from sampan.kube.kinds.resource import Object
from sampan.kube.kinds.workloads import spec_of, status_of
from sampan.specs.kubernetes import labels as selectors
from sampan.specs.kubernetes import status
from sampan.specs.kubernetes.labelselector import can_select
from sampan.specs.kubernetes.objects import copied

_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_TOO_BIG = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
_RETRY = 10  # seconds
_MOST_DISRUPTED = 2000
_ALLOWED = "DisruptionAllowed"


def is_free(pod: Object) -> bool:
    """Is nothing disrupted by its end, whatever a budget says?"""
    gone = (pod.get("metadata") or {}).get("deletionTimestamp")
    return bool(gone) or status_of(pod).get("phase") in ("Succeeded", "Failed", "Pending")


def _is_ready(pod: Object) -> bool:
    conditions = status_of(pod).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def budget_of(pod: Object, budgets: Sequence[Object]) -> Object | None:
    """The pod's budget; raises StatusError if there are several."""
    labels = (pod.get("metadata") or {}).get("labels") or {}
    found = [one for one in budgets if _selects(spec_of(one).get("selector"), labels)]
    if len(found) > 1:
        raise status.StatusError("", _SEVERAL, None, 500)
    return found[0] if found else None


def _selects(selector: Object | None, labels: dict[str, str]) -> bool:
    if selector is None or not can_select(selector):
        return False
    return bool(selectors.from_object(selector).matches(labels))


def spares(budget: Object, pod: Object) -> bool:
    """May this pod go without the budget's counting it, as it is of no use at present?"""
    if _is_ready(pod):
        return False
    if spec_of(budget).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    desired = status_of(budget).get("desiredHealthy", 0)
    return bool(0 < desired <= status_of(budget).get("currentHealthy", 0))


def charged(budget: Object, pod: str, now: str) -> Object:
    """The budget when the pod is gone; raises StatusError if it allows none."""
    name, state = budget["metadata"]["name"], status_of(budget)
    if state.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise too_many(name)
    allowed = state.get("disruptionsAllowed", 0)
    if allowed < 0:
        raise _forbidden(name, "pdb disruptions allowed is negative")
    if len(state.get("disruptedPods") or {}) > _MOST_DISRUPTED:
        raise _forbidden(name, _TOO_BIG)
    if allowed == 0:
        raise _violation(_why(name, state))
    found = copied(budget)
    state = found["status"]
    state["disruptionsAllowed"] = allowed - 1
    state["disruptedPods"] = {**(state.get("disruptedPods") or {}), pod: now}
    if allowed == 1:
        _exhaust(state, now)
    return found


def _exhaust(state: Object, now: str) -> None:
    conditions = state.setdefault("conditions", [])
    condition = next((one for one in conditions if one.get("type") == _ALLOWED), None)
    if condition is None:
        condition = {"type": _ALLOWED, "message": ""}
        conditions.append(condition)
    if condition.get("status") != "False":
        condition["lastTransitionTime"] = now
    condition.update(status="False", reason="InsufficientPods")
    if state.get("observedGeneration"):
        condition["observedGeneration"] = state["observedGeneration"]


def _forbidden(name: str, why: str) -> status.StatusError:
    return status.forbidden("policy", "poddisruptionbudget", name, why)


def _why(name: str, state: Object) -> str:
    for condition in state.get("conditions") or ():
        failed = condition.get("status") == "False" and condition.get("reason") == "SyncFailed"
        if condition.get("type") == _ALLOWED and failed:
            why = condition.get("message", "")
            return (
                f"The disruption budget {name} does not allow evicting pods currently "
                f"because it failed sync: {why}"
            )
    desired, current = state.get("desiredHealthy", 0), state.get("currentHealthy", 0)
    return f"The disruption budget {name} needs {desired} healthy pods and has {current} currently"


def _violation(why: str, seconds: int = 0) -> status.StatusError:
    details: Object = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if seconds:
        details["retryAfterSeconds"] = seconds
    return status.StatusError("TooManyRequests", _VIOLATED, details)


def too_many(name: str) -> status.StatusError:
    """Of a budget whose state is not known at present."""
    return _violation(f"The disruption budget {name} is still being processed by the server.", _RETRY)


def disrupted(pod: Object, now: str) -> Object:
    """The pod with a word of why it goes."""
    found = copied(pod)
    conditions = found.setdefault("status", {}).setdefault("conditions", [])
    condition = next((one for one in conditions if one.get("type") == "DisruptionTarget"), None)
    if condition is None:
        condition = {"type": "DisruptionTarget", "lastProbeTime": None}
        conditions.append(condition)
    if condition.get("status") != "True":
        condition["lastTransitionTime"] = now
    condition.update(status="True", reason="EvictionByEvictionAPI", message="Eviction API: evicting")
    return found
