"""ReplicaSets: so many pods of one kind."""

from typing import Any

from sampan.kube.kinds import workloads
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.core.podspec.defaults import default_template
from sampan.kube.kinds.core.podspec.warnings import name_warnings
from sampan.kube.kinds.resource import Column, Context, Object, Resource, ScaleOf
from sampan.kube.kinds.workloads import not_negative, spec_of, status_of
from sampan.specs.kubernetes.fielderror import FieldError


def _default(value: Object) -> None:
    spec = value.setdefault("spec", {})
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    default_template(spec.setdefault("template", {}))


def _spec_errors(spec: Object) -> list[FieldError]:
    found = not_negative(spec, "spec", "replicas", "minReadySeconds")
    # "deployment" is upstream's word here, too.
    found += workloads.selector_errors(spec.get("selector"), "spec.selector", "deployment")
    return found + workloads.replicated_template_errors(spec, "spec")


def _errors(value: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(spec_of(value))


def _update_errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(spec_of(new)) + workloads.selector_change_errors(new, old)


def _status_errors(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    status = status_of(new)
    counters = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    found = not_negative(status, "status", "replicas", *counters, "terminatingReplicas", "observedGeneration")
    found += workloads.more_than_replicas(status, *counters)
    return found + workloads.more_available_than_ready(status, "readyReplicas")


def _warnings(new: Object, old: Object | None, _context: Context) -> list[str]:
    found = name_warnings((new.get("metadata") or {}).get("name", "")) if old is None else []
    return found + workloads.changed_template_warnings(new, old)


def _cells(value: Object, now: float) -> list[Any]:
    spec, status = spec_of(value), status_of(value)
    return [
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age((value.get("metadata") or {}).get("creationTimestamp"), now),
        *workloads.containers_cells(spec.get("template") or {}),
        workloads.selector_text(spec.get("selector")),
    ]


# As older versions had it: what a Table shows was never renewed.
_SELECTOR_SHOWN = (
    "Selector is a label query over pods that should match the replica count. If the selector is "
    "empty, it is defaulted to the labels present on the pod template. Label keys and values that "
    "must match in order to be controlled by this replica set. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors"
)

RESOURCE = Resource(
    kind="ReplicaSet",
    plural="replicasets",
    group="apps",
    short_names=("rs",),
    categories=("all",),
    subresources=(workloads.SCALE, workloads.status_subresource(_status_errors)),
    scale=ScaleOf(selector=workloads.scale_selector),
    default=_default,
    prepare_create=workloads.fresh_status({"replicas": 0}),
    prepare_update=workloads.keep_status,
    validate=_errors,
    validate_update=_update_errors,
    warnings=_warnings,
    generation=("spec",),
    reset_fields={"": ("status",), "status": ("spec",)},
    columns=(
        Column("Desired", type="integer", describe="spec.replicas"),
        Column("Current", type="integer", describe="status.replicas"),
        Column("Ready", type="integer", describe="status.readyReplicas"),
        workloads.AGE,
        *workloads.CONTAINERS,
        Column("Selector", description=_SELECTOR_SHOWN, priority=1),
    ),
    cells=_cells,
)
