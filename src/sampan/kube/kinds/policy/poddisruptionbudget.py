"""PodDisruptionBudgets: how many of some pods may be taken away at a time."""

from typing import Any

from sampan.kube.kinds import structs, workloads
from sampan.kube.kinds.ages import age_of
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.workloads import not_negative, spec_of, status_of
from sampan.specs.kubernetes.conditions import conditions_errors
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported
from sampan.specs.kubernetes.intorstring import over_100_percent_errors, positive_int_or_percent_errors
from sampan.specs.kubernetes.labelselector import label_selector_errors

_AMOUNTS = ("minAvailable", "maxUnavailable")
_COUNTERS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def _errors(value: Object, _context: Context) -> list[FieldError]:
    spec = spec_of(value)
    found: list[FieldError] = []
    if all(spec.get(name) is not None for name in _AMOUNTS):
        detail = "minAvailable and maxUnavailable cannot be both set"
        found.append(invalid("spec", structs.shown("PodDisruptionBudgetSpec", spec), detail))
    for name in _AMOUNTS:
        if (amount := spec.get(name)) is not None:
            found += positive_int_or_percent_errors(amount, f"spec.{name}")
            found += over_100_percent_errors(amount, f"spec.{name}")
    if spec.get("selector") is not None:
        found += label_selector_errors(spec["selector"], "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        found.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES))
    return found


def _status_errors(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    status = status_of(new)
    found = conditions_errors(status.get("conditions"), "status.conditions")
    return found + not_negative(status, "status", *_COUNTERS)


def _cells(value: Object, now: float) -> list[Any]:
    spec = spec_of(value)
    amounts = ["N/A" if spec.get(name) is None else str(spec[name]) for name in _AMOUNTS]
    return [*amounts, status_of(value).get("disruptionsAllowed", 0), age_of(value, now)]


RESOURCE = Resource(
    kind="PodDisruptionBudget",
    plural="poddisruptionbudgets",
    group="policy",
    short_names=("pdb",),
    names="any",
    subresources=(workloads.status_subresource(_status_errors),),
    prepare_create=workloads.fresh_status(dict.fromkeys(_COUNTERS, 0)),
    prepare_update=workloads.keep_status,
    validate=_errors,
    generation=("spec",),
    reset_fields={"": ("status",), "status": ("spec",)},
    columns=(
        Column("Min Available", description="The minimum number of pods that must be available."),
        Column("Max Unavailable", description="The maximum number of pods that may be unavailable."),
        Column(
            "Allowed Disruptions",
            type="integer",
            description="Calculated number of pods that may be disrupted at this time.",
        ),
        workloads.AGE,
    ),
    cells=_cells,
)
