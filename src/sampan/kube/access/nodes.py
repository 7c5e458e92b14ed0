"""What a node may do: only what concerns it and the pods on it.

Kubernetes: plugin/pkg/auth/authorizer/node.
"""

from sampan.kube.access.defaults import clusterroles, rules
from sampan.kube.access.nodegraph import RESOURCES, Graph
from sampan.kube.access.rbac import Role, rules_allow
from sampan.kube.access.user import Attributes, User
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import fields

LEASES = "kube-node-lease"


def node_of(user: User) -> str | None:
    """The node that this user is; "" if it is one without a name, None if it is none."""
    if not user.name.startswith("system:node:") or "system:nodes" not in user.groups:
        return None
    return user.name[len("system:node:") :]


def selects(selector: str, field: str, value: str) -> bool:
    """Whether a field selector says that a field has this very value."""
    try:
        return fields.parse(selector).exactly(field) == value
    except fields.BadSelector:
        return False


# Each says why not; "" is yes, None is no without a reason.
Answer = str | None


class NodeAuthorizer:
    """Decides for nodes and has no opinion on anybody else."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._rules = Role(rules.parse(clusterroles.ROLES)["system:node"])

    def authorize(self, asked: Attributes) -> tuple[bool, str]:
        """Whether it is allowed, and why not."""
        node = node_of(asked.user)
        if node is None:
            return False, ""
        if not node:
            return False, f"unknown node for user {quote(asked.user.name)}"
        special = _SPECIAL.get((asked.group, asked.resource))
        if special is None:
            return rules_allow(self._rules, asked), ""
        answer = special(self._graph, node, asked)
        return answer == "", answer or ""


def _related(graph: Graph, node: str, asked: Attributes) -> Answer:
    if not asked.name:
        return "No Object name found"
    return _leads(graph, node, asked)


def _leads(graph: Graph, node: str, asked: Attributes) -> Answer:
    resource = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    namespace = "" if resource in _CLUSTER_WIDE else asked.namespace
    if graph.leads((resource, namespace, asked.name), node):
        return ""
    return f"no relationship found between node '{node}' and this object"


_CLUSTER_WIDE = ("persistentvolumes", *RESOURCES[2:])


def _read(graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.verb not in ("get", "list", "watch"):
        return "can only read resources of this type"
    if asked.subresource:
        return "cannot read subresource"
    if not asked.namespace:
        return "can only read namespaced object of this type"
    return _related(graph, node, asked)


def _get(graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.verb != "get":
        return "can only get individual resources of this type"
    if asked.subresource:
        return "cannot get subresource"
    return _related(graph, node, asked)


def _claim(graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.subresource != "status":
        return _get(graph, node, asked)
    if asked.verb not in ("update", "patch"):
        return "can only get/update/patch this type"
    return _related(graph, node, asked)


def _account(graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.verb == "get" and not asked.subresource:
        return _related(graph, node, asked)
    if asked.verb != "create" or not asked.name:
        return "can only create tokens for individual service accounts"
    if asked.subresource != "token":
        return "can only create token subresource of serviceaccount"
    return _leads(graph, node, asked)


_OWN_VERBS = ("get", "create", "update", "patch", "delete")


def _lease(_: Graph, node: str, asked: Attributes) -> Answer:
    if asked.verb not in _OWN_VERBS:
        return "can only get, create, update, patch, or delete a node lease"
    if asked.namespace != LEASES:
        return f"can only access leases in the {quote(LEASES)} system namespace"
    # A creation's name is not known yet: admission looks at it.
    if asked.verb != "create" and asked.name != node:
        return "can only access node lease with the same name as the requesting node"
    return ""


def _csi_node(_: Graph, node: str, asked: Attributes) -> Answer:
    if asked.verb not in _OWN_VERBS:
        return "can only get, create, update, patch, or delete a CSINode"
    if asked.subresource:
        return "cannot authorize CSINode subresources"
    if asked.verb != "create" and asked.name != node:
        return "can only access CSINode with the same name as the requesting node"
    return ""


def _slice(graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.subresource:
        return "cannot authorize ResourceSlice subresources"
    if asked.verb == "create":
        return ""
    if asked.verb in _OWN_VERBS:
        return _related(graph, node, asked)
    if asked.verb in ("watch", "list", "deletecollection"):
        if selects(asked.field_selector, "spec.nodeName", node):
            return ""
        return "can only list/watch/deletecollection resourceslices with nodeName field selector"
    verbs = "get, watch, list, create, update, patch, delete, deletecollection"
    return f"only the following verbs are allowed for a ResourceSlice: {verbs}"


def _node(_: Graph, node: str, asked: Attributes) -> Answer:
    if asked.subresource == "status" and asked.verb in ("update", "patch"):
        return ""
    if asked.subresource:
        return None
    if asked.verb in ("create", "update", "patch"):
        return ""
    if asked.verb not in ("get", "list", "watch"):
        return None
    if not asked.name:
        return f"node '{node}' cannot read all nodes, only its own Node object"
    if asked.name != node:
        return f"node '{node}' cannot read '{asked.name}', only its own Node object"
    return ""


def _pod(graph: Graph, node: str, asked: Attributes) -> Answer:
    what = (asked.subresource, asked.verb)
    if what in (("", "create"), ("", "delete"), ("status", "update"), ("status", "patch")):
        return ""
    if what == ("eviction", "create"):
        return ""
    if what == ("", "get"):
        return _related(graph, node, asked)
    if what not in (("", "list"), ("", "watch")):
        return None
    if selects(asked.field_selector, "spec.nodeName", node):
        return ""
    if asked.name:
        return _related(graph, node, asked)
    return "can only list/watch pods with spec.nodeName field selector"


_SPECIAL = {
    ("", "secrets"): _read,
    ("", "configmaps"): _read,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _get,
    ("resource.k8s.io", "resourceclaims"): _get,
    ("storage.k8s.io", "volumeattachments"): _get,
    ("", "serviceaccounts"): _account,
    ("coordination.k8s.io", "leases"): _lease,
    ("storage.k8s.io", "csinodes"): _csi_node,
    ("resource.k8s.io", "resourceslices"): _slice,
    ("", "nodes"): _node,
    ("", "pods"): _pod,
}
