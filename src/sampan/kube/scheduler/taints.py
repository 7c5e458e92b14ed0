"""Taints of nodes and tolerations of pods. Pure; component-helpers' scheduling/corev1."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE = "NoSchedule", "PreferNoSchedule", "NoExecute"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


class Taint(NamedTuple):
    key: str
    value: str
    effect: str


class Toleration(NamedTuple):
    """Without a key it tolerates all keys, without an effect all effects."""

    key: str
    operator: str
    value: str
    effect: str

    def tolerates(self, taint: Taint) -> bool:
        if self.effect and self.effect != taint.effect:
            return False
        if self.key and self.key != taint.key:
            return False
        if self.operator in ("", "Equal"):
            return self.value == taint.value
        return self.operator == "Exists"


CORDONED = Taint(UNSCHEDULABLE, "", NO_SCHEDULE)  # what spec.unschedulable of a node amounts to


def taints_of(node: Mapping[str, Any]) -> tuple[Taint, ...]:
    return tuple(
        Taint(one.get("key") or "", one.get("value") or "", one.get("effect") or "")
        for one in (node.get("spec") or {}).get("taints") or ()
    )


def tolerations_of(values: Iterable[Mapping[str, Any]] | None) -> tuple[Toleration, ...]:
    return tuple(
        Toleration(
            one.get("key") or "", one.get("operator") or "", one.get("value") or "", one.get("effect") or ""
        )
        for one in values or ()
    )


def tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    return any(one.tolerates(taint) for one in tolerations)


def keeps_off(taints: Iterable[Taint], tolerations: Iterable[Toleration]) -> bool:
    """Is there one of these taints that lets no such pod be scheduled?"""
    return any(
        not tolerated(taint, tolerations) for taint in taints if taint.effect in (NO_SCHEDULE, NO_EXECUTE)
    )


def unwelcome(taints: Iterable[Taint], tolerations: Iterable[Toleration]) -> int:
    """How many of these taints would rather not have such a pod."""
    mild = [one for one in tolerations if one.effect in ("", PREFER_NO_SCHEDULE)]
    return sum(taint.effect == PREFER_NO_SCHEDULE and not tolerated(taint, mild) for taint in taints)
