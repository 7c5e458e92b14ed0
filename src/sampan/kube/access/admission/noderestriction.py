"""Nodes change only what is theirs: their own node, its lease, the status of their pods.

Kubernetes: plugin/pkg/admission/noderestriction.
"""

from collections.abc import Callable, Iterable, Iterator

from sampan.kube.access.admission.nodepods import check_pod, name_of, refused, spec_of, there
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.access.authorization import Authorizer
from sampan.kube.access.nodes import LEASES, node_of
from sampan.kube.access.user import Attributes
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote

_RESTRICTED = "node-restriction.kubernetes.io"
# What a kubelet may say of its node among Kubernetes' own labels. pkg/kubelet/apis/well_known_labels.go
_KUBELET_LABELS = frozenset(
    (
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "node.kubernetes.io/windows-build",
    )
)
_KUBELET_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")


class NodeRestriction(Plugin):
    """Says nothing of whoever is no node."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    async def mutate(self, request: AdmissionRequest) -> None:
        node = node_of(request.user)
        if node is None or request.operation == "CONNECT":
            return
        if not node:
            raise refused(request, f"could not determine node from user {quote(request.user.name)}")
        check = _CHECKS.get((request.resource.group, request.resource.plural))
        if check:
            check(request, node)
        if request.resource.plural == "serviceaccounts" and request.subresource == "token":
            await self._audience(request)

    async def _audience(self, request: AdmissionRequest) -> None:
        """Tokens are for whom the pod says, or for whom somebody let nodes ask."""
        spec = spec_of(request.object)
        audiences = spec.get("audiences") or [""]
        if len(audiences) > 1:
            raise refused(request, "node may only request 0 or 1 audiences")
        name = (spec.get("boundObjectRef") or {}).get("name") or ""
        pod = there(request, "pods", request.namespace, name)
        if audiences[0] in set(_audiences_of(request, pod)):
            return
        verb = "request-serviceaccounts-token-audience"
        user, namespace = request.user, request.namespace
        asked = Attributes(user, verb, "", "v1", audiences[0], namespace=namespace, name=request.name)
        if not audiences[0] or not (await self._authorizer.authorize(asked)).allowed:
            why = f"audience {quote(audiences[0])} not found in pod spec volume"
            raise refused(
                request, f"{why}, {user.name} is not authorized to request tokens for this audience"
            )


# Nodes


def _node(request: AdmissionRequest, node: str) -> None:
    name = request.name or name_of(request.object)
    if name != node:
        raise refused(request, f"node {quote(node)} is not allowed to modify node {quote(name)}")
    new, old = request.object or {}, request.old or {}
    if request.operation == "CREATE":
        if spec_of(new).get("configSource"):
            why = f"node {quote(node)} is not allowed to create pods with a non-nil configSource"
            raise refused(request, why)
        bad = _forbidden(_labels(new), {})
        if bad:
            why = f"node {quote(node)} is not allowed to set the following labels: {', '.join(bad)}"
            raise refused(request, why)
    if request.operation == "UPDATE":
        _node_update(request, node, new, old)


def _node_update(request: AdmissionRequest, node: str, new: Object, old: Object) -> None:
    source = spec_of(new).get("configSource")
    if source and source != spec_of(old).get("configSource"):
        why = f"node {quote(node)} is not allowed to update configSource to a new non-nil configSource"
        raise refused(request, why)
    if (spec_of(new).get("taints") or []) != (spec_of(old).get("taints") or []):
        raise refused(request, f"node {quote(node)} is not allowed to modify taints")
    if (new["metadata"].get("ownerReferences") or []) != (old["metadata"].get("ownerReferences") or []):
        raise refused(request, f"node {quote(node)} is not allowed to modify ownerReferences")
    bad = _forbidden(_labels(new), _labels(old))
    if bad:
        raise refused(request, f"is not allowed to modify labels: {', '.join(bad)}")


def _labels(found: Object) -> dict[str, str]:
    return (found.get("metadata") or {}).get("labels") or {}


def _forbidden(new: dict[str, str], old: dict[str, str]) -> list[str]:
    """The labels that changed, and that a node may not say of itself."""
    changed = {key for key in {*new, *old} if new.get(key) != old.get(key)}
    return sorted(key for key in changed if not _may_say(key))


def _within(domain: str, names: Iterable[str]) -> bool:
    return any(domain == name or domain.endswith(f".{name}") for name in names)


def _may_say(label: str) -> bool:
    domain, slash, _ = label.partition("/")
    if not slash:
        return True
    if _within(domain, (_RESTRICTED,)):
        return False
    if not _within(domain, ("kubernetes.io", "k8s.io")):
        return True
    return label in _KUBELET_LABELS or _within(domain, _KUBELET_DOMAINS)


# The rest


def _claim(request: AdmissionRequest, node: str) -> None:
    if request.subresource != "status":
        raise refused(request, "may only update PVC status")
    if request.operation != "UPDATE":
        raise refused(request, f"unexpected operation {quote(request.operation)}")
    if _claim_rest(request.object or {}) != _claim_rest(request.old or {}):
        why = "is not allowed to update fields other than status.capacity and status.conditions"
        raise refused(request, f"node {quote(node)} {why}")


_CLAIM_STATUS = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses")


def _claim_rest(claim: Object) -> Object:
    """All that a node may not change."""
    metadata = {
        key: value
        for key, value in (claim.get("metadata") or {}).items()
        if key not in ("resourceVersion", "managedFields")
    }
    state = {key: value for key, value in (claim.get("status") or {}).items() if key not in _CLAIM_STATUS}
    return {"metadata": metadata, "spec": claim.get("spec"), "status": state}


def _account(request: AdmissionRequest, node: str) -> None:
    if request.operation != "CREATE" or request.subresource != "token":
        return
    reference: Object = spec_of(request.object).get("boundObjectRef") or {}
    if (reference.get("apiVersion"), reference.get("kind")) != ("v1", "Pod") or not reference.get("name"):
        raise refused(request, "node requested token not bound to a pod")
    uid = reference.get("uid")
    if not uid:
        raise refused(request, "node requested token with a pod binding without a uid")
    pod = there(request, "pods", request.namespace, reference["name"])
    if uid != pod["metadata"].get("uid"):
        why = (
            f"the UID in the bound object reference ({uid}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise refused(request, why)
    if spec_of(pod).get("nodeName") != node:
        raise refused(request, "node requested token bound to a pod scheduled on a different node")


def _audiences_of(request: AdmissionRequest, pod: Object) -> Iterator[str]:
    """For whom a pod's volumes have tokens; "" is this server."""
    read = request.reader.get
    for volume in spec_of(pod).get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("serviceAccountToken") is not None:
                yield source["serviceAccountToken"].get("audience") or ""
        driver = (volume.get("csi") or {}).get("driver")
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if volume.get("ephemeral"):
            claim = f"{name_of(pod)}-{volume['name']}"
        if claim:
            bound = spec_of(read("persistentvolumeclaims", request.namespace, claim)).get("volumeName")
            behind = read("persistentvolumes", "", bound) if bound else None
            driver = (spec_of(behind).get("csi") or {}).get("driver")
        if driver:
            found = read("csidrivers.storage.k8s.io", "", driver)
            for token in spec_of(found).get("tokenRequests") or ():
                yield token.get("audience") or ""


def _own_name(request: AdmissionRequest) -> str:
    return name_of(request.object) if request.operation == "CREATE" else request.name


def _lease(request: AdmissionRequest, node: str) -> None:
    if request.namespace != LEASES:
        raise refused(request, f"can only access leases in the {quote(LEASES)} system namespace")
    if _own_name(request) != node:
        why = "can only access node lease with the same name as the requesting node"
        raise refused(request, why)


def _csi_node(request: AdmissionRequest, node: str) -> None:
    if _own_name(request) != node:
        raise refused(request, "can only access CSINode with the same name as the requesting node")


def _slice(request: AdmissionRequest, node: str) -> None:
    found = request.object if request.operation == "CREATE" else request.old
    if spec_of(found).get("nodeName") == node:
        return
    verb = {"CREATE": "create", "DELETE": "delete"}.get(request.operation)
    if verb:
        raise refused(request, f"can only {verb} ResourceSlice with the same NodeName as the requesting node")


def _signing_request(request: AdmissionRequest, node: str) -> None:
    if request.operation != "CREATE" or spec_of(request.object).get("signerName") not in _KUBELET_SIGNERS:
        return
    from cryptography import x509

    from sampan.kube.kinds.certificates.signing import decoded

    try:
        subject = x509.load_pem_x509_csr(decoded(spec_of(request.object).get("request"))).subject
    except ValueError as error:
        raise refused(request, f"unable to parse csr: {error}") from None
    names = [one.value for one in subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    if names != [f"system:node:{node}"]:
        raise refused(request, f"can only create a node CSR with CN=system:node:{node}")


_KUBELET_SIGNERS = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")

_CHECKS: dict[tuple[str, str], Callable[[AdmissionRequest, str], None]] = {
    ("", "pods"): check_pod,
    ("", "nodes"): _node,
    ("", "persistentvolumeclaims"): _claim,
    ("", "serviceaccounts"): _account,
    ("coordination.k8s.io", "leases"): _lease,
    ("storage.k8s.io", "csinodes"): _csi_node,
    ("resource.k8s.io", "resourceslices"): _slice,
    ("certificates.k8s.io", "certificatesigningrequests"): _signing_request,
}
