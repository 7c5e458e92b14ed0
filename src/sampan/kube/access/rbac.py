"""Role-based access: an index of roles and bindings that follows each change, and decisions from it.

Kubernetes: plugin/pkg/auth/authorizer/rbac, pkg/registry/rbac/validation/rule.go.
"""

from collections.abc import Iterator, Sequence

from sampan.kube.access.rules import resource_matches, url_matches
from sampan.kube.access.user import Attributes, User
from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.golang.quote import quote

GROUP = "rbac.authorization.k8s.io"
RESOURCES = tuple(
    f"{plural}.{GROUP}" for plural in ("clusterroles", "roles", "clusterrolebindings", "rolebindings")
)
_BINDINGS = RESOURCES[2:]


class Role:
    """A role's rules, found by the verb and the resource that are asked for."""

    __slots__ = ("by_resource", "rules", "urls", "wild")

    def __init__(self, rules: Sequence[Object]) -> None:
        self.rules = rules
        self.by_resource: dict[str, list[Object]] = {}
        self.wild: list[Object] = []  # rules with "*" or "*/sub"
        self.urls: list[Object] = []
        for rule in rules:
            if rule.get("nonResourceURLs"):
                self.urls.append(rule)
            for resource in rule.get("resources") or ():
                if resource.startswith("*"):
                    self.wild.append(rule)
                else:
                    self.by_resource.setdefault(resource, []).append(rule)

    def allows(self, asked: Attributes, combined: str) -> bool:
        if not asked.resource:
            return any(_url_allows(rule, asked) for rule in self.urls)
        return any(_resource_allows(rule, asked) for rule in self.by_resource.get(combined, ())) or any(
            _resource_allows(rule, asked) and resource_matches(rule["resources"], combined, asked.subresource)
            for rule in self.wild
        )


def _resource_allows(rule: Object, asked: Attributes) -> bool:
    """All but the resource, which has been looked at."""
    verbs, groups, names = rule.get("verbs") or (), rule.get("apiGroups") or (), rule.get("resourceNames")
    return (
        (asked.verb in verbs or "*" in verbs)
        and (asked.group in groups or "*" in groups)
        and (not names or asked.name in names)
    )


def _url_allows(rule: Object, asked: Attributes) -> bool:
    verbs = rule.get("verbs") or ()
    return (asked.verb in verbs or "*" in verbs) and any(
        url_matches(url, asked.path) for url in rule["nonResourceURLs"]
    )


def rules_allow(role: Role, asked: Attributes) -> bool:
    """Whether a role's rules allow what is asked."""
    return role.allows(
        asked, f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    )


class Binding:
    """Who gets which role where; `namespace` is empty for all namespaces and what has none."""

    __slots__ = ("name", "namespace", "role", "role_kind", "subjects")

    def __init__(self, namespace: str, name: str, found: Object) -> None:
        self.namespace = namespace
        self.name = name
        reference = found.get("roleRef") or {}
        self.role_kind: str = reference.get("kind") or ""
        self.role: str = reference.get("name") or ""
        self.subjects: list[Object] = list(found.get("subjects") or ())

    @property
    def role_key(self) -> tuple[str, str]:
        return (self.namespace if self.role_kind == "Role" else "", self.role)

    def subject_keys(self) -> Iterator[tuple[str, str]]:
        """What the index knows each subject as: service accounts by their user name."""
        for subject in self.subjects:
            kind, name = subject.get("kind"), subject.get("name") or ""
            if kind == "ServiceAccount":
                namespace = subject.get("namespace") or self.namespace
                if namespace:
                    yield ("User", f"system:serviceaccount:{namespace}:{name}")
            elif kind in ("User", "Group"):
                yield (kind, name)

    def told(self, user: User) -> str:
        """As the reason of a decision has it."""
        kind = "RoleBinding" if self.namespace else "ClusterRoleBinding"
        name = f"{self.name}/{self.namespace}" if self.namespace else self.name
        role = f"{self.role_kind} {quote(self.role)}"
        return f"{kind} {quote(name)} of {role} to {self._subject_told(user)}"

    def _subject_told(self, user: User) -> str:
        for subject in self.subjects:
            kind, name = subject.get("kind"), subject.get("name") or ""
            if kind == "ServiceAccount":
                namespace = subject.get("namespace") or self.namespace
                if user.name == f"system:serviceaccount:{namespace}:{name}":
                    return f"ServiceAccount {quote(f'{name}/{namespace}')}"
            elif (kind == "User" and name == user.name) or (kind == "Group" and name in user.groups):
                return f"{kind} {quote(name)}"
        return ""


class Rbac:
    """`changed` must be called for every change of a role or a binding, `load` once for those there are."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._pending: set[tuple[str, str, str]] = set()
        self._roles: dict[tuple[str, str], Role] = {}  # (namespace, name); cluster roles have none
        self._bindings: dict[tuple[str, str], Binding] = {}
        # (namespace of the binding, kind, name of a subject) -> bindings that name it, in order.
        self._by_subject: dict[tuple[str, str, str], dict[tuple[str, str], Binding]] = {}

    def load(self) -> None:
        """Take in all roles and bindings there are, and forget all others."""
        self._pending, self._roles, self._bindings, self._by_subject = set(), {}, {}, {}
        for resource in RESOURCES:
            for found in self._reader.list(resource):
                metadata = found["metadata"]
                self._take_in(resource, metadata.get("namespace", ""), metadata["name"], found)

    def changed(self, resource: str, namespace: str, name: str) -> None:
        """One of RESOURCES is new, different or gone; looked at when somebody asks."""
        self._pending.add((resource, namespace, name))

    def _catch_up(self) -> None:
        pending, self._pending = self._pending, set()
        for resource, namespace, name in pending:
            self._take_in(resource, namespace, name, self._reader.get(resource, namespace, name))

    def _take_in(self, resource: str, namespace: str, name: str, found: Object | None) -> None:
        key = (namespace, name)
        if resource in _BINDINGS:
            self._unbind(key)
            if found is not None:
                self._bind(key, Binding(namespace, name, found))
        elif found is None:
            self._roles.pop(key, None)
        else:
            self._roles[key] = Role(found.get("rules") or ())

    def _bind(self, key: tuple[str, str], binding: Binding) -> None:
        self._bindings[key] = binding
        for kind, name in binding.subject_keys():
            self._by_subject.setdefault((binding.namespace, kind, name), {})[key] = binding

    def _unbind(self, key: tuple[str, str]) -> None:
        binding = self._bindings.pop(key, None)
        for kind, name in binding.subject_keys() if binding else ():
            where = (key[0], kind, name)
            there = self._by_subject.get(where, {})
            there.pop(key, None)
            if not there:
                self._by_subject.pop(where, None)

    def _bound(self, user: User, namespace: str) -> Iterator[Binding]:
        """The bindings that name a user or a group of theirs: of the cluster, then of the namespace."""
        if self._pending:
            self._catch_up()
        find = self._by_subject.get
        for where in ("", namespace) if namespace else ("",):
            there = find((where, "User", user.name))
            if there:
                yield from there.values()
            for group in user.groups:
                there = find((where, "Group", group))
                if there:
                    yield from there.values()

    def authorize(self, asked: Attributes) -> tuple[bool, str]:
        """Whether it is allowed, and why; why not only where something was missing."""
        combined = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
        missing = []
        for binding in self._bound(asked.user, asked.namespace):
            role = self._roles.get(binding.role_key)
            if role is None:
                missing.append(_not_found(binding))
            elif role.allows(asked, combined):
                return True, f"RBAC: allowed by {binding.told(asked.user)}"
        return False, f"RBAC: {aggregate(missing)}" if missing else ""

    def rules_for(self, user: User, namespace: str) -> tuple[list[Object], list[str]]:
        """All rules that a user has in a namespace, and what went wrong on the way."""
        found: list[Object] = []
        missing = []
        seen = set()
        for binding in self._bound(user, namespace):
            if id(binding) in seen:
                continue
            seen.add(id(binding))
            role = self._roles.get(binding.role_key)
            if role is None:
                missing.append(_not_found(binding))
            else:
                found += role.rules
        return found, missing

    def role_rules(self, kind: str, namespace: str, name: str) -> Sequence[Object] | None:
        """The rules of the role that a binding in this namespace names; None: there is none."""
        if self._pending:
            self._catch_up()
        role = self._roles.get((namespace if kind == "Role" else "", name))
        return None if role is None else role.rules


def _not_found(binding: Binding) -> str:
    if binding.role_kind not in ("Role", "ClusterRole"):
        return f"unsupported role reference kind: {quote(binding.role_kind)}"
    return f"{binding.role_kind.lower()}.{GROUP} {quote(binding.role)} not found"


def aggregate(errors: Sequence[str]) -> str:
    """Several errors as Go's aggregate prints them: each once."""
    unique = list(dict.fromkeys(errors))
    return unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"
