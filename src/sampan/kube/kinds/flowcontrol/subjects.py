"""Which requests a FlowSchema is for. k8s.io/kubernetes/pkg/apis/flowcontrol/validation"""

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_KINDS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_NAMESPACE = "each member of this list must be '*' or a DNS-1123 label; "


def rule_errors(rule: Object, path: str) -> list[FieldError]:
    """Of PolicyRulesWithSubjects."""
    subjects = rule.get("subjects") or ()
    resources, paths = rule.get("resourceRules") or (), rule.get("nonResourceRules") or ()
    found: list[FieldError] = []
    for at, subject in enumerate(subjects):
        found += _subject_errors(subject, f"{path}.subjects[{at}]")
    if not subjects:
        found.append(required(f"{path}.subjects", "subjects must contain at least one value"))
    if not resources and not paths:
        detail = "at least one of resourceRules and nonResourceRules has to be non-empty"
        found.append(required(path, detail))
    for at, one in enumerate(resources):
        found += _resource_errors(one, f"{path}.resourceRules[{at}]")
    for at, one in enumerate(paths):
        found += _path_rule_errors(one, f"{path}.nonResourceRules[{at}]")
    return found


def _subject_errors(subject: Object, path: str) -> list[FieldError]:
    kind = subject.get("kind", "")
    if kind not in _KINDS:
        return [not_supported(f"{path}.kind", kind, tuple(_KINDS))]
    field = _KINDS[kind]
    found = _who_errors(kind, subject.get(field), f"{path}.{field}")
    order = ("user", "group") if kind == "ServiceAccount" else ("serviceAccount", "user", "group")
    for other in order:
        if other != field and subject.get(other) is not None:
            its = next(kind for kind, field in _KINDS.items() if field == other)
            detail = f"{other} is forbidden when subject kind is not '{its}'"
            found.append(forbidden(f"{path}.{other}", detail))
    return found


def _who_errors(kind: str, who: Object | None, path: str) -> list[FieldError]:
    if who is None:
        return [required(path, f"{_KINDS[kind]} is required when subject kind is '{kind}'")]
    name, namespace = who.get("name", ""), who.get("namespace", "")
    found = [] if name else [required(f"{path}.name")]
    if kind != "ServiceAccount":
        return found
    if name and name != "*":
        found += [invalid(f"{path}.name", name, message) for message in names.dns1123_subdomain(name)]
    if not namespace:
        return [*found, required(f"{path}.namespace", "must specify namespace for service account")]
    messages = names.dns1123_label(namespace)
    return found + [invalid(f"{path}.namespace", namespace, message) for message in messages]


def _verbs_errors(verbs: list[str], path: str) -> list[FieldError]:
    if not verbs:
        return [required(path, "verbs must contain at least one value")]
    if "*" in verbs:
        return _alone_errors(verbs, path, "verbs")
    return [] if set(verbs) <= set(VERBS) else [not_supported(path, verbs, VERBS)]


def _alone_errors(values: list[str], path: str, what: str) -> list[FieldError]:
    if len(values) > 1 and "*" in values:
        return [invalid(path, values, f"if '*' is present, must not specify other {what}")]
    return []


def _resource_errors(rule: Object, path: str) -> list[FieldError]:
    found = _verbs_errors(rule.get("verbs") or [], f"{path}.verbs")
    for field, one, more in (
        ("apiGroups", "api group", "api groups"),
        ("resources", "resource", "resources"),
    ):
        values = rule.get(field) or []
        if not values:
            found.append(required(f"{path}.{field}", f"resource rules must supply at least one {one}"))
        found += _alone_errors(values, f"{path}.{field}", more)
    namespaces = rule.get("namespaces") or []
    where = f"{path}.namespaces"
    if not namespaces and not rule.get("clusterScope"):
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        return [*found, required(where, detail)]
    if "*" in namespaces:
        return found + _alone_errors(namespaces, where, "namespaces")
    for at, namespace in enumerate(namespaces):
        for message in names.dns1123_label(namespace):
            found.append(invalid(f"{where}[{at}]", namespace, _NAMESPACE + message))
    return found


def _path_rule_errors(rule: Object, path: str) -> list[FieldError]:
    found = _verbs_errors(rule.get("verbs") or [], f"{path}.verbs")
    urls, where = rule.get("nonResourceURLs") or [], f"{path}.nonResourceURLs"
    if not urls:
        return [*found, required(where, "nonResourceURLs must contain at least one value")]
    if "*" in urls:
        return found + _alone_errors(urls, where, "non-resource URLs")
    for at, url in enumerate(urls):
        if message := _path_error(url):
            found.append(invalid(f"{where}[{at}]", url, message))
    return found


def _path_error(path: str) -> str:
    if not path:
        return "must not be empty"
    if not path.startswith("/"):
        return "must start with slash"
    if " " in path:
        return "must not contain white-space"
    if "//" in path:
        return "must not contain double slash"
    stars = path.count("*")
    if stars > 1 or (stars == 1 and not path.endswith("/*")):
        return "wildcard can only do suffix matching"
    return ""
