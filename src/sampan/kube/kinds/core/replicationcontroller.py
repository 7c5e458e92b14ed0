"""ReplicationControllers: ReplicaSets as they were in the beginning."""

from typing import Any

from sampan.kube.kinds import workloads
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.core.podspec.defaults import default_template
from sampan.kube.kinds.core.podspec.spec import template_errors
from sampan.kube.kinds.core.podspec.warnings import name_warnings
from sampan.kube.kinds.resource import Column, Context, Object, Resource, ScaleOf
from sampan.kube.kinds.workloads import not_negative, spec_of, status_of
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required


def _default(value: Object) -> None:
    spec = value.setdefault("spec", {})
    template = spec.get("template")
    if template is not None:
        if labels := (template.get("metadata") or {}).get("labels"):
            if not spec.get("selector"):
                spec["selector"] = dict(labels)
            meta = value.setdefault("metadata", {})
            if not meta.get("labels"):
                meta["labels"] = dict(labels)
        default_template(template)
    if spec.get("replicas") is None:
        spec["replicas"] = 1


def _errors(value: Object, _context: Context) -> list[FieldError]:
    spec = spec_of(value)
    found = not_negative(spec, "spec", "minReadySeconds")
    selector, template = spec.get("selector") or {}, spec.get("template")
    if not selector:
        found.append(required("spec.selector"))
    found += [invalid("spec.selector", key, one) for key in selector for one in names.qualified_name(key)]
    found += not_negative(spec, "spec", "replicas")
    if template is None:
        return [*found, required("spec.template")]
    if selector:
        found += workloads.labels_errors(template, {"matchLabels": selector}, "spec.template")
    found += template_errors(template, "spec.template")
    inner = template.get("spec") or {}
    return found + workloads.always_errors(inner, "spec.template.spec", "ReplicationController")


def _status_errors(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    status = status_of(new)
    counters = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    found = not_negative(status, "status", "replicas", *counters, "observedGeneration")
    found += workloads.more_than_replicas(status, *counters)
    return found + workloads.more_available_than_ready(status, "readyReplicas")


def _warnings(new: Object, old: Object | None, _context: Context) -> list[str]:
    found = name_warnings((new.get("metadata") or {}).get("name", "")) if old is None else []
    return found + workloads.changed_template_warnings(new, old)


def _selector(value: Object) -> str:
    return ",".join(f"{key}={one}" for key, one in sorted((spec_of(value).get("selector") or {}).items()))


def _cells(value: Object, now: float) -> list[Any]:
    spec, status = spec_of(value), status_of(value)
    return [
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age((value.get("metadata") or {}).get("creationTimestamp"), now),
        *workloads.containers_cells(spec.get("template") or {}),
        workloads.labels_text(spec.get("selector")),
    ]


RESOURCE = Resource(
    kind="ReplicationController",
    plural="replicationcontrollers",
    short_names=("rc",),
    categories=("all",),
    subresources=(workloads.SCALE, workloads.status_subresource(_status_errors)),
    scale=ScaleOf(selector=_selector),
    default=_default,
    prepare_create=workloads.fresh_status({"replicas": 0}),
    prepare_update=workloads.keep_status,
    validate=_errors,
    warnings=_warnings,
    generation=("spec",),
    reset_fields={"": ("status",), "status": ("spec",)},
    selectable={"status.replicas": lambda value: str(status_of(value).get("replicas", 0))},
    columns=(
        Column("Desired", type="integer", describe="spec.replicas"),
        Column("Current", type="integer", describe="status.replicas"),
        Column("Ready", type="integer", describe="status.readyReplicas"),
        workloads.AGE,
        *workloads.CONTAINERS,
        Column("Selector", describe="spec.selector", priority=1),
    ),
    cells=_cells,
    orphan_by_default=True,
)
