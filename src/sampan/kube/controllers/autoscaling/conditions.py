"""The conditions of a HorizontalPodAutoscaler. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.conditions import changed_at, find, put

ABLE, ACTIVE, LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"


class Told(NamedTuple):
    """`status`: "True" or "False"."""

    status: str
    reason: str
    message: str


def with_condition(known: Sequence[Object], kind: str, told: Told, now: float) -> list[Object]:
    """Its time is that of the last change of its status."""
    new = {
        "type": kind,
        "status": told.status,
        "lastTransitionTime": changed_at(find(known, kind), told.status, now),
        "reason": told.reason,
        "message": told.message,
    }
    return put(known, new)


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
        one = find(self.status.get("conditions"), kind)
        return None if one is None else Told(one["status"], one["reason"], one["message"])

    def count(self, current: int, metrics: Sequence[Object], desired: int | None = None) -> None:
        self.status.update(currentReplicas=current, currentMetrics=list(metrics) or None)
        if desired is not None:
            self.status["desiredReplicas"] = desired

    def scaled(self) -> None:
        self.status["lastScaleTime"] = times.text(self._now)
