"""Whether an APIService can be asked: its condition Available. Pure.

Kubernetes: staging/src/k8s.io/kube-aggregator/pkg/controllers/status.
"""

from sampan.kube.kinds.resource import Object

Condition = tuple[str, str, str]  # status, reason, message

LOCAL: Condition = ("True", "Local", "Local APIServices are always available")
PASSED: Condition = ("True", "Passed", "all checks passed")
AVAILABLE = "Available"


def failed(reason: str, message: str) -> Condition:
    return ("False", reason, message)


def is_available(service: Object) -> bool:
    """As it was written down last."""
    return any(
        one.get("type") == AVAILABLE and one.get("status") == "True"
        for one in (service.get("status") or {}).get("conditions") or ()
    )


def with_condition(service: Object, condition: Condition, now: str) -> Object:
    """The APIService with that condition; the very same object if it has it already."""
    before = list((service.get("status") or {}).get("conditions") or ())
    place = next((at for at, one in enumerate(before) if one.get("type") == AVAILABLE), len(before))
    old = before[place] if place < len(before) else {}
    if tuple(old.get(name) or "" for name in ("status", "reason", "message")) == condition:
        return service
    status, reason, message = condition
    since = old.get("lastTransitionTime") if old.get("status") == status else None
    new = {"type": AVAILABLE, "status": status, "lastTransitionTime": since or now}
    before[place : place + 1] = [{**new, "reason": reason, "message": message}]
    return {**service, "status": {**(service.get("status") or {}), "conditions": before}}
