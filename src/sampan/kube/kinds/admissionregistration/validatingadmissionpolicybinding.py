"""ValidatingAdmissionPolicyBinding. k8s.io/kubernetes/pkg/apis/admissionregistration/validation"""

from typing import Any

from sampan.kube.kinds.admissionregistration import parameters, rules
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from sampan.specs.kubernetes.labelselector import label_selector_errors

ACTIONS = ("Audit", "Deny", "Warn")
NOT_FOUND_ACTIONS = ("Deny", "Allow")
_EXCLUSIVE = "name and selector are mutually exclusive"
_BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API "
    "response and headers serves no purpose)"
)


def default(new: Object) -> None:
    if new["spec"].get("matchResources") is not None:
        rules.default_match(new["spec"]["matchResources"])


def validate(new: Object, context: Context) -> list[FieldError]:
    return _spec_errors(new["spec"], "spec") or parameters.binding_errors(new["spec"], context)


def validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    found = _spec_errors(new["spec"], "spec")
    fields = ("paramRef", "policyName")
    if found or all(new["spec"].get(field) == old["spec"].get(field) for field in fields):
        return found
    return parameters.binding_errors(new["spec"], context)


def _spec_errors(spec: Object, path: str) -> list[FieldError]:
    policy = spec.get("policyName", "")
    found: list[FieldError] = []
    if not policy:
        found.append(required(f"{path}.policyName"))
    else:
        messages = names.dns1123_subdomain(policy)
        found += [invalid(f"{path}.policyName", policy, message) for message in messages]
    if spec.get("paramRef") is not None:
        found += _reference_errors(spec["paramRef"], f"{path}.paramRef")
    if spec.get("matchResources") is not None:
        found += rules.match_errors(spec["matchResources"], f"{path}.matchResources")
    return found + _actions_errors(spec.get("validationActions") or [], f"{path}.validationActions")


def _reference_errors(reference: Object, path: str) -> list[FieldError]:
    name, selector = reference.get("name", ""), reference.get("selector")
    action = reference.get("parameterNotFoundAction")
    found: list[FieldError] = []
    if name:
        found += [invalid(f"{path}.name", name, message) for message in names.path_segment(name)]
        if selector is not None:
            found.append(forbidden(f"{path}.name", _EXCLUSIVE))
    if selector is not None:
        found += label_selector_errors(selector, f"{path}.selector")
        if name:
            found.append(forbidden(f"{path}.selector", _EXCLUSIVE))
    if not name and selector is None:
        found.append(required(path, "one of name or selector must be specified"))
    if not action:
        found.append(required(f"{path}.parameterNotFoundAction"))
    elif action not in NOT_FOUND_ACTIONS:
        found.append(not_supported(f"{path}.parameterNotFoundAction", action, NOT_FOUND_ACTIONS))
    return found


def _actions_errors(actions: list[str], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for at, action in enumerate(actions):
        if action not in ACTIONS:
            found.append(not_supported(f"{path}[{at}]", action, ACTIONS))
        if action in actions[:at]:
            found.append(duplicate(f"{path}[{at}]", action))
    if "Deny" in actions and "Warn" in actions:
        found.append(invalid(path, actions, _BOTH))
    if not actions:
        found.append(required(path, "at least one validation action is required"))
    return found


def _selector(selector: Object) -> str:
    """As the Go that is generated for protobuf prints a LabelSelector."""
    pairs = sorted((selector.get("matchLabels") or {}).items())
    labels = "".join(f"{key}: {value}," for key, value in pairs)
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{one.get('key', '')},Operator:{one.get('operator', '')},"
        f"Values:[{' '.join(one.get('values') or ())}],}},"
        for one in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def cells(new: Object, now: float) -> list[Any]:
    spec = new["spec"]
    reference = spec.get("paramRef") or {}
    shown = "<unset>"
    if name := reference.get("name"):
        shown = f"{reference.get('namespace') or '*'}/{name}"
    elif reference.get("selector") is not None:
        shown = _selector(reference["selector"])
    return [spec.get("policyName", ""), shown, age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    group="admissionregistration.k8s.io",
    namespaced=False,
    categories=("api-extensions",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    generation=("spec",),
    unconditional_update=False,
    columns=(
        Column(
            "PolicyName",
            description="PolicyName indicates the policy definition which the policy binding binded to",
        ),
        Column(
            "ParamRef",
            description="ParamRef indicates the param resource which sets the configuration param",
        ),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
