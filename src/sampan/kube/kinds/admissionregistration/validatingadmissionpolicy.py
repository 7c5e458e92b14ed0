"""ValidatingAdmissionPolicy. k8s.io/kubernetes/pkg/apis/admissionregistration/validation"""

from typing import Any

from sampan.kube.kinds import statuses
from sampan.kube.kinds.admissionregistration import expressions, parameters, rules
from sampan.kube.kinds.admissionregistration.expressions import Variables, trimmed
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.schema.cel.types import DYN
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.conditions import conditions_errors
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    shown_in_order,
)

REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
AUDIT_ANNOTATIONS = 20
VALUE_LENGTH = 5 * 1024
_RESERVED = frozenset(
    "true false null in as break const continue else for function if import let loop package "  # noqa: SIM905
    "namespace return var void while".split()
)
_NONE = "validations or auditAnnotations must contain at least one item"


def default(new: Object) -> None:
    spec = new["spec"]
    spec.setdefault("failurePolicy", "Fail")
    if spec.get("matchConstraints") is not None:
        rules.default_match(spec["matchConstraints"])


def validate(new: Object, context: Context) -> list[FieldError]:
    found = _spec_errors(new, conditions=True)
    return found or parameters.policy_errors(new["spec"].get("paramKind"), context)


def validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    spec, before = new["spec"], old["spec"]
    changed = any(spec.get(field) != before.get(field) for field in ("paramKind", "matchConditions"))
    found = _spec_errors(new, conditions=changed)
    if found or spec.get("paramKind") == before.get("paramKind"):
        return found
    return parameters.policy_errors(spec.get("paramKind"), context)


def _spec_errors(new: Object, *, conditions: bool) -> list[FieldError]:
    spec, path = new["spec"], "spec"
    found: list[FieldError] = []
    policy, kind, match = spec.get("failurePolicy"), spec.get("paramKind"), spec.get("matchConstraints")
    if policy is None:
        found.append(required(f"{path}.failurePolicy"))
    elif policy not in rules.FAILURE_POLICIES:
        found.append(not_supported(f"{path}.failurePolicy", policy, rules.FAILURE_POLICIES))
    if kind is not None:
        found += parameters.kind_errors(kind, f"{path}.paramKind")
    if match is None:
        found.append(required(f"{path}.matchConstraints"))
    else:
        found += rules.match_errors(match, f"{path}.matchConstraints")
        if not match.get("resourceRules"):
            found.append(required(f"{path}.matchConstraints.resourceRules"))
    params = kind is not None
    if conditions:
        where = f"{path}.matchConditions"
        found += expressions.conditions_errors(spec.get("matchConditions"), params, where)
    variables = Variables(bool(spec.get("variables")))
    for at, variable in enumerate(spec.get("variables") or ()):
        found += _variable_errors(variable, variables, params, f"{path}.variables[{at}]")
    return found + _checks_errors(new, variables, params, path)


def _variable_errors(variable: Object, variables: Variables, params: bool, path: str) -> list[FieldError]:
    name, expression = variable.get("name", ""), variable.get("expression", "")
    found: list[FieldError] = []
    if not trimmed(name):
        found.append(required(f"{path}.name", "name is not specified"))
    elif not _is_identifier(name):
        found.append(invalid(f"{path}.name", name, "must be a valid CEL identifier"))
    if not trimmed(expression):
        return [*found, required(f"{path}.expression", "expression is not specified")]
    environment = variables.environment(params, True)
    program, errors = expressions.compiled(
        expression, environment, expressions.ANYTHING, f"{path}.expression"
    )
    variables.add(name, program.type if program else DYN)
    return found + errors


def _is_identifier(name: str) -> bool:
    return name.isascii() and name.isidentifier() and name not in _RESERVED


def _checks_errors(new: Object, variables: Variables, params: bool, path: str) -> list[FieldError]:
    validations = new["spec"].get("validations") or []
    annotations = new["spec"].get("auditAnnotations") or []
    if not validations and not annotations:
        return [required(f"{path}.validations", _NONE), required(f"{path}.auditAnnotations", _NONE)]
    found: list[FieldError] = []
    for at, one in enumerate(validations):
        found += _validation_errors(one, variables, params, f"{path}.validations[{at}]")
    if len(annotations) > AUDIT_ANNOTATIONS:
        detail = f"must not have more than {AUDIT_ANNOTATIONS} auditAnnotations"
        found.append(invalid(f"{path}.auditAnnotations", _shown_annotations(annotations), detail))
    seen: set[str] = set()
    for at, one in enumerate(annotations):
        where = f"{path}.auditAnnotations[{at}]"
        found += _annotation_errors(one, new["metadata"].get("name", ""), variables, params, where)
        key = one.get("key", "")
        if key in seen:
            found.append(duplicate(f"{where}.key", key))
        seen.add(key)
    return found


def _shown_annotations(annotations: list[Object]) -> str:
    return shown_in_order(
        [
            {"Key": one.get("key", ""), "ValueExpression": one.get("valueExpression", "")}
            for one in annotations
        ]
    )


def _validation_errors(one: Object, variables: Variables, params: bool, path: str) -> list[FieldError]:
    expression, message = one.get("expression", ""), one.get("message", "")
    message_expression, reason = one.get("messageExpression", ""), one.get("reason")
    if trimmed(expression):
        environment = variables.environment(params, True)
        _, found = expressions.compiled(expression, environment, expressions.BOOLEAN, f"{path}.expression")
    else:
        found = [required(f"{path}.expression", "expression is not specified")]
    where = f"{path}.messageExpression"
    if message_expression and not trimmed(message_expression):
        found.append(invalid(where, message_expression, "must be non-empty if specified"))
    elif message_expression:
        environment = variables.environment(params, False)
        found += expressions.compiled(message_expression, environment, expressions.TEXT, where)[1]
    if message and not trimmed(message):
        found.append(invalid(f"{path}.message", message, "must be non-empty if specified"))
    elif any(char in trimmed(message) for char in "\n\r"):
        found.append(invalid(f"{path}.message", message, "must not contain line breaks"))
    if reason is not None and reason not in REASONS:
        found.append(not_supported(f"{path}.reason", reason, REASONS))
    return found


def _annotation_errors(
    one: Object, policy: str, variables: Variables, params: bool, path: str
) -> list[FieldError]:
    key, given = one.get("key", ""), one.get("valueExpression", "")
    if policy:
        whole = f"{policy}/{key}"
        found = [invalid(f"{path}.key", whole, message) for message in names.qualified_name(whole)]
    else:
        found = [invalid(f"{path}.key", key, "requires metadata.name be non-empty")]
    where, expression = f"{path}.valueExpression", trimmed(given)
    if not expression:
        return [*found, required(where, "valueExpression is not specified")]
    if names.size(expression) > VALUE_LENGTH:
        return [*found, required(where, f"must not exceed {VALUE_LENGTH} bytes in length")]
    environment = variables.environment(params, True)
    return found + expressions.compiled(expression, environment, expressions.TEXT_OR_NULL, where, given)[1]


def validate_status(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    status = new.get("status") or {}
    found: list[FieldError] = []
    path = "status.typeChecking.expressionWarnings"
    for at, one in enumerate((status.get("typeChecking") or {}).get("expressionWarnings") or ()):
        if not one.get("warning"):
            found.append(required(f"{path}[{at}].warning"))
        if not trimmed(one.get("fieldRef")):
            found.append(required(f"{path}[{at}].fieldRef"))
    return found + conditions_errors(status.get("conditions"), "status.conditions")


def cells(new: Object, now: float) -> list[Any]:
    spec = new["spec"]
    kind = spec.get("paramKind")
    return [
        len(spec.get("validations") or ()),
        "<unset>" if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}",
        age(new["metadata"].get("creationTimestamp"), now),
    ]


RESOURCE = Resource(
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
    group="admissionregistration.k8s.io",
    namespaced=False,
    categories=("api-extensions",),
    subresources=(statuses.status_of(validate_status),),
    default=default,
    prepare_create=statuses.cleared({}),
    prepare_update=statuses.kept,
    validate=validate,
    validate_update=validate_update,
    generation=("spec",),
    reset_fields=statuses.RESET,
    unconditional_update=False,
    columns=(
        Column(
            "Validations",
            type="integer",
            description="Validations indicates the number of validation rules defined in this configuration",
        ),
        Column(
            "ParamKind",
            description="ParamKind specifies the kind of resources used to parameterize this policy",
        ),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
