"""PriorityClass. k8s.io/kubernetes/pkg/apis/scheduling/validation"""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required

PREFIX = "system-"
HIGHEST = 1_000_000_000  # of the classes that users make
POLICIES = ("PreemptLowerPriority", "Never")
SYSTEM = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


def default(new: Object) -> None:
    new.setdefault("preemptionPolicy", "PreemptLowerPriority")


def validate(new: Object, _context: Context) -> list[FieldError]:
    name, value = new["metadata"].get("name", ""), new.get("value", 0)
    found: list[FieldError] = []
    if name.startswith(PREFIX):
        if error := _system_error(name, value, new.get("globalDefault", False)):
            detail = f"priority class names with '{PREFIX}' prefix are reserved for system use only. error: "
            found.append(forbidden("metadata.name", detail + error))
    elif value > HIGHEST:
        detail = f"maximum allowed value of a user defined priority is {HIGHEST}"
        found.append(forbidden("value", detail))
    return found + _policy_errors(new.get("preemptionPolicy"))


def _system_error(name: str, value: int, global_default: bool) -> str:
    known = SYSTEM.get(name)
    if known is None:
        return f"{name} is not a known system priority class"
    if value != known:
        return f"value of {name} PriorityClass must be {known}"
    if global_default:
        return f"globalDefault of {name} must be false"
    return ""


def _policy_errors(policy: str | None) -> list[FieldError]:
    if policy is None or policy in POLICIES:
        return []
    if not policy:
        return [required("preemptionPolicy")]
    return [not_supported("preemptionPolicy", policy, POLICIES)]


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    found = []
    if new.get("value", 0) != old.get("value", 0):
        found.append(forbidden("value", "may not be changed in an update."))
    if (policy := new.get("preemptionPolicy")) != old.get("preemptionPolicy"):
        found.append(invalid("preemptionPolicy", policy, "field is immutable"))
    return found


def cells(new: Object, now: float) -> list[Any]:
    return [
        new.get("value", 0),
        new.get("globalDefault", False),
        age(new["metadata"].get("creationTimestamp"), now),
        new.get("preemptionPolicy", ""),
    ]


RESOURCE = Resource(
    "PriorityClass",
    "priorityclasses",
    group="scheduling.k8s.io",
    namespaced=False,
    short_names=("pc",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    # Which never changes, and neither does the generation.
    generation=("value",),
    columns=(
        Column("Value", type="integer", describe="value"),
        Column("Global-Default", type="boolean", describe="globalDefault"),
        Column("Age", describe="metadata.creationTimestamp"),
        Column("PreemptionPolicy", describe="preemptionPolicy"),
    ),
    cells=cells,
)
