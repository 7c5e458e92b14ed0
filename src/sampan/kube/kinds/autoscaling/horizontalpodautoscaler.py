"""HorizontalPodAutoscalers: how many pods there should be. autoscaling/v2, as which they are stored."""

from typing import Any

from sampan.kube.kinds import workloads
from sampan.kube.kinds.ages import age_of
from sampan.kube.kinds.autoscaling.metrics import metrics_errors, reference_errors, targets
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.workloads import not_negative, spec_of, status_of
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required
from sampan.specs.kubernetes.quantity import parse

_LONGEST_PERIOD, _LONGEST_WINDOW = 1800, 3600  # seconds
# Both versions show what the newer one says of its fields.
_SHOWN = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler"
_SELECT = ("Disabled", "Max", "Min")
_POLICIES = ("Percent", "Pods")
_UP = (
    {"type": "Pods", "value": 4, "periodSeconds": 15},
    {"type": "Percent", "value": 100, "periodSeconds": 15},
)
_DOWN = ({"type": "Percent", "value": 100, "periodSeconds": 15},)


def cpu_metric(share: int) -> Object:
    """The metric that is scaled by where nothing is said, and the only one that v1 has a field for."""
    target = {"type": "Utilization", "averageUtilization": share}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


DEFAULT_SHARE = 80


def _default(value: Object) -> None:
    spec = value.setdefault("spec", {})
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    if not spec.get("metrics"):
        spec["metrics"] = [cpu_metric(DEFAULT_SHARE)]
    default_behavior(spec)


def default_behavior(spec: Object) -> None:
    behavior = spec.get("behavior")
    if behavior is None:
        return
    for name, policies in (("scaleUp", _UP), ("scaleDown", _DOWN)):
        rules = behavior.get(name) or {}
        if name == "scaleUp" and rules.get("stabilizationWindowSeconds") is None:
            rules["stabilizationWindowSeconds"] = 0
        if rules.get("selectPolicy") is None:
            rules["selectPolicy"] = "Max"
        if rules.get("policies") is None:
            rules["policies"] = [dict(one) for one in policies]
        behavior[name] = rules


def _errors(value: Object, _context: Context) -> list[FieldError]:
    spec = spec_of(value)
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    found: list[FieldError] = []
    if least is not None and least < 1:
        found.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        found.append(invalid("spec.maxReplicas", most, "must be greater than 0"))
    if least is not None and most < least:
        found.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    found += _target_errors(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef")
    found += metrics_errors(spec.get("metrics") or (), least, "spec.metrics")
    for name in ("scaleUp", "scaleDown"):
        rules = (spec.get("behavior") or {}).get(name)
        if rules is not None:
            found += _rules_errors(rules, f"spec.behavior.{name}")
    return found


def _target_errors(reference: Object, path: str) -> list[FieldError]:
    found = reference_errors(reference, path)
    version = reference.get("apiVersion", "")
    if version.count("/") > 1:
        detail = f"unexpected GroupVersion string: {version}"
        return [*found, invalid(f"{path}.apiVersion", version, detail)]
    # The one kind of the core group that has a scale.
    in_core = version == "v1" and reference.get("kind") == "ReplicationController"
    if not version.rpartition("/")[0] and not in_core:
        found.append(invalid(f"{path}.apiVersion", version, "apiVersion must specify API group"))
    return found


def _rules_errors(rules: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    window, select = rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy")
    if window is not None and not 0 <= window <= _LONGEST_WINDOW:
        detail = "greater than or equal to zero" if window < 0 else f"less than or equal to {_LONGEST_WINDOW}"
        found.append(invalid(f"{path}.stabilizationWindowSeconds", window, f"must be {detail}"))
    if select is not None and select not in _SELECT:
        found.append(not_supported(f"{path}.selectPolicy", select, _SELECT))
    policies = rules.get("policies") or ()
    if not policies:
        found.append(required(f"{path}.policies", "must specify at least one Policy"))
    for at, policy in enumerate(policies):
        found += _policy_errors(policy, f"{path}.policies[{at}]")
    tolerance = rules.get("tolerance")
    if tolerance is not None and parse(tolerance).sign() < 0:
        found.append(invalid(f"{path}.tolerance", tolerance, names.NOT_NEGATIVE))
    return found


def _policy_errors(policy: Object, path: str) -> list[FieldError]:
    type_, period = policy.get("type", ""), policy.get("periodSeconds") or 0
    found: list[FieldError] = []
    if type_ not in _POLICIES:
        found.append(not_supported(f"{path}.type", type_, _POLICIES))
    for name in ("value", "periodSeconds"):
        if (number := policy.get(name) or 0) <= 0:
            found.append(invalid(f"{path}.{name}", number, "must be greater than zero"))
    if period > _LONGEST_PERIOD:
        detail = f"must be less than or equal to {_LONGEST_PERIOD}"
        found.append(invalid(f"{path}.periodSeconds", period, detail))
    return found


def status_errors(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    return not_negative(status_of(new), "status", "currentReplicas", "desiredReplicas")


def cells(value: Object, now: float) -> list[Any]:
    spec, status = spec_of(value), status_of(value)
    reference, least = spec.get("scaleTargetRef") or {}, spec.get("minReplicas")
    return [
        f"{reference.get('kind', '')}/{reference.get('name', '')}",
        targets(spec.get("metrics") or (), status.get("currentMetrics") or ()),
        "<unset>" if least is None else str(least),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas") or 0,
        age_of(value, now),
    ]


# As older versions had it: what a Table shows was never renewed.
_TARGETS_SHOWN = (
    "metrics contains the specifications for which to use to calculate the desired replica count (the"
    " maximum replica count across all metrics will be used).  The desired replica count is "
    "calculated multiplying the ratio between the target value and the current value by the current "
    "number of pods.  Ergo, metrics used must decrease as the pod count is increased, and vice-versa."
    "  See the individual metric source types for more information about how each type of metric must"
    " respond."
)

RESOURCE = Resource(
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    group="autoscaling",
    version="v2",
    short_names=("hpa",),
    categories=("all",),
    subresources=(workloads.status_subresource(status_errors),),
    default=_default,
    prepare_create=workloads.fresh_status({"desiredReplicas": 0, "currentMetrics": None}),
    prepare_update=workloads.keep_status,
    validate=_errors,
    reset_fields={"": ("status",), "status": ("spec",)},
    columns=(
        Column("Reference", describe=f"{_SHOWN}:spec.scaleTargetRef"),
        Column("Targets", description=_TARGETS_SHOWN),
        Column("MinPods", describe=f"{_SHOWN}:spec.minReplicas"),
        Column("MaxPods", describe=f"{_SHOWN}:spec.maxReplicas"),
        Column("Replicas", describe=f"{_SHOWN}:status.currentReplicas"),
        workloads.AGE,
    ),
    cells=cells,
)
