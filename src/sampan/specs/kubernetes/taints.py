"""Taints of nodes and the tolerations of pods; kubernetes.io/docs/concepts/scheduling-eviction. Pure."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

    Taint = Mapping[str, Any]
    Toleration = Mapping[str, Any]

NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE = "NoSchedule", "PreferNoSchedule", "NoExecute"
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
MEMORY_PRESSURE = "node.kubernetes.io/memory-pressure"
DISK_PRESSURE = "node.kubernetes.io/disk-pressure"
PID_PRESSURE = "node.kubernetes.io/pid-pressure"
NETWORK_UNAVAILABLE = "node.kubernetes.io/network-unavailable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def identity(taint: "Taint") -> "tuple[str, str]":
    """What makes two taints of a node one and the same: key and effect."""
    return taint.get("key", ""), taint.get("effect", "")


def tolerates(toleration: "Toleration", taint: "Taint") -> bool:
    """An empty key or effect of the toleration stands for any."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Equal":
        return bool((toleration.get("value") or "") == (taint.get("value") or ""))
    return bool(operator == "Exists")


def tolerated(taint: "Taint", tolerations: "Iterable[Toleration] | None") -> bool:
    """By any of the tolerations?"""
    return any(tolerates(one, taint) for one in tolerations or ())


def untolerated(
    taints: "Iterable[Taint] | None",
    tolerations: "Collection[Toleration] | None",
    effects: "Collection[str]" = (NO_SCHEDULE, NO_EXECUTE),
) -> "Taint | None":
    """The first taint of one of the effects that nothing tolerates."""
    for taint in taints or ():
        if taint.get("effect") in effects and not tolerated(taint, tolerations):
            return taint
    return None
