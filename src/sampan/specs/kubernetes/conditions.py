"""Lists of conditions: how one is found and put there, and what may stand in those of metav1.Condition. Pure.

k8s.io/apimachinery/pkg/api/meta/conditions.go and pkg/apis/meta/v1/validation
"""

from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
)
from sampan.specs.kubernetes.time import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Object = dict[str, Any]

STATUSES = ("False", "True", "Unknown")
REASON_LENGTH, MESSAGE_LENGTH = 1024, 32 * 1024


def find(conditions: "Iterable[Object] | None", kind: str) -> "Object | None":
    """The one of a type."""
    for one in conditions or ():
        if one.get("type") == kind:
            return one
    return None


def put(conditions: "Iterable[Object] | None", new: "Object") -> "list[Object]":
    """They with a new one, in the place of the one of its type or at the end."""
    found = list(conditions or ())
    for at, one in enumerate(found):
        if one.get("type") == new["type"]:
            found[at] = new
            return found
    return [*found, new]


def changed_at(known: "Object | None", status: str, now: float) -> str:
    """The lastTransitionTime of a condition that now has this status: as it was known, unless it changes."""
    since = known.get("lastTransitionTime") if known is not None and known.get("status") == status else None
    return since or text(now)


def conditions_errors(conditions: "list[dict[str, Any]] | None", path: str) -> list[FieldError]:
    """ValidateConditions."""
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, condition in enumerate(conditions or ()):
        kind = condition.get("type", "")
        if kind in seen:
            found.append(duplicate(f"{path}[{at}].type", kind))
        seen.add(kind)
        found += _condition_errors(condition, f"{path}[{at}]")
    return found


def _condition_errors(condition: "dict[str, Any]", path: str) -> list[FieldError]:
    kind, status = condition.get("type", ""), condition.get("status", "")
    found = [invalid(f"{path}.type", kind, message) for message in names.qualified_name(kind)]
    if status not in STATUSES:
        found.append(not_supported(f"{path}.status", status, STATUSES))
    if (generation := condition.get("observedGeneration", 0)) < 0:
        detail = "must be greater than or equal to zero"
        found.append(invalid(f"{path}.observedGeneration", generation, detail))
    if not condition.get("lastTransitionTime"):
        found.append(required(f"{path}.lastTransitionTime", "must be set"))
    found += _reason_errors(condition.get("reason", ""), f"{path}.reason")
    if names.size(condition.get("message", "")) > MESSAGE_LENGTH:
        found.append(too_long(f"{path}.message", MESSAGE_LENGTH))
    return found


def _reason_errors(reason: str, path: str) -> list[FieldError]:
    if not reason:
        return [required(path, "must be set")]
    found = [invalid(path, reason, message) for message in names.condition_reason(reason)]
    if names.size(reason) > REASON_LENGTH:
        found.append(too_long(path, REASON_LENGTH))
    return found
