"""What roles and bindings have in common. Kubernetes: pkg/apis/rbac/validation, pkg/apis/rbac/v1"""

from collections.abc import Sequence
from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required

GROUP = "rbac.authorization.k8s.io"
_SUBJECTS = ("ServiceAccount", "User", "Group")


def rule_errors(rule: Object, *, namespaced: bool, path: str) -> list[FieldError]:
    """What is wrong with one rule of a role."""
    errors = []
    if not rule.get("verbs"):
        errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        return errors + _url_errors(rule, urls, namespaced, f"{path}.nonResourceURLs")
    if not rule.get("apiGroups"):
        errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return errors


def _url_errors(rule: Object, urls: list[str], namespaced: bool, path: str) -> list[FieldError]:
    errors = []
    if namespaced:
        errors.append(invalid(path, urls, "namespaced rules cannot apply to non-resource URLs"))
    if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
        why = "rules cannot apply to both regular resources and non-resource URLs"
        errors.append(invalid(path, urls, why))
    return errors


def rules_errors(role: Object, *, namespaced: bool) -> list[FieldError]:
    """What is wrong with the rules of a role."""
    found = []
    for index, rule in enumerate(role.get("rules") or ()):
        found += rule_errors(rule, namespaced=namespaced, path=f"rules[{index}]")
    return found


def default_binding(binding: Object) -> None:
    """Users, groups and roles are of this group."""
    reference = binding.setdefault("roleRef", {})
    if not reference.get("apiGroup"):
        reference["apiGroup"] = GROUP
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = GROUP


def binding_errors(binding: Object, kinds: Sequence[str], *, namespaced: bool) -> list[FieldError]:
    """What is wrong with a binding to a role of one of `kinds`."""
    reference: Object = binding.get("roleRef") or {}
    errors = []
    group, kind, name = (reference.get(key) or "" for key in ("apiGroup", "kind", "name"))
    if group != GROUP:
        errors.append(not_supported("roleRef.apiGroup", group, [GROUP]))
    if kind not in kinds:
        errors.append(not_supported("roleRef.kind", kind, list(kinds)))
    if not name:
        errors.append(required("roleRef.name"))
    errors += [invalid("roleRef.name", name, why) for why in (names.path_segment(name) if name else ())]
    for index, subject in enumerate(binding.get("subjects") or ()):
        errors += _subject_errors(subject, namespaced, f"subjects[{index}]")
    return errors


def _subject_errors(subject: Object, namespaced: bool, path: str) -> list[FieldError]:
    kind, name, group = (subject.get(key) or "" for key in ("kind", "name", "apiGroup"))
    errors = [] if name else [required(f"{path}.name")]
    if kind == "ServiceAccount":
        bad = names.dns1123_subdomain(name) if name else []
        errors += [invalid(f"{path}.name", name, why) for why in bad]
        if group:
            errors.append(not_supported(f"{path}.apiGroup", group, [""]))
        if not namespaced and not subject.get("namespace"):
            errors.append(required(f"{path}.namespace"))
    elif kind in _SUBJECTS:
        if group != GROUP:
            errors.append(not_supported(f"{path}.apiGroup", group, [GROUP]))
    else:
        errors.append(not_supported(f"{path}.kind", kind, list(_SUBJECTS)))
    return errors


def reference_errors(new: Object, old: Object) -> list[FieldError]:
    """A binding is bound to its role for ever."""
    if new.get("roleRef") == old.get("roleRef"):
        return []
    reference: Object = new.get("roleRef") or {}
    shown = {key[0].upper() + key[1:]: reference.get(key, "") for key in ("kind", "name")}
    return [invalid("roleRef", {"APIGroup": reference.get("apiGroup", ""), **shown}, "cannot change roleRef")]


def binding_columns(kind: str) -> tuple[Column, ...]:
    """Of a Table of bindings; `kind` as their descriptions name it."""
    wide = (
        Column(name, description=f"{name} in the {kind}", priority=1)
        for name in ("Users", "Groups", "ServiceAccounts")
    )
    may = "a Role in the current namespace or " if kind == "roleBinding" else ""
    # As v1beta1 described it.
    role = (
        f"RoleRef can {'' if may else 'only '}reference {may}a ClusterRole in the global namespace. "
        "If the RoleRef cannot be resolved, the Authorizer must return an error."
    )
    return (
        Column("Name", format="name", describe="metadata.name"),
        Column("Role", description=role),
        Column("Age", describe="metadata.creationTimestamp"),
        *wide,
    )


def binding_cells(binding: Object, now: float) -> list[Any]:
    """Of a binding's row, but its name."""
    reference: Object = binding.get("roleRef") or {}
    subjects = binding.get("subjects") or ()
    by_kind = {kind: [one for one in subjects if one.get("kind") == kind] for kind in _SUBJECTS}
    accounts = (f"{one.get('namespace', '')}/{one.get('name', '')}" for one in by_kind["ServiceAccount"])
    return [
        f"{reference.get('kind', '')}/{reference.get('name', '')}",
        age(binding["metadata"].get("creationTimestamp"), now),
        ", ".join(one.get("name", "") for one in by_kind["User"]),
        ", ".join(one.get("name", "") for one in by_kind["Group"]),
        ", ".join(accounts),
    ]
