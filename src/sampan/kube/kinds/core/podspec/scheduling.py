"""Where a pod may run: tolerations, spreading, gates. Affinity has a module of its own."""

from collections.abc import Sequence

from sampan.kube.kinds.core.podspec.affinity import label_keys_errors
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, invalid, not_supported, required
from sampan.specs.kubernetes.labelselector import label_selector_errors

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES = ("Honor", "Ignore")
_NOT_POSITIVE = "must be greater than zero"


def tolerations_errors(tolerations: Sequence[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for at, toleration in enumerate(tolerations):
        found += _toleration_errors(toleration, f"{path}[{at}]")
    return found


def _toleration_errors(toleration: Object, path: str) -> list[FieldError]:
    key, operator = toleration.get("key", ""), toleration.get("operator", "")
    value, effect = toleration.get("value", ""), toleration.get("effect", "")
    found: list[FieldError] = []
    if key:
        found += [invalid(f"{path}.key", key, message) for message in names.qualified_name(key)]
    elif operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        found.append(invalid(f"{path}.operator", operator, detail))
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        found.append(invalid(f"{path}.effect", effect, detail))
    if operator in ("Equal", ""):
        if messages := names.label_value(value):
            found.append(invalid(f"{path}.operator", value, ";".join(messages)))
    elif operator == "Exists":
        if value:
            detail = "value must be empty when `operator` is 'Exists'"
            found.append(invalid(f"{path}.operator", value, detail))
    else:
        # Lt and Gt are named only to who asks for them: their gate is closed.
        known = ("Equal", "Exists", "Lt", "Gt") if operator in ("Lt", "Gt") else ("Equal", "Exists")
        found.append(not_supported(f"{path}.operator", operator, known))
    if effect and effect not in _EFFECTS:
        found.append(not_supported(f"{path}.effect", effect, _EFFECTS))
    return found


def gates_errors(gates: Sequence[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, gate in enumerate(gates):
        name = gate.get("name", "")
        found += [invalid(f"{path}[{at}]", name, message) for message in names.qualified_name(name)]
        if name in seen:
            found.append(duplicate(f"{path}[{at}]", name))
        seen.add(name)
    return found


def spread_errors(constraints: Sequence[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for at, constraint in enumerate(constraints):
        found += _constraint_errors(constraint, constraints[at + 1 :], f"{path}[{at}]")
    return found


def _constraint_errors(constraint: Object, rest: Sequence[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    skew, key = constraint.get("maxSkew", 0), constraint.get("topologyKey", "")
    action = constraint.get("whenUnsatisfiable", "")
    if skew <= 0:
        found.append(invalid(f"{path}.maxSkew", skew, _NOT_POSITIVE))
    if not key:
        found.append(required(f"{path}.topologyKey", "can not be empty"))
    if action not in _ACTIONS:
        found.append(not_supported(f"{path}.whenUnsatisfiable", action, _ACTIONS))
    pair = (key, action)
    if any((one.get("topologyKey", ""), one.get("whenUnsatisfiable", "")) == pair for one in rest):
        where = f"{path}.{{topologyKey, whenUnsatisfiable}}"
        found.append(duplicate(where, f"{{{key}, {action}}}"))
    found += _min_domains_errors(constraint.get("minDomains"), action, f"{path}.minDomains")
    for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        policy = constraint.get(name)
        if policy is not None and policy not in _POLICIES:
            found.append(not_supported(f"{path}.{name}", policy, _POLICIES))
    selector = constraint.get("labelSelector")
    found += label_keys_errors(constraint.get("matchLabelKeys") or [], [], selector, path)
    return found + label_selector_errors(selector, f"{path}.labelSelector")


def _min_domains_errors(number: int | None, action: str, path: str) -> list[FieldError]:
    if number is None:
        return []
    found = [invalid(path, number, _NOT_POSITIVE)] if number <= 0 else []
    if action != "DoNotSchedule":
        detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        found.append(invalid(path, number, detail))
    return found
