"""What a pod's status says of it, and which of several pods goes first. Pure; upstream's controller_utils."""

from collections.abc import Sequence
from math import log2

from sampan.specs.kubernetes.objects import annotations_of, condition, is_going, is_true
from sampan.specs.kubernetes.time import seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Object = dict[str, Any]

# An annotation of a pod that a node has of its own: the API server has only its picture.
MIRROR = "kubernetes.io/config.mirror"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
FINISHED = ("Succeeded", "Failed")
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_LAST = float("inf")


def phase(pod: "Object") -> str:
    """Pending, Running, Succeeded, Failed, Unknown; empty if nobody has said."""
    return (pod.get("status") or {}).get("phase") or ""


def node_name(pod: "Object") -> str:
    """The node that it was given to; empty if it was to none."""
    return (pod.get("spec") or {}).get("nodeName") or ""


def sidecars(pod: "Object") -> "list[Object]":
    """The init containers that stay beside the others."""
    first = (pod.get("spec") or {}).get("initContainers") or ()
    return [one for one in first if one.get("restartPolicy") == "Always"]


def is_ready(pod: "Object") -> bool:
    """Is its condition Ready True?"""
    return is_true(pod, "Ready")


def available_at(pod: "Object", min_ready_seconds: int) -> float | None:
    """When a ready pod is available, in seconds since 1970; None of one that is not ready."""
    found = condition(pod, "Ready")
    if found is None or found.get("status") != "True":
        return None
    if not min_ready_seconds:
        return 0.0
    since = seconds(found.get("lastTransitionTime"))
    return since + min_ready_seconds if since is not None else None


def is_available(pod: "Object", min_ready_seconds: int, now: float) -> bool:
    """Has it been ready for so long?"""
    at = available_at(pod, min_ready_seconds)
    return at is not None and at <= now


def next_available(pods: "Iterable[Object]", min_ready_seconds: int, now: float) -> float | None:
    """In how many seconds the next of these becomes available by having been ready for long enough."""
    times = [at for pod in pods if (at := available_at(pod, min_ready_seconds)) is not None and at > now]
    return min(times) - now if times else None


def is_finished(pod: "Object") -> bool:
    """Have all its containers ended for good?"""
    return phase(pod) in FINISHED


def is_active(pod: "Object") -> bool:
    """Neither finished nor to be deleted."""
    return not is_finished(pod) and not is_going(pod)


def is_terminating(pod: "Object") -> bool:
    """To be deleted, and not finished yet."""
    return not is_finished(pod) and is_going(pod)


def restarts(pod: "Object") -> tuple[int, int]:
    """The most of one container, and of one sidecar."""
    status = pod.get("status") or {}
    most = max((one.get("restartCount", 0) for one in status.get("containerStatuses") or ()), default=0)
    beside = {one["name"] for one in sidecars(pod)}
    of_sidecars = [
        one.get("restartCount", 0)
        for one in status.get("initContainerStatuses") or ()
        if one["name"] in beside
    ]
    return most, max(of_sidecars, default=0)


def deletion_order(pods: "Sequence[Object]", ranks: "Sequence[int] | None", now: float) -> "list[Object]":
    """Those that may go first come first; a higher rank goes earlier (upstream's ActivePodsWithRanks).

    Ages are compared by their powers of two, so that not always the youngest goes.
    """
    ranked = zip(pods, ranks or [0] * len(pods), strict=True)
    return [pod for pod, _ in sorted(ranked, key=lambda one: _expendable(one[0], one[1], now))]


def _expendable(pod: "Object", rank: int, now: float) -> "tuple[Any, ...]":
    ready = is_ready(pod)
    found = condition(pod, "Ready") or {}
    containers, sidecars = restarts(pod)
    return (
        bool(node_name(pod)),
        _PHASES.get(phase(pod), 0),
        ready,
        deletion_cost(pod),
        -rank,
        _age_rank(found.get("lastTransitionTime"), now) if ready else 0,
        -containers,
        -sidecars,
        _age_rank(pod["metadata"].get("creationTimestamp"), now),
        pod["metadata"].get("uid", ""),
    )


def deletion_cost(pod: "Object") -> int:
    """0 where the annotation says nothing that can be understood."""
    text = annotations_of(pod).get(DELETION_COST, "0")
    try:
        cost = int(text) if text.lstrip("-").isdecimal() and text.isascii() else 0
    except ValueError:
        return 0
    return cost if -(1 << 31) <= cost < 1 << 31 and text in ("0", f"{cost}") else 0


def _age_rank(since: "str | None", now: float) -> float:
    """Young ones have low ranks; what has no time is the youngest. Of nanoseconds, as upstream."""
    begun = seconds(since)
    if begun is None:
        return -_LAST
    age = now - begun
    return float(int(log2(age * 1e9))) if age > 0 else -1.0
