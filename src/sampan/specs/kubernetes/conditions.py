"""Lists of metav1.Condition: what may stand in them. Pure; apimachinery's pkg/apis/meta/v1/validation"""

from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STATUSES = ("False", "True", "Unknown")
REASON_LENGTH, MESSAGE_LENGTH = 1024, 32 * 1024


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
