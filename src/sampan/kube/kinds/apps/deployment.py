"""Deployments: pods of one kind, replaced step by step when their template changes."""

from typing import Any

from sampan.kube.kinds import structs, workloads
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.core.podspec.defaults import default_template
from sampan.kube.kinds.core.podspec.warnings import name_warnings
from sampan.kube.kinds.resource import Column, Context, Object, Resource, ScaleOf
from sampan.kube.kinds.workloads import not_negative, spec_of, status_of
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required
from sampan.specs.kubernetes.intorstring import (
    number,
    over_100_percent_errors,
    positive_int_or_percent_errors,
)


def _default(value: Object) -> None:
    spec = value.setdefault("spec", {})
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    strategy = spec.setdefault("strategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    if spec.get("revisionHistoryLimit") is None:
        spec["revisionHistoryLimit"] = 10
    if spec.get("progressDeadlineSeconds") is None:
        spec["progressDeadlineSeconds"] = 600
    default_template(spec.setdefault("template", {}))


def _spec_errors(spec: Object) -> list[FieldError]:
    found = not_negative(spec, "spec", "replicas")
    found += workloads.selector_errors(spec.get("selector"), "spec.selector", "deployment")
    found += workloads.replicated_template_errors(spec, "spec")
    found += _strategy_errors(spec.get("strategy") or {}, "spec.strategy")
    found += not_negative(spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        detail = "must be greater than minReadySeconds"
        found.append(invalid("spec.progressDeadlineSeconds", deadline, detail))
    return found


def _strategy_errors(strategy: Object, path: str) -> list[FieldError]:
    type_, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if type_ == "Recreate":
        if rolling is None:
            return []
        detail = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden(f"{path}.rollingUpdate", detail)]
    if type_ != "RollingUpdate":
        value = structs.shown("DeploymentStrategy", strategy)
        return [not_supported(path, value, ("Recreate", "RollingUpdate"))]
    if rolling is None:
        return [required(f"{path}.rollingUpdate", "this should be defaulted and never be nil")]
    return _rolling_errors(rolling, f"{path}.rollingUpdate")


def _rolling_errors(rolling: Object, path: str) -> list[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    found = positive_int_or_percent_errors(unavailable, f"{path}.maxUnavailable")
    found += positive_int_or_percent_errors(surge, f"{path}.maxSurge")
    if not number(unavailable) and not number(surge):
        detail = "may not be 0 when `maxSurge` is 0"
        found.append(invalid(f"{path}.maxUnavailable", unavailable, detail))
    return found + over_100_percent_errors(unavailable, f"{path}.maxUnavailable")


def _errors(value: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(spec_of(value))


def _update_errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(spec_of(new)) + workloads.selector_change_errors(new, old)


def _status_errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    status = status_of(new)
    counters = ("updatedReplicas", "readyReplicas", "availableReplicas")
    found = not_negative(status, "status", "observedGeneration", "replicas", *counters)
    found += not_negative(status, "status", "unavailableReplicas", "terminatingReplicas", "collisionCount")
    found += workloads.more_than_replicas(status, *counters)
    found += workloads.more_available_than_ready(status, "readyReplicas")
    return found + workloads.collision_errors(new, old)


def _warnings(new: Object, old: Object | None, _context: Context) -> list[str]:
    found = name_warnings((new.get("metadata") or {}).get("name", "")) if old is None else []
    return found + workloads.changed_template_warnings(new, old)


def _cells(value: Object, now: float) -> list[Any]:
    spec, status = spec_of(value), status_of(value)
    return [
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age((value.get("metadata") or {}).get("creationTimestamp"), now),
        *workloads.containers_cells(spec.get("template") or {}),
        workloads.scale_selector(value),
    ]


# As older versions had it: what a Table shows was never renewed.
_SELECTOR_SHOWN = (
    "Label selector for pods. Existing ReplicaSets whose pods are selected by this will be the ones "
    "affected by this deployment."
)

RESOURCE = Resource(
    kind="Deployment",
    plural="deployments",
    group="apps",
    short_names=("deploy",),
    categories=("all",),
    subresources=(
        workloads.SCALE,
        workloads.status_subresource(_status_errors, workloads.keep_spec_and_labels),
    ),
    scale=ScaleOf(selector=workloads.scale_selector),
    default=_default,
    prepare_create=workloads.fresh_status({}),
    prepare_update=workloads.keep_status,
    validate=_errors,
    validate_update=_update_errors,
    warnings=_warnings,
    generation=("spec", "metadata.annotations"),
    reset_fields={"": ("status",), "status": ("spec", "metadata.labels")},
    columns=(
        Column("Ready", description="Number of the pod with ready state"),
        Column("Up-to-date", describe="status.updatedReplicas"),
        Column("Available", describe="status.availableReplicas"),
        workloads.AGE,
        *workloads.CONTAINERS,
        Column("Selector", description=_SELECTOR_SHOWN, priority=1),
    ),
    cells=_cells,
)
