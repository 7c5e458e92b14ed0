"""Which requests a webhook or a policy is for. k8s.io/kubernetes/pkg/apis/admissionregistration/validation"""

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, invalid, not_supported, required
from sampan.specs.kubernetes.labelselector import label_selector_errors

OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")
FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")


def default_rules(rules: list[Object] | None) -> None:
    for rule in rules or ():
        rule.setdefault("scope", "*")


def default_match(match: Object) -> None:
    """Of MatchResources."""
    match.setdefault("matchPolicy", "Equivalent")
    match.setdefault("namespaceSelector", {})
    match.setdefault("objectSelector", {})
    default_rules(match.get("resourceRules"))
    default_rules(match.get("excludeResourceRules"))


def rule_errors(rule: Object, path: str) -> list[FieldError]:
    """Of RuleWithOperations."""
    operations = rule.get("operations") or []
    found = _some_errors(operations, f"{path}.operations", "operations")
    for at, operation in enumerate(operations):
        if operation not in OPERATIONS:
            found.append(not_supported(f"{path}.operations[{at}]", operation, OPERATIONS))
    found += _some_errors(rule.get("apiGroups") or [], f"{path}.apiGroups", "API groups")
    versions = rule.get("apiVersions") or []
    found += _some_errors(versions, f"{path}.apiVersions", "API versions")
    found += [required(f"{path}.apiVersions[{at}]") for at, version in enumerate(versions) if not version]
    found += _resources_errors(rule.get("resources") or [], f"{path}.resources")
    scope = rule.get("scope")
    if scope is not None and scope not in SCOPES:
        found.append(not_supported(f"{path}.scope", scope, SCOPES))
    return found


def _some_errors(values: list[str], path: str, what: str) -> list[FieldError]:
    if not values:
        return [required(path)]
    if len(values) > 1 and "*" in values:
        return [invalid(path, values, f"if '*' is present, must not specify other {what}")]
    return []


def _resources_errors(resources: list[str], path: str) -> list[FieldError]:
    found = [] if resources else [required(path)]
    all_of: set[str] = set()  # x/*
    of_all: set[str] = set()  # */x
    plain = False
    for at, resource in enumerate(resources):
        if not resource:
            found.append(required(f"{path}[{at}]"))
            continue
        name, slash, sub = resource.partition("/")
        if not slash:
            # Upstream remembers only the last.
            plain = resource != "*"
            continue
        for there, wildcard in ((name in all_of, f"{name}/*"), (sub in of_all, f"*/{sub}")):
            if there:
                detail = f"if '{wildcard}' is present, must not specify {resource}"
                found.append(invalid(f"{path}[{at}]", resource, detail))
        if sub == "*":
            all_of.add(name)
        if name == "*":
            of_all.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        found.append(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if plain and "*" in resources:
        detail = "if '*' is present, must not specify other resources without subresources"
        found.append(invalid(path, resources, detail))
    return found


def match_errors(match: Object, path: str) -> list[FieldError]:
    """Of MatchResources."""
    found: list[FieldError] = []
    policy = match.get("matchPolicy")
    if policy is None:
        found.append(required(f"{path}.matchPolicy"))
    elif policy not in MATCH_POLICIES:
        found.append(not_supported(f"{path}.matchPolicy", policy, MATCH_POLICIES))
    for field in ("namespaceSelector", "objectSelector"):
        if match.get(field) is None:
            found.append(required(f"{path}.{field}"))
        else:
            found += label_selector_errors(match[field], f"{path}.{field}")
    for field in ("resourceRules", "excludeResourceRules"):
        for at, rule in enumerate(match.get(field) or ()):
            found += _named_rule_errors(rule, f"{path}.{field}[{at}]")
    return found


def _named_rule_errors(rule: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, name in enumerate(rule.get("resourceNames") or ()):
        where = f"{path}.resourceNames[{at}]"
        found += [invalid(where, name, message) for message in names.path_segment(name)]
        if name in seen:
            found.append(duplicate(where, name))
        seen.add(name)
    return found + rule_errors(rule, path)
