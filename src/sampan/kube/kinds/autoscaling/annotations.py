"""What autoscaling/v1 has no fields for and therefore keeps in annotations: metrics, conditions, behavior.

The texts are those of upstream: metrics and conditions as v1 would have them, behavior as Go's internal type
prints itself. k8s.io/kubernetes/pkg/apis/autoscaling/{annotations.go,v1/conversion.go}
"""

from collections.abc import Sequence
from typing import Any

import orjson

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes.quantity import canonical

_PREFIX = "autoscaling.alpha.kubernetes.io/"
METRICS, CURRENT = f"{_PREFIX}metrics", f"{_PREFIX}current-metrics"
CONDITIONS, BEHAVIOR = f"{_PREFIX}conditions", f"{_PREFIX}behavior"
ALL = (METRICS, CURRENT, CONDITIONS, BEHAVIOR)

# Of each source: (key in v1, path in v2, type). Types: str, int, "quantity", dict.
_METRIC, _SELECTOR = ("metric", "name"), ("metric", "selector")
_SPECS: dict[str, tuple[tuple[str, tuple[str, ...], Any], ...]] = {
    "object": (
        ("target", ("describedObject",), dict),
        ("metricName", _METRIC, str),
        ("targetValue", ("target", "value"), "quantity"),
        ("selector", _SELECTOR, dict),
        ("averageValue", ("target", "averageValue"), "quantity"),
    ),
    "pods": (
        ("metricName", _METRIC, str),
        ("targetAverageValue", ("target", "averageValue"), "quantity"),
        ("selector", _SELECTOR, dict),
    ),
    "resource": (
        ("name", ("name",), str),
        ("targetAverageUtilization", ("target", "averageUtilization"), int),
        ("targetAverageValue", ("target", "averageValue"), "quantity"),
    ),
    "containerResource": (
        ("name", ("name",), str),
        ("targetAverageUtilization", ("target", "averageUtilization"), int),
        ("targetAverageValue", ("target", "averageValue"), "quantity"),
        ("container", ("container",), str),
    ),
    "external": (
        ("metricName", _METRIC, str),
        ("metricSelector", _SELECTOR, dict),
        ("targetValue", ("target", "value"), "quantity"),
        ("targetAverageValue", ("target", "averageValue"), "quantity"),
    ),
}
# Written even where there is nothing to say: no pointers in Go.
_ALWAYS: dict[tuple[str, str], Any] = {
    ("object", "target"): {"kind": "", "name": ""},
    ("object", "metricName"): "",
    ("object", "targetValue"): "0",
    ("object", "currentValue"): "0",
    ("pods", "metricName"): "",
    ("pods", "targetAverageValue"): "0",
    ("pods", "currentAverageValue"): "0",
    ("resource", "name"): "",
    ("resource", "currentAverageValue"): "0",
    ("containerResource", "name"): "",
    ("containerResource", "container"): "",
    ("containerResource", "currentAverageValue"): "0",
    ("external", "metricName"): "",
    ("external", "currentValue"): "0",
}
_BEHAVIOR = (
    ("StabilizationWindowSeconds", "stabilizationWindowSeconds"),
    ("SelectPolicy", "selectPolicy"),
    ("Policies", "policies"),
    ("Tolerance", "tolerance"),
)
_POLICY = (("Type", "type", str), ("Value", "value", int), ("PeriodSeconds", "periodSeconds", int))


class UnreadableError(ValueError):
    """Of a text that is not what such an annotation has; it then counts for nothing."""


def _status_key(key: str) -> str:
    return key.replace("targetA", "currentA").replace("targetV", "currentV")


def _status_path(path: tuple[str, ...]) -> tuple[str, ...]:
    return ("current", *path[1:]) if path[0] == "target" else path


def metrics_text(metrics: Sequence[Object], *, current: bool = False) -> str:
    """`current`: of what there is now, which is written with other names."""
    return orjson.dumps([_metric_out(one, current) for one in metrics]).decode()


def _metric_out(metric: Object, current: bool) -> Object:
    found: Object = {"type": metric.get("type", "")}
    for kind, fields in _SPECS.items():
        if (source := metric.get(kind)) is None:
            continue
        written: Object = {}
        for key, path, _ in fields:
            if current:
                key, path = _status_key(key), _status_path(path)
            value: Any = source
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            if value is None:
                value = _ALWAYS.get((kind, key))
            if value is not None:
                written[key] = value
        found[kind] = written
    return found


def read_metrics(text: str, *, current: bool = False) -> list[Object]:
    """Raises UnreadableError."""
    found = _loads(text)
    if found is None:
        return []
    return [_metric_in(_as(one, dict), current) for one in _as(found, list)]


def _metric_in(metric: Object, current: bool) -> Object:
    found: Object = {"type": _as(metric.get("type", ""), str)}
    for kind, fields in _SPECS.items():
        if metric.get(kind) is None:
            continue
        source = _as(metric[kind], dict)
        read: Object = {} if current else {"target": {"type": ""}}
        for key, path, type_ in fields:
            if current:
                key, path = _status_key(key), _status_path(path)
            if source.get(key) is not None:
                _put(read, path, _value(source[key], type_))
        if not current:
            read["target"]["type"] = _target_type(kind, read["target"])
        found[kind] = read
    return found


def _target_type(kind: str, target: Object) -> str:
    if "averageUtilization" in target:
        return "Utilization"
    if kind in ("pods", "resource", "containerResource"):
        return "AverageValue"
    return "Value" if "value" in target and "averageValue" not in target else "AverageValue"


def _put(value: Object, path: tuple[str, ...], what: Any) -> None:
    *parents, last = path
    for name in parents:
        value = value.setdefault(name, {})
    value[last] = what


def _value(value: Any, type_: Any) -> Any:
    if type_ != "quantity":
        return _as(value, type_)
    try:
        return canonical(str(value) if isinstance(value, int) else _as(value, str))
    except ValueError as error:
        raise UnreadableError from error


def _as(value: Any, type_: type) -> Any:
    if not isinstance(value, type_) or (type_ is int and isinstance(value, bool)):
        raise UnreadableError
    return value


def _loads(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnreadableError from error


def conditions_text(conditions: Sequence[Object]) -> str:
    names = ("type", "status", "lastTransitionTime", "reason", "message")
    empty = {"type": "", "status": "", "lastTransitionTime": None}
    found = []
    for one in conditions:
        values = {name: one.get(name) or empty.get(name) for name in names}
        found.append({name: value for name, value in values.items() if value is not None or name in empty})
    return orjson.dumps(found).decode()


def read_conditions(text: str) -> list[Object]:
    """Raises UnreadableError."""
    found = []
    for one in _as(_loads(text) or [], list):
        names = ("type", "status", "lastTransitionTime", "reason", "message")
        condition = {name: _as(one[name], str) for name in names if _as(one, dict).get(name) is not None}
        found.append({"type": "", "status": ""} | condition)
    return found


def behavior_text(behavior: Object) -> str:
    written = {}
    for go, name in (("ScaleUp", "scaleUp"), ("ScaleDown", "scaleDown")):
        rules = behavior.get(name)
        written[go] = None if rules is None else {key: _rule(rules.get(one), key) for key, one in _BEHAVIOR}
    return orjson.dumps(written).decode()


def _rule(value: Any, key: str) -> Any:
    if key != "Policies" or value is None:
        return value
    return [{go: one.get(name, type_()) for go, name, type_ in _POLICY} for one in value]


def read_behavior(text: str) -> Object | None:
    """Raises UnreadableError."""
    given = _folded(_loads(text) or {})
    found: Object = {}
    for name in ("scaleUp", "scaleDown"):
        if (rules := given.get(name.lower())) is not None:
            found[name] = _rules_in(_folded(rules))
    return found


def _rules_in(rules: Object) -> Object:
    found: Object = {}
    types = (int, str, list, "quantity")
    for (go, name), type_ in zip(_BEHAVIOR, types, strict=True):
        if (value := rules.get(go.lower())) is not None:
            found[name] = _value(value, type_)
    if "policies" in found:
        found["policies"] = [_policy_in(_folded(one)) for one in found["policies"]]
    return found


def _policy_in(policy: Object) -> Object:
    return {
        name: type_() if policy.get(go.lower()) is None else _as(policy[go.lower()], type_)
        for go, name, type_ in _POLICY
    }


def _folded(value: Any) -> Object:
    """Go reads its own names in any case."""
    return {key.lower(): one for key, one in _as(value, dict).items()}
