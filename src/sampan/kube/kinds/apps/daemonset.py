"""DaemonSets: a pod on every node that fits."""

from typing import Any

from sampan.errors import Invalid
from sampan.kube.kinds import structs, workloads
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.core.podspec.defaults import default_template
from sampan.kube.kinds.core.podspec.spec import template_errors
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.workloads import not_negative, spec_of, status_of
from sampan.specs.golang.numbers import parse_int
from sampan.specs.kubernetes import status as statuses
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required
from sampan.specs.kubernetes.intorstring import (
    number,
    over_100_percent_errors,
    positive_int_or_percent_errors,
)
from sampan.specs.kubernetes.labelselector import can_select, is_empty, label_selector_errors, shown

# Upstream keeps it as a field that v1 has as an annotation only.
GENERATION = "deprecated.daemonset.template.generation"


def _default(value: Object) -> None:
    spec = value.setdefault("spec", {})
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    if spec.get("revisionHistoryLimit") is None:
        spec["revisionHistoryLimit"] = 10
    default_template(spec.setdefault("template", {}))
    _template_generation(value)
    # Whoever writes the object has therefore written the annotation.
    meta = value.setdefault("metadata", {})
    meta["annotations"] = {GENERATION: "0", **(meta.get("annotations") or {})}


def _template_generation(value: Object) -> int:
    text = ((value.get("metadata") or {}).get("annotations") or {}).get(GENERATION)
    if text is None:
        return 0
    try:
        return parse_int(text)
    except Invalid as error:
        message = f'DaemonSet in version "v1" cannot be handled as a DaemonSet: {error}'
        raise statuses.bad_request(message) from None


def _set_generation(value: Object, generation: int) -> None:
    meta = value.setdefault("metadata", {})
    meta["annotations"] = {**(meta.get("annotations") or {}), GENERATION: str(generation)}


def _prepare_create(value: Object, _context: Context) -> None:
    value["status"] = dict(_NO_STATUS)
    _set_generation(value, max(_template_generation(value), 1))


def _prepare_update(new: Object, old: Object, context: Context) -> None:
    workloads.keep_status(new, old, context)
    generation = _template_generation(old)
    changed = not same(spec_of(new).get("template"), spec_of(old).get("template"))
    _set_generation(new, generation + changed)


def _spec_errors(spec: Object) -> list[FieldError]:
    selector, template = spec.get("selector"), spec.get("template") or {}
    found = label_selector_errors(selector, "spec.selector")
    if can_select(selector):
        found += workloads.labels_errors(template, selector, "spec.template")
    if selector is not None and is_empty(selector):
        detail = "empty selector is invalid for daemonset"
        found.append(invalid("spec.selector", shown(selector), detail))
    found += template_errors(template, "spec.template")
    found += workloads.always_errors(template.get("spec") or {}, "spec.template.spec", "DaemonSet")
    found += not_negative(spec, "spec", "minReadySeconds")
    found += _strategy_errors(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    return found + not_negative(spec, "spec", "revisionHistoryLimit")


def _strategy_errors(strategy: Object, path: str) -> list[FieldError]:
    type_, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if type_ == "OnDelete":
        return []
    if type_ != "RollingUpdate":
        value = structs.shown("DaemonSetUpdateStrategy", strategy)
        return [not_supported(path, value, ("RollingUpdate", "OnDelete"))]
    if rolling is None:
        return [required(f"{path}.rollingUpdate")]
    return _rolling_errors(rolling, f"{path}.rollingUpdate")


def _rolling_errors(rolling: Object, path: str) -> list[FieldError]:
    amounts = [(name, rolling.get(name, 0)) for name in ("maxUnavailable", "maxSurge")]
    found: list[FieldError] = []
    for errors in (positive_int_or_percent_errors, over_100_percent_errors):
        for name, amount in amounts:
            found += errors(amount, f"{path}.{name}")
    unavailable, surge = (number(amount) for _, amount in amounts)
    if unavailable and surge:
        detail = "may not be set when maxUnavailable is non-zero"
        found.append(invalid(f"{path}.maxSurge", amounts[1][1], detail))
    elif not unavailable and not surge:
        found.append(required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return found


def _errors(value: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(spec_of(value))


def _update_errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    return workloads.selector_change_errors(new, old) + _spec_errors(spec_of(new))


_NO_STATUS = {
    "currentNumberScheduled": 0,
    "numberMisscheduled": 0,
    "desiredNumberScheduled": 0,
    "numberReady": 0,
}
_COUNTERS = (
    *_NO_STATUS,
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


def _status_errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    return not_negative(status_of(new), "status", *_COUNTERS) + workloads.collision_errors(new, old)


def _warnings(new: Object, old: Object | None, _context: Context) -> list[str]:
    return workloads.changed_template_warnings(new, old)


def _cells(value: Object, now: float) -> list[Any]:
    spec, status = spec_of(value), status_of(value)
    template = spec.get("template") or {}
    shown_counters = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return [
        *(status.get(name, 0) for name in shown_counters),
        workloads.labels_text((template.get("spec") or {}).get("nodeSelector")),
        age((value.get("metadata") or {}).get("creationTimestamp"), now),
        *workloads.containers_cells(template),
        workloads.selector_text(spec.get("selector")),
    ]


# As older versions had it: what a Table shows was never renewed.
_READY_SHOWN = (
    "The number of nodes that should be running the daemon pod and have one or more of the daemon pod"
    " running and ready."
)
_SELECTOR_SHOWN = (
    "A label query over pods that are managed by the daemon set. Must match in order to be "
    "controlled. If empty, defaulted to labels on Pod template. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors"
)

RESOURCE = Resource(
    kind="DaemonSet",
    plural="daemonsets",
    group="apps",
    short_names=("ds",),
    categories=("all",),
    subresources=(workloads.status_subresource(_status_errors),),
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_errors,
    validate_update=_update_errors,
    warnings=_warnings,
    generation=("spec",),
    reset_fields={"": ("status",), "status": ("spec",)},
    columns=(
        Column("Desired", type="integer", describe="status.desiredNumberScheduled"),
        Column("Current", type="integer", describe="status.currentNumberScheduled"),
        Column("Ready", type="integer", description=_READY_SHOWN),
        Column("Up-to-date", type="integer", describe="status.updatedNumberScheduled"),
        Column("Available", type="integer", describe="status.numberAvailable"),
        Column("Node Selector", describe="spec.template.spec.nodeSelector"),
        workloads.AGE,
        *workloads.CONTAINERS,
        Column("Selector", description=_SELECTOR_SHOWN, priority=1),
    ),
    cells=_cells,
)
