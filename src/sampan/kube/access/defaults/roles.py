"""The default roles and bindings, as objects.

Kubernetes 1.35, plugin/pkg/auth/authorizer/rbac/bootstrappolicy.
"""

from collections.abc import Iterator

from sampan.kube.access.defaults import clusterroles, controllerroles, rules
from sampan.kube.kinds.resource import Object

RBAC = "rbac.authorization.k8s.io"
AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate"
_AGGREGATE = f"{RBAC}/aggregate-to-"
_CONTROLLER = "system:controller:"
_OWN = "sampan:"

# A role that is the sum of those labelled aggregate-to-NAME -> what it is itself added to.
_AGGREGATED = {"admin": "", "edit": "admin", "view": "edit"}
_PARTS = {f"system:aggregate-to-{name}": name for name in _AGGREGATED}

_NAMESPACED = """
kube-system/extension-apiserver-authentication-reader
  read - configmaps extension-apiserver-authentication
kube-system/system::leader-locking-kube-controller-manager
  create,get,list,update,watch coordination.k8s.io leases
  create,get,list,update,watch coordination.k8s.io leasecandidates
kube-system/system::leader-locking-kube-scheduler
  create,get,list,update,watch coordination.k8s.io leases
  create,get,list,update,watch coordination.k8s.io leasecandidates
kube-system/system:controller:bootstrap-signer
  read - secrets
kube-system/system:controller:cloud-provider
  create,get,list,watch - configmaps
kube-system/system:controller:token-cleaner
  delete,get,list,watch - secrets
  events
kube-public/system:controller:bootstrap-signer
  read - configmaps
  update - configmaps cluster-info
  events
"""

# Role -> whom it is bound to: U(ser), G(roup), S(ervice account in kube-system).
_CLUSTER_BINDINGS = {
    "cluster-admin": "G system:masters",
    "system:basic-user": "G system:authenticated",
    "system:discovery": "G system:authenticated",
    "system:kube-controller-manager": "U system:kube-controller-manager",
    "system:kube-dns": "S kube-dns",
    "system:kube-scheduler": "U system:kube-scheduler",
    "system:monitoring": "G system:monitoring",
    "system:node": "",
    "system:node-proxier": "U system:kube-proxy",
    "system:public-info-viewer": "G system:authenticated, G system:unauthenticated",
    "system:service-account-issuer-discovery": "G system:serviceaccounts",
    "system:volume-scheduler": "U system:kube-scheduler",
}
_READERS = "U system:kube-controller-manager, U system:kube-scheduler"
_MANAGERS = "U system:kube-controller-manager, S kube-controller-manager, S leader-election-controller"
# Binding -> role, subjects.
_NAMESPACED_BINDINGS = {
    "kube-system/system::extension-apiserver-authentication-reader": (
        "extension-apiserver-authentication-reader",
        _READERS,
    ),
    "kube-system/system::leader-locking-kube-controller-manager": (
        "system::leader-locking-kube-controller-manager",
        _MANAGERS,
    ),
    "kube-system/system::leader-locking-kube-scheduler": (
        "system::leader-locking-kube-scheduler",
        "U system:kube-scheduler, S kube-scheduler",
    ),
    "kube-system/system:controller:bootstrap-signer": (
        "system:controller:bootstrap-signer",
        "S bootstrap-signer",
    ),
    "kube-system/system:controller:cloud-provider": ("system:controller:cloud-provider", "S cloud-provider"),
    "kube-system/system:controller:token-cleaner": ("system:controller:token-cleaner", "S token-cleaner"),
    "kube-public/system:controller:bootstrap-signer": (
        "system:controller:bootstrap-signer",
        "S bootstrap-signer",
    ),
}


def objects() -> list[tuple[str, Object]]:
    """All default roles and bindings, each with the name of its resource."""
    return [*_cluster_roles(), *_cluster_bindings(), *_roles(), *_bindings()]


def _object(kind: str, name: str, labels: dict[str, str] | None = None) -> Object:
    namespace, _, name = name.rpartition("/")
    metadata: Object = {"name": name, "namespace": namespace} if namespace else {"name": name}
    standard = {} if name.startswith(_OWN) else {"kubernetes.io/bootstrapping": "rbac-defaults"}
    metadata["labels"] = {**standard, **(labels or {})}
    metadata["annotations"] = {AUTO_UPDATE: "true"}
    return {"kind": kind, "apiVersion": f"{RBAC}/v1", "metadata": metadata}


def _cluster_roles() -> Iterator[tuple[str, Object]]:
    allowed = rules.parse(clusterroles.ROLES)
    for name, given in rules.parse(controllerroles.ROLES).items():
        allowed[_CONTROLLER + name] = given
    for name, given in rules.parse(controllerroles.OWN_ROLES).items():
        allowed[f"{_OWN}controller:{name}"] = given
    sums = _sums(allowed)
    for name in sorted({*allowed, *sums}):
        target = _AGGREGATED.get(name) or _PARTS.get(name)
        role = _object("ClusterRole", name, {_AGGREGATE + target: "true"} if target else None)
        if name in sums:
            selector = {"matchLabels": {f"{_AGGREGATE}{name}": "true"}}
            role["aggregationRule"] = {"clusterRoleSelectors": [selector]}
        role["rules"] = sums[name] if name in sums else allowed[name]
        yield f"clusterroles.{RBAC}", role


def _sums(allowed: dict[str, list[Object]]) -> dict[str, list[Object]]:
    """The rules of view, edit, admin, as the controller that adds them up would have them."""
    sums: dict[str, list[Object]] = {}
    for name in ("view", "edit", "admin"):
        parts = [part for part, target in {**_AGGREGATED, **_PARTS}.items() if target == name]
        found: list[Object] = []
        for part in sorted(parts):
            found += [rule for rule in sums.get(part) or allowed[part] if rule not in found]
        sums[name] = found
    return sums


def _subject(text: str) -> Object:
    letter, name = text.split(" ")
    if letter == "S":
        return {"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}
    return {"kind": {"U": "User", "G": "Group"}[letter], "apiGroup": RBAC, "name": name}


def _binding(kind: str, name: str, role_kind: str, role: str, subjects: str) -> Object:
    binding = _object(kind, name)
    if subjects:
        binding["subjects"] = [_subject(text) for text in subjects.split(", ")]
    binding["roleRef"] = {"apiGroup": RBAC, "kind": role_kind, "name": role}
    return binding


def _cluster_bindings() -> Iterator[tuple[str, Object]]:
    bound = dict(_CLUSTER_BINDINGS)
    for name in rules.parse(controllerroles.ROLES):
        bound[_CONTROLLER + name] = f"S {name}"
    for name in rules.parse(controllerroles.OWN_ROLES):
        bound[f"{_OWN}controller:{name}"] = f"S {name}"
    for name in sorted(bound):
        binding = _binding("ClusterRoleBinding", name, "ClusterRole", name, bound[name])
        yield f"clusterrolebindings.{RBAC}", binding


def _roles() -> Iterator[tuple[str, Object]]:
    for name, given in rules.parse(_NAMESPACED).items():
        yield f"roles.{RBAC}", {**_object("Role", name), "rules": given}


def _bindings() -> Iterator[tuple[str, Object]]:
    for name, (role, subjects) in _NAMESPACED_BINDINGS.items():
        yield f"rolebindings.{RBAC}", _binding("RoleBinding", name, "Role", role, subjects)
