"""What a PodDisruptionBudget allows, as its pods are. Pure; upstream's pkg/controller/disruption"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.conditions import changed_at, put
from sampan.specs.kubernetes.intorstring import scaled
from sampan.specs.kubernetes.labelselector import printed
from sampan.specs.kubernetes.objects import condition, is_going
from sampan.specs.kubernetes.pods import is_ready

ALLOWED = "DisruptionAllowed"
SUFFICIENT, INSUFFICIENT, FAILED = "SufficientPods", "InsufficientPods", "SyncFailed"
PATIENCE = 120.0  # seconds in which an evicted pod should begin to go
_NUMBERS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods", "observedGeneration")


def needs_scale(budget: Object) -> bool:
    """Does it depend on how many pods the controllers want, and not only on how many there are?"""
    spec = budget["spec"]
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def amounts(budget: Object, pods: int, scale: int) -> tuple[int, int]:
    """How many pods are expected, and how many of them are to be healthy; `scale`: what controllers want."""
    spec = budget["spec"]
    if (most := spec.get("maxUnavailable")) is not None:
        return scale, max(scale - scaled(most, scale, up=True), 0)
    least = spec.get("minAvailable")
    if isinstance(least, str):
        return scale, scaled(least, scale, up=True)
    return (pods, least) if least is not None else (0, 0)


@dataclass(frozen=True)
class Disrupted:
    """Pods on their way out as an eviction has it, since when by name; and those of which nothing came."""

    awaited: dict[str, str] = field(default_factory=dict)
    stayed: tuple[Object, ...] = ()
    again: float | None = None  # seconds until the next one has had its time


def disrupted(budget: Object, pods: Iterable[Object], now: float) -> Disrupted:
    known = (budget.get("status") or {}).get("disruptedPods") or {}
    awaited: dict[str, str] = {}
    stayed, waits = [], []
    for pod in pods:
        name = pod["metadata"]["name"]
        if name not in known or is_going(pod):
            continue
        left = (times.seconds(known[name]) or 0.0) + PATIENCE - now
        if left <= 0:
            stayed.append(pod)
        else:
            awaited[name] = known[name]
            waits.append(left)
    return Disrupted(awaited, tuple(stayed), min(waits, default=None))


def healthy(pods: Iterable[Object], awaited: Mapping[str, str]) -> int:
    """Ready, and not about to go."""
    return sum(is_ready(pod) and not is_going(pod) and pod["metadata"]["name"] not in awaited for pod in pods)


def status_of(
    budget: Object,
    expected: int,
    desired: int,
    pods: Sequence[Object],
    awaited: Mapping[str, str],
    now: float,
) -> Object:
    current = healthy(pods, awaited)
    # Where no pod is expected, none may go: the first one may come at any time.
    allowed = max(current - desired, 0) if expected > 0 else 0
    found: Object = {
        "observedGeneration": budget["metadata"].get("generation", 0),
        "disruptionsAllowed": allowed,
        "currentHealthy": current,
        "desiredHealthy": desired,
        "expectedPods": expected,
    }
    if awaited:
        found["disruptedPods"] = dict(awaited)
    reason = SUFFICIENT if allowed else INSUFFICIENT
    found["conditions"] = _conditions(budget, bool(allowed), reason, "", found["observedGeneration"], now)
    return found


def failed(budget: Object, message: str, now: float) -> Object:
    """Nothing is allowed while it is not known what could be."""
    status = budget.get("status") or {}
    conditions = _conditions(budget, False, FAILED, message, status.get("observedGeneration", 0), now)
    found = {"currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0, **status}
    return {**found, "disruptionsAllowed": 0, "conditions": conditions}


def _conditions(
    budget: Object, holds: bool, reason: str, message: str, generation: int, now: float
) -> list[Object]:
    status = "True" if holds else "False"
    new: Object = {
        "type": ALLOWED,
        "status": status,
        "lastTransitionTime": changed_at(condition(budget, ALLOWED), status, now),
        "reason": reason,
        "message": message,
    }
    if generation:
        new["observedGeneration"] = generation
    return put((budget.get("status") or {}).get("conditions"), new)


def is_news(budget: Object, status: Object) -> bool:
    old = budget.get("status") or {}
    if any(old.get(name, 0) != status.get(name, 0) for name in _NUMBERS):
        return True
    if (old.get("disruptedPods") or {}) != (status.get("disruptedPods") or {}):
        return True
    return bool((old.get("conditions") or []) != status["conditions"])


def unmanaged_message(budget: Object) -> str:
    selector = printed(budget["spec"].get("selector"))
    return (
        f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. "
        "As a result, the status of the PDB cannot be calculated correctly, which may result in undefined "
        'behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer '
        "value."
    )
