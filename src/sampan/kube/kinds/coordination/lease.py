"""Lease. k8s.io/kubernetes/pkg/apis/coordination/validation"""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported

STRATEGIES = ("OldestEmulationVersion",)


def validate(new: Object, _context: Context) -> list[FieldError]:
    spec = new["spec"]
    found: list[FieldError] = []
    if (seconds := spec.get("leaseDurationSeconds")) is not None and seconds <= 0:
        found.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    if (transitions := spec.get("leaseTransitions")) is not None and transitions < 0:
        found.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
    if (strategy := spec.get("strategy")) is not None:
        found += _strategy_errors(strategy, "spec.strategy.strategy")
    if spec.get("preferredHolder") and not strategy:
        found.append(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"))
    return found


def _strategy_errors(strategy: str, path: str) -> list[FieldError]:
    if "/" in strategy:
        return [invalid(path, strategy, message) for message in names.qualified_name(strategy)]
    return [] if strategy in STRATEGIES else [not_supported(path, strategy, STRATEGIES)]


def cells(new: Object, now: float) -> list[Any]:
    holder = new["spec"].get("holderIdentity") or ""
    return [holder, age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "Lease",
    "leases",
    group="coordination.k8s.io",
    validate=validate,
    create_on_update=True,
    unconditional_update=False,
    columns=(
        Column("Holder", describe="spec.holderIdentity"),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
