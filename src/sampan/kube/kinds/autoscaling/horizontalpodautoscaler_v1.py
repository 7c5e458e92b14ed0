"""HorizontalPodAutoscalers in the form of autoscaling/v1: one metric, and annotations for all else."""

import dataclasses
from collections.abc import Callable
from typing import Any

from sampan.kube.kinds.autoscaling import annotations
from sampan.kube.kinds.autoscaling.horizontalpodautoscaler import (
    DEFAULT_SHARE,
    cells,
    cpu_metric,
    default_behavior,
    status_errors,
)
from sampan.kube.kinds.autoscaling.horizontalpodautoscaler import RESOURCE as STORED
from sampan.kube.kinds.resource import Context, Object, PrepareUpdate, Subresource
from sampan.kube.kinds.workloads import keep_spec, spec_of, status_of
from sampan.specs.kubernetes.fielderror import FieldError

_SAME = ("scaleTargetRef", "minReplicas", "maxReplicas")
_COUNTS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")


def _default(value: Object) -> None:
    spec = value.setdefault("spec", {})
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1


def _share(metric: Object, part: str) -> int | None:
    """Of the processors, if that is what the metric is about."""
    resource = metric.get("resource") or {}
    share = (resource.get(part) or {}).get("averageUtilization")
    return share if resource.get("name") == "cpu" else None


def _first_share(metrics: Any, part: str) -> int | None:
    return next((share for one in metrics or () if (share := _share(one, part)) is not None), None)


def from_stored(value: Object) -> Object:
    spec, status = spec_of(value), status_of(value)
    found: Object = {**value, "apiVersion": "autoscaling/v1"}
    found["spec"] = {key: spec[key] for key in _SAME if key in spec}
    share = _first_share(spec.get("metrics"), "target")
    if share is not None:
        found["spec"]["targetCPUUtilizationPercentage"] = share
    found["status"] = {"currentReplicas": 0, "desiredReplicas": 0}
    found["status"] |= {key: status[key] for key in _COUNTS if status.get(key) is not None}
    used = _first_share(status.get("currentMetrics"), "current")
    if used is not None:
        found["status"]["currentCPUUtilizationPercentage"] = used
    written = _written(spec, status)
    if written:
        meta = value.get("metadata") or {}
        found["metadata"] = {**meta, "annotations": {**(meta.get("annotations") or {}), **written}}
    return found


def _written(spec: Object, status: Object) -> dict[str, str]:
    found = {}
    others = [one for one in spec.get("metrics") or () if _share(one, "target") is None]
    if others:
        found[annotations.METRICS] = annotations.metrics_text(others)
    if status.get("currentMetrics"):
        found[annotations.CURRENT] = annotations.metrics_text(status["currentMetrics"], current=True)
    if status.get("conditions"):
        found[annotations.CONDITIONS] = annotations.conditions_text(status["conditions"])
    if spec.get("behavior") is not None:
        found[annotations.BEHAVIOR] = annotations.behavior_text(spec["behavior"])
    return found


def to_stored(value: Object) -> Object:
    spec, status, meta = spec_of(value), status_of(value), dict(value.get("metadata") or {})
    written = meta.get("annotations") or {}
    found: Object = {**value, "apiVersion": "autoscaling/v2", "metadata": meta}
    found["spec"] = {key: spec[key] for key in _SAME if key in spec}
    share = spec.get("targetCPUUtilizationPercentage")
    metrics: list[Object] = _read(written, annotations.METRICS, annotations.read_metrics) or []
    metrics = metrics + ([cpu_metric(share)] if share is not None else [])
    found["spec"]["metrics"] = metrics or [cpu_metric(DEFAULT_SHARE)]
    if (behavior := _read(written, annotations.BEHAVIOR, annotations.read_behavior)) is not None:
        found["spec"]["behavior"] = behavior
        default_behavior(found["spec"])
    found["status"] = _stored_status(status, written)
    kept = {key: text for key, text in written.items() if key not in annotations.ALL}
    meta.pop("annotations", None)
    if kept:
        meta["annotations"] = kept
    return found


def _stored_status(status: Object, written: dict[str, str]) -> Object:
    found: Object = {"desiredReplicas": 0, "currentMetrics": None}
    found |= {key: status[key] for key in _COUNTS if status.get(key)}
    metrics = _read(written, annotations.CURRENT, lambda text: annotations.read_metrics(text, current=True))
    used = status.get("currentCPUUtilizationPercentage")
    if metrics is not None:
        found["currentMetrics"] = metrics
    elif used is not None:
        resource = {"name": "cpu", "current": {"averageUtilization": used}}
        found["currentMetrics"] = [{"type": "Resource", "resource": resource}]
    conditions = _read(written, annotations.CONDITIONS, annotations.read_conditions)
    if conditions is not None:
        found["conditions"] = conditions
    return found


def _read(written: dict[str, str], key: str, read: Callable[[str], Any]) -> Any:
    """None where it is not there, or cannot be read."""
    if key not in written:
        return None
    try:
        return read(written[key])
    except annotations.UnreadableError:
        return None


def _prepare_create(value: Object, context: Context) -> None:
    stored = to_stored(value)
    STORED.prepare_create(stored, context)
    _replace(value, from_stored(stored))


def _update(prepare: PrepareUpdate) -> PrepareUpdate:
    def prepare_v1(new: Object, old: Object, context: Context) -> None:
        stored = to_stored(new)
        prepare(stored, to_stored(old), context)
        _replace(new, from_stored(stored))

    return prepare_v1


def _replace(value: Object, by: Object) -> None:
    value.clear()
    value.update(by)


def _errors(value: Object, context: Context) -> list[FieldError]:
    return STORED.validate(to_stored(value), context)


def _status_errors(new: Object, old: Object, context: Context) -> list[FieldError]:
    return status_errors(to_stored(new), to_stored(old), context)


def _cells(value: Object, now: float) -> list[Any]:
    return cells(to_stored(value), now)


RESOURCE = dataclasses.replace(
    STORED,
    version="v1",
    subresources=(Subresource("status", prepare_update=_update(keep_spec), validate_update=_status_errors),),
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_update(STORED.prepare_update),
    validate=_errors,
    cells=_cells,
    stored_as=("autoscaling", "horizontalpodautoscalers"),
    storage_version="v2",
    to_stored=to_stored,
    from_stored=from_stored,
)
