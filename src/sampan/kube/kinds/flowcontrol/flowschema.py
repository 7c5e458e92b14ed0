"""FlowSchema. k8s.io/kubernetes/pkg/apis/flowcontrol/validation, pkg/registry/flowcontrol/flowschema"""

from typing import Any

from sampan.kube.kinds import statuses, structs
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.flowcontrol.mandatory import FLOW_SCHEMAS
from sampan.kube.kinds.flowcontrol.subjects import rule_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, invalid, not_supported, required

PRECEDENCE, HIGHEST = 1000, 10000
METHODS = ("ByNamespace", "ByUser")


def default(new: Object) -> None:
    if not new["spec"].get("matchingPrecedence"):
        new["spec"]["matchingPrecedence"] = PRECEDENCE


def validate(new: Object, _context: Context) -> list[FieldError]:
    name, spec = new["metadata"].get("name", ""), new["spec"]
    found = _spec_errors(spec, name, "spec")
    fixed = FLOW_SCHEMAS.get(name)
    if fixed is not None and not same(spec, fixed):
        detail = f"spec of '{name}' must equal the fixed value"
        found.append(invalid("spec", structs.shown("FlowSchemaSpec", spec), detail))
    return found + conditions_errors(new)


def validate_update(new: Object, _old: Object, context: Context) -> list[FieldError]:
    return validate(new, context)


def _spec_errors(spec: Object, name: str, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    precedence, where = spec.get("matchingPrecedence", 0), f"{path}.matchingPrecedence"
    if precedence <= 0:
        found.append(invalid(where, precedence, "must be a positive value"))
    if precedence > HIGHEST:
        found.append(invalid(where, precedence, f"must not be greater than {HIGHEST}"))
    if precedence == 1 and name != "exempt":
        detail = "only the schema named 'exempt' may have matchingPrecedence 1"
        found.append(invalid(where, precedence, detail))
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type", "") not in METHODS:
        shown = structs.shown("FlowDistinguisherMethod", method)
        found.append(not_supported(f"{path}.distinguisherMethod.type", shown, METHODS))
    level, where = spec.get("priorityLevelConfiguration") or {}, f"{path}.priorityLevelConfiguration.name"
    if chosen := level.get("name"):
        found += [invalid(where, chosen, message) for message in names.dns1123_subdomain(chosen)]
    else:
        found.append(required(where, "must reference a priority level"))
    for at, rule in enumerate(spec.get("rules") or ()):
        found += rule_errors(rule, f"{path}.rules[{at}]")
    return found


def conditions_errors(new: Object) -> list[FieldError]:
    """Of the status, of a priority level as well."""
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        kind, path = condition.get("type", ""), f"status.conditions[{at}].type"
        if kind in seen:
            found.append(duplicate(path, kind))
        seen.add(kind)
        if not kind:
            found.append(required(path, "must not be empty"))
    return found


def validate_status(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    return conditions_errors(new)


def cells(new: Object, now: float) -> list[Any]:
    spec = new["spec"]
    method = spec.get("distinguisherMethod")
    dangling = [
        one.get("status", "")
        for one in (new.get("status") or {}).get("conditions") or ()
        if one.get("type") == "Dangling"
    ]
    return [
        (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        spec.get("matchingPrecedence", 0),
        "<none>" if method is None else method.get("type", ""),
        age(new["metadata"].get("creationTimestamp"), now),
        dangling[0] if dangling else "?",
    ]


RESOURCE = Resource(
    "FlowSchema",
    "flowschemas",
    group="flowcontrol.apiserver.k8s.io",
    namespaced=False,
    definition="io.k8s.api.flowcontrol.v1.FlowSchema",
    subresources=(statuses.status_of(validate_status),),
    default=default,
    prepare_create=statuses.cleared({}),
    prepare_update=statuses.kept,
    validate=validate,
    validate_update=validate_update,
    generation=("spec",),
    reset_fields=statuses.RESET,
    columns=(
        Column("PriorityLevel", describe="spec.priorityLevelConfiguration.name"),
        Column("MatchingPrecedence", describe="spec.matchingPrecedence"),
        Column("DistinguisherMethod", describe="spec.distinguisherMethod"),
        Column("Age", describe="metadata.creationTimestamp"),
        Column("MissingPL", description="references a broken or non-existent PriorityLevelConfiguration"),
    ),
    cells=cells,
)
