"""Nobody gives away permissions that they do not have, neither by roles nor by bindings.

Asked after all mutating plugins and before validation, which is where upstream's storage of roles asks.
Kubernetes: pkg/registry/rbac/*/policybased, pkg/registry/rbac/escalation_check.go.
"""

from collections.abc import Sequence

from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.access.authorization import MASTERS, Authorizer
from sampan.kube.access.rbac import GROUP, Rbac
from sampan.kube.access.rules import MOST_PARTS, compact, shown, size, uncovered
from sampan.kube.access.user import Attributes, User
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import status

_EVERYTHING: list[Object] = [
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
]
_ROLES = ("roles", "clusterroles")
_BINDINGS = ("rolebindings", "clusterrolebindings")


class Escalation(Plugin):
    """Must be the last of the mutating plugins."""

    def __init__(self, authorizer: Authorizer, rbac: Rbac) -> None:
        self._authorizer = authorizer
        self._rbac = rbac

    async def mutate(self, request: AdmissionRequest) -> None:
        resource, new = request.resource, request.object
        if resource.group != GROUP or new is None or request.operation not in ("CREATE", "UPDATE"):
            return
        # Not what the garbage collector does to objects that it is about to collect.
        if MASTERS in request.user.groups or (request.old is not None and _only_collected(new, request.old)):
            return
        if resource.plural in _ROLES:
            await self._role(request, new)
        elif resource.plural in _BINDINGS:
            await self._binding(request, new)

    async def _role(self, request: AdmissionRequest, new: Object) -> None:
        # A creation's path has no name.
        name = _name(new) if request.operation == "UPDATE" else ""
        asked = _attributes(request, "escalate", request.resource.plural, name)
        if (await self._authorizer.authorize(asked)).allowed:
            return
        self._check(request, new, new.get("rules") or ())
        if new.get("aggregationRule") or (request.old or {}).get("aggregationRule"):
            missing, _ = self._missing(request.user, request.namespace, _EVERYTHING)
            if missing:
                why = "must have cluster-admin privileges to use the aggregationRule"
                raise status.forbidden(GROUP, request.resource.plural, _name(new), why)

    async def _binding(self, request: AdmissionRequest, new: Object) -> None:
        reference: Object = new.get("roleRef") or {}
        kind, name = reference.get("kind") or "", reference.get("name") or ""
        plural = {"Role": "roles", "ClusterRole": "clusterroles"}.get(kind, "")
        if plural:
            asked = _attributes(request, "bind", plural, name)
            if (await self._authorizer.authorize(asked)).allowed:
                return
        rules = self._rbac.role_rules(kind, request.namespace, name) if plural else None
        if rules is None:
            raise self._unresolved(request, kind, name, bool(plural))
        self._check(request, new, rules)

    def _unresolved(self, request: AdmissionRequest, kind: str, name: str, known: bool) -> status.StatusError:
        if known:
            return status.not_found(GROUP, kind.lower(), name)
        return status.internal(f"unsupported role reference kind: {quote(kind)}")

    def _missing(self, user: User, namespace: str, rules: Sequence[Object]) -> tuple[list[Object], list[str]]:
        owned, errors = self._rbac.rules_for(user, namespace)
        return uncovered(owned, rules), errors

    def _check(self, request: AdmissionRequest, new: Object, rules: Sequence[Object]) -> None:
        if sum(size(rule) for rule in rules) > MOST_PARTS:
            why = f"more than {MOST_PARTS} permissions are too many to check"
            raise status.forbidden(GROUP, request.resource.plural, _name(new), why)
        user = request.user
        missing, errors = self._missing(user, request.namespace, rules)
        if not missing:
            return
        lines = "\n".join(sorted({shown(rule) for rule in compact(missing)}))
        groups = " ".join(quote(group) for group in user.groups)
        why = (
            f"user {quote(user.name)} (groups=[{groups}]) is attempting to grant RBAC permissions "
            f"not currently held:\n{lines}"
        )
        if errors:
            # One error, or Go's list of several, in a list again.
            inner = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
            why += f"; resolution errors: [{inner}]"
        raise status.forbidden(GROUP, request.resource.plural, _name(new), why)


def _name(new: Object) -> str:
    return (new.get("metadata") or {}).get("name") or ""


def _attributes(request: AdmissionRequest, verb: str, plural: str, name: str) -> Attributes:
    namespace = request.namespace if request.resource.namespaced else ""
    return Attributes(request.user, verb, GROUP, "v1", plural, namespace=namespace, name=name)


def _only_collected(new: Object, old: Object) -> bool:
    """Whether nothing differs but what the garbage collector changes."""
    return _without(new) == _without(old)


def _without(found: Object) -> Object:
    metadata = {
        key: value
        for key, value in found["metadata"].items()
        if key not in ("ownerReferences", "finalizers", "managedFields", "resourceVersion")
    }
    rest = {key: value for key, value in found.items() if value and key not in ("kind", "apiVersion")}
    return {**rest, "metadata": metadata}
