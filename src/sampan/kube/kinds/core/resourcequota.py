"""ResourceQuotas; pkg/apis/core/validation, pkg/registry/core/resourcequota, pkg/printers."""

from sampan.kube.kinds.ages import AGE, age_of
from sampan.kube.kinds.core.amounts import round_amounts
from sampan.kube.kinds.core.podspec.resourcenames import is_huge_page, resource_name_errors
from sampan.kube.kinds.core.podspec.resources import amount_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource, Subresource
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required, shown_in_order
from sampan.specs.kubernetes.object_meta import IMMUTABLE

_COMPUTE = {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}
_COUNTED = (
    "pods resourcequotas services replicationcontrollers secrets persistentvolumeclaims configmaps "
    "services.nodeports services.loadbalancers"
)
_STANDARD = {
    *_COMPUTE,
    *_COUNTED.split(),
    "ephemeral-storage",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.ephemeral-storage",
}
OF_PODS = {"pods"} | _COMPUTE
# Which resources a quota of a scope can count.
_SCOPES = {
    "Terminating": OF_PODS,
    "NotTerminating": OF_PODS,
    "NotBestEffort": OF_PODS,
    "PriorityClass": OF_PODS,
    "CrossNamespacePodAffinity": OF_PODS,
    "BestEffort": {"pods"},
    "VolumeAttributesClass": {"persistentvolumeclaims", "requests.storage"},
}
_MUST_EXIST = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_OPPOSITES = ({"BestEffort", "NotBestEffort"}, {"NotTerminating", "Terminating"})


def _default(value: Object) -> None:
    round_amounts((value.get("spec") or {}).get("hard"))
    status = value.get("status") or {}
    round_amounts(status.get("hard"), status.get("used"))


def _prepare_create(new: Object, _context: Context) -> None:
    new["status"] = {}


def _prepare_update(new: Object, old: Object, _context: Context) -> None:
    new["status"] = old.get("status", {})


def _prepare_status(new: Object, old: Object, _context: Context) -> None:
    new["spec"] = old.get("spec", {})


def is_standard(name: str) -> bool:
    """Can a quota count it, though it has no domain in its name?"""
    return name in _STANDARD or is_huge_page(name.removeprefix("requests."))


def _amounts_errors(amounts: Object | None, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for name, amount in (amounts or {}).items():
        where = f"{path}[{name}]"
        # Upstream knows of huge pages that are requested here only.
        wrong = [] if is_standard(name) else resource_name_errors(name, where)
        if "/" not in name and not is_standard(name):
            wrong.append(invalid(where, name, "must be a standard resource for quota"))
        found += wrong + amount_errors(name, amount, where)
    return found


def _spec_errors(spec: Object) -> list[FieldError]:
    found = _amounts_errors(spec.get("hard"), "spec.hard")
    hard = sorted(name for name in spec.get("hard") or () if is_standard(name))
    if scopes := spec.get("scopes"):
        found += _scopes_errors(scopes, hard)
    if (selector := spec.get("scopeSelector")) is not None:
        found += _selector_errors(selector, spec, hard)
    return found


def _scopes_errors(scopes: list[str], hard: list[str]) -> list[FieldError]:
    path = "spec.scopes"
    found = []
    for scope in scopes:
        if scope not in _SCOPES:
            found.append(invalid(path, scopes, "unsupported scope"))
            continue
        found += [
            invalid(path, scopes, "unsupported scope applied to resource")
            for name in hard
            if name not in _SCOPES[scope]
        ]
    return found + _conflict_errors(set(scopes), scopes, path)


def _conflict_errors(chosen: set[str], shown: list[str] | None, path: str) -> list[FieldError]:
    return [invalid(path, shown, "conflicting scopes") for pair in _OPPOSITES if pair <= chosen]


def _selector_errors(selector: Object, spec: Object, hard: list[str]) -> list[FieldError]:
    path = "spec.scopeSelector.matchExpressions"
    expressions = selector.get("matchExpressions") or []
    found = []
    for one in expressions:
        scope = one.get("scopeName", "")
        if scope not in _SCOPES:
            found.append(invalid(f"{path}.scopeName", scope, "unsupported scope"))
        found += [
            invalid(path, _shown(expressions), "unsupported scope applied to resource")
            for name in hard
            if scope in _SCOPES and name not in _SCOPES[scope]
        ]
        found += _operator_errors(one, scope, path)
    chosen = {one.get("scopeName", "") for one in expressions}
    return found + _conflict_errors(chosen, spec.get("scopes"), path)


def _shown(expressions: list[Object]) -> str:
    shown = [
        {
            "ScopeName": one.get("scopeName", ""),
            "Operator": one.get("operator", ""),
            "Values": one.get("values"),
        }
        for one in expressions
    ]
    return shown_in_order({"MatchExpressions": shown or None})


def _operator_errors(expression: Object, scope: str, path: str) -> list[FieldError]:
    operator, values = expression.get("operator", ""), expression.get("values") or []
    found = []
    if scope in _MUST_EXIST and operator != "Exists":
        detail = (
            "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
            "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort "
            "or ResourceQuotaScopeCrossNamespacePodAffinity"
        )
        found.append(invalid(f"{path}.operator", operator, detail))
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            found.append(required(f"{path}.values", detail))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            found.append(invalid(f"{path}.values", values, detail))
    else:
        found.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    return found


def _status_errors(value: Object) -> list[FieldError]:
    status = value.get("status") or {}
    return _amounts_errors(status.get("hard"), "status.hard") + _amounts_errors(
        status.get("used"), "status.used"
    )


def _validate(value: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(value.get("spec") or {}) + _status_errors(value)


def _validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    spec = new.get("spec") or {}
    found = _spec_errors(spec)
    scopes = spec.get("scopes") or []
    if set(scopes) != set((old.get("spec") or {}).get("scopes") or []):
        found.append(invalid("spec.scopes", scopes or None, IMMUTABLE))
    return found


def _validate_status(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    found = [] if new["metadata"].get("resourceVersion") else [required("resourceVersion")]
    return found + _status_errors(new)


def _cells(value: Object, now: float) -> list[object]:
    status = value.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    texts = {name: f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard)}
    limits = [name for name in texts if name.startswith("limits.")]
    requests = ", ".join(text for name, text in texts.items() if name not in limits)
    return [requests, ", ".join(texts[name] for name in limits), age_of(value, now)]


RESOURCE = Resource(
    kind="ResourceQuota",
    plural="resourcequotas",
    short_names=("quota",),
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=_validate_update,
    subresources=(Subresource("status", prepare_update=_prepare_status, validate_update=_validate_status),),
    reset_fields={"": ("status",), "status": ("spec",)},
    create_on_update=False,
    empty={"spec": {}, "status": {}},
    deletion_returns_object=True,
    columns=(
        Column(
            "Request",
            description="Request represents a minimum amount of cpu/memory that a container may consume.",
        ),
        Column(
            "Limit",
            description=(
                "Limits control the maximum amount of cpu/memory that a container may use independent of "
                "contention on the node."
            ),
        ),
        AGE,
    ),
    cells=_cells,
)
