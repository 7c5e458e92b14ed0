"""What a HorizontalPodAutoscaler scales by: what metrics must be like, and how a Table shows them."""

from collections.abc import Sequence
from typing import Any

from sampan.kube.kinds.core.podspec.resourcenames import container_resource_name_errors
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required
from sampan.specs.kubernetes.quantity import parse

_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
_SOURCES = ("object", "external", "pods", "resource", "containerResource")
_TARGETS = ("Utilization", "Value", "AverageValue")
_SHOWN = 2
_UNKNOWN = "<unknown>"


def metrics_errors(metrics: Sequence[Object], least: int | None, path: str) -> list[FieldError]:
    """`least`: minReplicas; resources of pods say nothing of when the first is needed."""
    found: list[FieldError] = []
    for at, metric in enumerate(metrics):
        found += _metric_errors(metric, f"{path}[{at}]")
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        found.append(forbidden(path, detail))
    return found


def _metric_errors(metric: Object, path: str) -> list[FieldError]:
    type_ = metric.get("type", "")
    found: list[FieldError] = []
    if not type_:
        found.append(required(f"{path}.type", "must specify a metric source type"))
    if type_ not in _TYPES:
        found.append(not_supported(f"{path}.type", type_, _TYPES))
    present = [name for name in _SOURCES if metric.get(name) is not None]
    for name in present[:1]:  # of several only the first is looked at
        found += _ERRORS[name](metric[name], f"{path}.{name}")
    expected = type_[:1].lower() + type_[1:] if type_ in _TYPES else ""
    if expected and expected not in present:
        detail = "must populate information for the given metric source"
        found.append(required(f"{path}.{expected}", detail))
    if not expected:
        found.append(not_supported(f"{path}.type", type_, _TYPES))  # said twice upstream too
    if len(present) != 1:
        detail = "must populate the given metric source only"
        found += [forbidden(f"{path}.{name}", detail) for name in present if name != expected]
    return found


def reference_errors(reference: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for name in ("kind", "name"):
        if not (value := reference.get(name, "")):
            found.append(required(f"{path}.{name}"))
        found += [invalid(f"{path}.{name}", value, message) for message in names.path_segment(value)]
    return found


def _object_errors(source: Object, path: str) -> list[FieldError]:
    found = reference_errors(source.get("describedObject") or {}, f"{path}.describedObject")
    found += _identified_errors(source, path)
    if not _has(source, "value", "averageValue"):
        detail = "must set either a target value or averageValue"
        found.append(required(f"{path}.target.averageValue", detail))
    return found


def _external_errors(source: Object, path: str) -> list[FieldError]:
    found = _identified_errors(source, path)
    if not _has(source, "value", "averageValue"):
        detail = "must set either a target value for metric or a per-pod target"
        found.append(required(f"{path}.target.averageValue", detail))
    if _has(source, "value") and _has(source, "averageValue"):
        detail = "may not set both a target value for metric and a per-pod target"
        found.append(forbidden(f"{path}.target.value", detail))
    return found


def _pods_errors(source: Object, path: str) -> list[FieldError]:
    found = _identified_errors(source, path)
    amount = (source.get("target") or {}).get("averageValue")
    if amount is None or not _is_positive(amount):
        detail = "must specify a positive target averageValue"
        found.append(required(f"{path}.target.averageValue", detail))
    return found


def _resource_errors(source: Object, path: str) -> list[FieldError]:
    if not source.get("name"):
        return [required(f"{path}.name", "must specify a resource name"), *_share_errors(source, path)]
    return _share_errors(source, path)


def _container_errors(source: Object, path: str) -> list[FieldError]:
    name, container = source.get("name", ""), source.get("container", "")
    found = container_resource_name_errors(name, f"{path}.name") if name else []
    if not name:
        found.append(required(f"{path}.name", "must specify a resource name"))
    if not container:
        found.append(required(f"{path}.container", "must specify a container"))
    else:
        found += [invalid(f"{path}.container", container, text) for text in names.dns1123_label(container)]
    return found + _share_errors(source, path)


_ERRORS = {
    "object": _object_errors,
    "external": _external_errors,
    "pods": _pods_errors,
    "resource": _resource_errors,
    "containerResource": _container_errors,
}


def _identified_errors(source: Object, path: str) -> list[FieldError]:
    """What the metric's name and target must be like."""
    name = (source.get("metric") or {}).get("name", "")
    path_, found = f"{path}.metric.name", []
    if not name:
        found.append(required(path_, "must specify a metric name"))
    found += [invalid(path_, name, message) for message in names.path_segment(name)]
    return found + _target_errors(source.get("target") or {}, f"{path}.target")


def _share_errors(source: Object, path: str) -> list[FieldError]:
    """Of a resource that pods have asked for."""
    found = _target_errors(source.get("target") or {}, f"{path}.target")
    if not _has(source, "averageUtilization", "averageValue"):
        detail = "must set either a target raw value or a target utilization"
        found.append(required(f"{path}.target.averageUtilization", detail))
    if _has(source, "averageUtilization") and _has(source, "averageValue"):
        detail = "may not set both a target raw value and a target utilization"
        found.append(forbidden(f"{path}.target.averageValue", detail))
    return found


def _target_errors(target: Object, path: str) -> list[FieldError]:
    type_ = target.get("type", "")
    found: list[FieldError] = []
    if not type_:
        found.append(required(f"{path}.type", "must specify a metric target type"))
    if type_ not in _TARGETS:
        detail = "must be either Utilization, Value, or AverageValue"
        found.append(invalid(f"{path}.type", type_, detail))
    for name in ("value", "averageValue"):
        amount = target.get(name)
        if amount is not None and not _is_positive(amount):
            found.append(invalid(f"{path}.{name}", amount, "must be positive"))
    share = target.get("averageUtilization")
    if share is not None and share < 1:
        found.append(invalid(f"{path}.averageUtilization", share, "must be greater than 0"))
    return found


def _has(source: Object, *fields: str) -> bool:
    target = source.get("target") or {}
    return any(target.get(name) is not None for name in fields)


def _is_positive(amount: str) -> bool:
    return parse(amount).sign() > 0


def targets(metrics: Sequence[Object], statuses: Sequence[Object]) -> str:
    """The cell: what is and what should be, of the first two."""
    texts = []
    for at, metric in enumerate(metrics):
        texts.append(_target(metric, statuses[at] if at < len(statuses) else {}))
    if not texts:
        return "<none>"
    more = f" + {len(texts) - _SHOWN} more..." if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _target(metric: Object, status: Object) -> str:
    type_ = metric.get("type", "")
    key = type_[:1].lower() + type_[1:]
    source, current = metric.get(key) or {}, (status.get(key) or {}).get("current") or {}
    target = source.get("target") or {}
    if type_ in ("Resource", "ContainerResource"):
        return f"{source.get('name', '')}: {_share(target, current)}"
    if type_ == "Pods":
        return f"{_amount(current, 'averageValue')}/{target.get('averageValue', '0')}"
    if type_ in ("Object", "External"):
        if target.get("averageValue") is not None:
            return f"{_amount(current, 'averageValue')}/{target['averageValue']} (avg)"
        return f"{_amount(current, 'value')}/{target.get('value', '0')}"
    return "<unknown type>"


def _share(target: Object, current: Object) -> str:
    if target.get("averageValue") is not None:
        return f"{_amount(current, 'averageValue')}/{target['averageValue']}"
    used, wanted = current.get("averageUtilization"), target.get("averageUtilization")
    return f"{_UNKNOWN if used is None else f'{used}%'}/{'<auto>' if wanted is None else f'{wanted}%'}"


def _amount(current: Object, name: str) -> Any:
    return _UNKNOWN if current.get(name) is None else current[name]
