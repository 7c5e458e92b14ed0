"""The condition of a pod that goes because of something around it. Pure.

kubernetes.io/docs/concepts/workloads/pods/disruptions#pod-disruption-conditions. Whoever takes a pod away
for such a reason sets it before, so that a Job can tell this from a failure.
"""

from sampan.specs.kubernetes.conditions import changed_at
from sampan.specs.kubernetes.objects import condition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Object = dict[str, Any]

DISRUPTION_TARGET = "DisruptionTarget"


def target(pod: "Object", reason: str, message: str, now: float) -> "Object | None":
    """The condition as it is to be; None if the pod has it."""
    wanted = {"type": DISRUPTION_TARGET, "status": "True", "reason": reason, "message": message}
    if generation := pod["metadata"].get("generation"):
        wanted["observedGeneration"] = generation
    have = condition(pod, DISRUPTION_TARGET)
    if have is not None and all(have.get(field) == value for field, value in wanted.items()):
        return None
    return {**wanted, "lastTransitionTime": changed_at(have, "True", now)}
