"""What a job says of pods that fail, and of when it has succeeded.

k8s.io/kubernetes/pkg/apis/batch/validation, the two policies of a JobSpec.
"""

from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote_list
from sampan.specs.kubernetes import indexes, names
from sampan.specs.kubernetes.fielderror import (
    INVALID,
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_RULES, _CONDITIONS, _EXIT_CODES = 20, 20, 255
_INDEXES_SIZE = 64 * 1024


def without_value(path: str, detail: str) -> FieldError:
    """Of a field whose value a message leaves out."""
    return FieldError(path, INVALID, f"Invalid value: {detail}")


def one_of_errors(value: str, known: tuple[str, ...], path: str) -> list[FieldError]:
    """A field that must be there and have one of these values."""
    if not value:
        return [required(path, f"valid values: {quote_list(known)}")]
    return [] if value in known else [not_supported(path, value, known)]


def failure_policy_errors(spec: Object, path: str) -> list[FieldError]:
    rules = spec["podFailurePolicy"].get("rules") or []
    pod = (spec.get("template") or {}).get("spec") or {}
    containers = {
        one.get("name", "") for kind in ("containers", "initContainers") for one in pod.get(kind) or ()
    }
    path = f"{path}.podFailurePolicy.rules"
    found = [too_many(path, len(rules), _RULES)] if len(rules) > _RULES else []
    for at, rule in enumerate(rules):
        found += _action_errors(rule.get("action", ""), spec, f"{path}[{at}].action")
        found += _rule_errors(rule, containers, f"{path}[{at}]")
    return found


def _action_errors(action: str, spec: Object, path: str) -> list[FieldError]:
    if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        return [invalid(path, action, "requires the backoffLimitPerIndex to be set")]
    return one_of_errors(action, _ACTIONS, path)


def _rule_errors(rule: Object, containers: set[str], path: str) -> list[FieldError]:
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
    found: list[FieldError] = []
    if codes is not None:
        found += _exit_codes_errors(codes, containers, f"{path}.onExitCodes")
    if conditions:
        found += _conditions_errors(conditions, f"{path}.onPodConditions")
    if codes is not None and conditions:
        detail = "specifying both OnExitCodes and OnPodConditions is not supported"
        found.append(without_value(path, detail))
    if codes is None and not conditions:
        found.append(without_value(path, "specifying one of OnExitCodes and OnPodConditions is required"))
    return found


def _exit_codes_errors(codes: Object, containers: set[str], path: str) -> list[FieldError]:
    operator, values = codes.get("operator", ""), codes.get("values") or []
    found = one_of_errors(operator, _OPERATORS, f"{path}.operator")
    name = codes.get("containerName")
    if name is not None and name not in containers:
        detail = "must be one of the container or initContainer names in the pod template"
        found.append(invalid(f"{path}.containerName", name, detail))
    path = f"{path}.values"
    if not values:
        found.append(invalid(path, codes.get("values"), "at least one value is required"))
    elif len(values) > _EXIT_CODES:
        found.append(too_many(path, len(values), _EXIT_CODES))
    seen: set[int] = set()
    for at, value in enumerate(values):
        if operator == "In" and value == 0:
            found.append(invalid(f"{path}[{at}]", value, "must not be 0 for the In operator"))
        if value in seen:
            found.append(duplicate(f"{path}[{at}]", value))
        seen.add(value)
    if values != sorted(values):
        found.append(invalid(path, values, "must be ordered"))
    return found


def _conditions_errors(conditions: list[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if len(conditions) > _CONDITIONS:
        found.append(too_many(path, len(conditions), _CONDITIONS))
    for at, pattern in enumerate(conditions):
        type_ = pattern.get("type", "")
        found += [invalid(f"{path}[{at}].type", type_, message) for message in names.qualified_name(type_)]
        found += one_of_errors(pattern.get("status", ""), _STATUSES, f"{path}[{at}].status")
    return found


def success_policy_errors(spec: Object, path: str) -> list[FieldError]:
    """Of an indexed job."""
    rules = spec["successPolicy"].get("rules") or []
    path = f"{path}.successPolicy.rules"
    found: list[FieldError] = []
    if not rules:
        detail = "at least one rules must be specified when the successPolicy is specified"
        found.append(required(path, detail))
    if len(rules) > _RULES:
        found.append(too_many(path, len(rules), _RULES))
    for at, rule in enumerate(rules):
        found += _success_errors(rule, spec.get("completions"), f"{path}[{at}]")
    return found


def _success_errors(rule: Object, completions: int | None, path: str) -> list[FieldError]:
    number, text = rule.get("succeededCount"), rule.get("succeededIndexes")
    if number is None and text is None:
        detail = "at least one of succeededCount or succeededIndexes must be specified"
        return [required(path, detail)]
    found, total = _indexes_errors(text, completions, f"{path}.succeededIndexes")
    if number is None:
        return found
    path = f"{path}.succeededCount"
    if number < 0:
        found.append(invalid(path, number, names.NOT_NEGATIVE))
    most = [] if completions is None else [(completions, "the number of specified completions")]
    if text is not None:
        most.append((total, "the number of indexes in the specified succeededIndexes field"))
    found += [
        invalid(path, number, f"must be less than or equal to {limit} ({what})")
        for limit, what in most
        if number > limit
    ]
    return found


def _indexes_errors(text: str | None, completions: int | None, path: str) -> tuple[list[FieldError], int]:
    """And how many there are."""
    found: list[FieldError] = []
    if text is None or completions is None:
        return found, 0
    if names.size(text) > _INDEXES_SIZE:
        found.append(too_long(path, _INDEXES_SIZE))
    try:
        return found, indexes.count(indexes.read(text, completions))
    except indexes.IndexesError as error:
        return [*found, invalid(path, text, f"error parsing succeededIndexes: {error}")], 0
