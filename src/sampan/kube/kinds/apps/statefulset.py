"""StatefulSets: pods that keep their names and their storage."""

from typing import Any

from sampan.kube.kinds import structs, workloads
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.core.podspec.claimtemplates import claim_spec_errors
from sampan.kube.kinds.core.podspec.defaults import default_claim_spec, default_template
from sampan.kube.kinds.core.podspec.spec import template_errors
from sampan.kube.kinds.core.podspec.warnings import claim_size_warnings
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.resource import Column, Context, Object, Resource, ScaleOf
from sampan.kube.kinds.workloads import not_negative, spec_of, status_of
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required
from sampan.specs.kubernetes.intorstring import (
    number,
    over_100_percent_errors,
    positive_int_or_percent_errors,
)
from sampan.specs.kubernetes.labelselector import can_select, shown

_MAY_CHANGE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_FIXED = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_RETENTION = ("Retain", "Delete")


def _default(value: Object) -> None:
    spec = value.setdefault("spec", {})
    if not spec.get("podManagementPolicy"):
        spec["podManagementPolicy"] = "OrderedReady"
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    elif strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"].setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for name in ("whenDeleted", "whenScaled"):
        if not retention.get(name):
            retention[name] = "Retain"
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    if spec.get("revisionHistoryLimit") is None:
        spec["revisionHistoryLimit"] = 10
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.update(apiVersion="v1", kind="PersistentVolumeClaim")
        default_claim_spec(claim.setdefault("spec", {}))
        status = claim.setdefault("status", {})
        if not status.get("phase"):
            status["phase"] = "Pending"
    default_template(spec.setdefault("template", {}))


_fresh_status = workloads.fresh_status({"replicas": 0, "availableReplicas": 0})


def _prepare_create(new: Object, context: Context) -> None:
    _fresh_status(new, context)
    _rolling(new).pop("maxUnavailable", None)  # behind a gate that is closed


def _prepare_update(new: Object, old: Object, context: Context) -> None:
    workloads.keep_status(new, old, context)
    if "maxUnavailable" not in _rolling(old):
        _rolling(new).pop("maxUnavailable", None)


def _rolling(value: Object) -> Object:
    return (spec_of(value).get("updateStrategy") or {}).get("rollingUpdate") or {}


def _spec_errors(spec: Object) -> list[FieldError]:
    found = _policies_errors(spec)
    found += not_negative(spec, "spec", "replicas", "minReadySeconds")
    found += not_negative(spec.get("ordinals") or {}, "spec.ordinals", "start")
    found += workloads.selector_errors(spec.get("selector"), "spec.selector", "statefulset")
    if name := spec.get("serviceName"):
        found += [invalid("spec.serviceName", name, message) for message in names.dns1123_label(name)]
    found += _template_errors(spec)
    template = spec.get("template") or {}
    return found + workloads.always_errors(template.get("spec") or {}, "spec.template.spec", "StatefulSet")


def _policies_errors(spec: Object) -> list[FieldError]:
    found: list[FieldError] = []
    policy = spec.get("podManagementPolicy", "")
    if not policy:
        found.append(required("spec.podManagementPolicy"))
    elif policy not in ("OrderedReady", "Parallel"):
        found.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    found += _strategy_errors(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for name in ("whenDeleted", "whenScaled"):
        if name in retention and retention[name] not in _RETENTION:
            path = f"spec.persistentVolumeClaimRetentionPolicy.{name}"
            found.append(not_supported(path, retention[name], _RETENTION))
    return found


def _strategy_errors(strategy: Object, path: str) -> list[FieldError]:
    type_, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if not type_:
        return [required(path)]
    if type_ == "OnDelete":
        if rolling is None:
            return []
        value = structs.shown("RollingUpdateStatefulSetStrategy", rolling)
        return [invalid(f"{path}.rollingUpdate", value, "only allowed for updateStrategy 'RollingUpdate'")]
    if type_ != "RollingUpdate":
        value = structs.shown("StatefulSetUpdateStrategy", strategy)
        return [invalid(path, value, "must be 'RollingUpdate' or 'OnDelete'")]
    return _rolling_errors(rolling, f"{path}.rollingUpdate") if rolling is not None else []


def _rolling_errors(rolling: Object, path: str) -> list[FieldError]:
    found = not_negative(rolling, path, "partition")
    if (amount := rolling.get("maxUnavailable")) is not None:
        path = f"{path}.maxUnavailable"
        found += positive_int_or_percent_errors(amount, path)
        if not number(amount):
            found.append(invalid(path, amount, "cannot be 0"))
        found += over_100_percent_errors(amount, path)
    return found


def _template_errors(spec: Object) -> list[FieldError]:
    """The template as pods will be made from it, with the volumes that their claims become."""
    selector, template = spec.get("selector"), spec.get("template") or {}
    claims = spec.get("volumeClaimTemplates") or []
    found: list[FieldError] = []
    for at, claim in enumerate(claims):
        found += claim_spec_errors(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{at}].spec")
    if selector is not None and not can_select(selector):
        return [*found, invalid("spec.selector", shown(selector))]
    found += workloads.labels_errors(template, selector, "spec.template")
    return found + template_errors(_with_claims(template, claims), "spec.template")


def _with_claims(template: Object, claims: list[Object]) -> Object:
    if not claims:
        return template
    claimed = [(claim.get("metadata") or {}).get("name", "") for claim in claims]
    volumes: list[Object] = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claimed]
    spec = template.get("spec") or {}
    volumes += [one for one in spec.get("volumes") or () if one.get("name", "") not in claimed]
    return {**template, "spec": {**spec, "volumes": volumes}}


def _errors(value: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(spec_of(value))


def _update_errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    found = _spec_errors(spec_of(new))
    fixed = (
        {key: one for key, one in spec_of(value).items() if key not in _MAY_CHANGE} for value in (new, old)
    )
    if not same(*fixed):
        found.append(forbidden("spec", _FIXED))
    return found


def _status_errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    status = status_of(new)
    counters = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    found = not_negative(status, "status", "replicas", *counters, "observedGeneration", "collisionCount")
    found += workloads.more_than_replicas(status, *counters)
    found += workloads.more_available_than_ready(status, "status.readyReplicas")
    return found + workloads.collision_errors(new, old)


def _warnings(new: Object, old: Object | None, _context: Context) -> list[str]:
    spec = spec_of(new)
    found = workloads.changed_template_warnings(new, old)
    if old is not None and not found and same(spec, spec_of(old)):
        return []
    for at, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        amounts = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
        found += claim_size_warnings(amounts, f"spec.volumeClaimTemplates[{at}].spec.resources.requests")
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        found.append(
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; "
            "a value >= 0 is recommended"
        )
    return found


def _cells(value: Object, now: float) -> list[Any]:
    spec, status = spec_of(value), status_of(value)
    return [
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        age((value.get("metadata") or {}).get("creationTimestamp"), now),
        *workloads.containers_cells(spec.get("template") or {}),
    ]


RESOURCE = Resource(
    kind="StatefulSet",
    plural="statefulsets",
    group="apps",
    short_names=("sts",),
    categories=("all",),
    names="label",
    subresources=(workloads.SCALE, workloads.status_subresource(_status_errors)),
    scale=ScaleOf(selector=workloads.scale_selector),
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_errors,
    validate_update=_update_errors,
    warnings=_warnings,
    generation=("spec",),
    reset_fields={"": ("status",), "status": ("spec",)},
    columns=(
        Column("Ready", description="Number of the pod with ready state"),
        workloads.AGE,
        *workloads.CONTAINERS,
    ),
    cells=_cells,
)
