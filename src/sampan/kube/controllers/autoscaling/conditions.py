"""The conditions of a HorizontalPodAutoscaler. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes import time as times

ABLE, ACTIVE, LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"


class Told(NamedTuple):
    """`status`: "True" or "False"."""

    status: str
    reason: str
    message: str


def with_condition(conditions: Sequence[Object], kind: str, told: Told, now: float) -> list[Object]:
    """Its time is that of the last change of its status."""
    old = next((one for one in conditions if one.get("type") == kind), {})
    since = old.get("lastTransitionTime") if old.get("status") == told.status else None
    new = {
        "type": kind,
        "status": told.status,
        "lastTransitionTime": since or times.text(now),
        "reason": told.reason,
        "message": told.message,
    }
    if not old:
        return [*conditions, new]
    return [new if one.get("type") == kind else one for one in conditions]


class Draft:
    """An autoscaler's status on its way to what it will be; it is written once all is known."""

    def __init__(self, autoscaler: Object, now: float) -> None:
        old = autoscaler.get("status") or {}
        self.status: Object = {"desiredReplicas": 0, "currentMetrics": None, **old}
        self._now = now

    def tell(self, kind: str, told: Told) -> None:
        known = self.status.get("conditions") or ()
        self.status["conditions"] = with_condition(known, kind, told, self._now)

    def told(self, kind: str) -> Told | None:
        for one in self.status.get("conditions") or ():
            if one.get("type") == kind:
                return Told(one["status"], one["reason"], one["message"])
        return None

    def count(self, current: int, metrics: Sequence[Object], desired: int | None = None) -> None:
        self.status.update(currentReplicas=current, currentMetrics=list(metrics) or None)
        if desired is not None:
            self.status["desiredReplicas"] = desired

    def scaled(self) -> None:
        self.status["lastScaleTime"] = times.text(self._now)
