"""What nodes may do with pods: tell of mirror pods, and of the status of those that run there.

Kubernetes: plugin/pkg/admission/noderestriction.
"""

from collections.abc import Callable
from typing import Any

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import podreferences, status
from sampan.specs.kubernetes.pods import MIRROR


def refused(request: AdmissionRequest, why: str) -> status.StatusError:
    """What a node hears."""
    name = request.name or name_of(request.object)
    return status.forbidden(request.resource.group, request.resource.plural, name, why)


def name_of(found: Object | None) -> str:
    """An object's name, "" if it has none."""
    return ((found or {}).get("metadata") or {}).get("name") or ""


def spec_of(found: Object | None) -> Object:
    """An object's spec, empty if it has none."""
    return (found or {}).get("spec") or {}


def there(request: AdmissionRequest, resource: str, namespace: str, name: str) -> Object:
    """An object of the core group; raises NotFound."""
    found = request.reader.get(resource, namespace, name)
    if found is None:
        raise status.not_found("", resource, name)
    return found


def check_pod(request: AdmissionRequest, node: str) -> None:
    """Raises the StatusError of what a node may not do with this pod."""
    checks: dict[str, Callable[[AdmissionRequest, str], None]] = {
        "": _pod_itself,
        "status": _pod_status,
        "eviction": _eviction,
    }
    check = checks.get(request.subresource)
    if check is None:
        why = "only 'status' and 'eviction' are allowed"
        raise refused(request, f"unexpected pod subresource {quote(request.subresource)}, {why}")
    check(request, node)


def _pod_itself(request: AdmissionRequest, node: str) -> None:
    if request.operation == "CREATE":
        _mirror_pod(request, node, request.object or {})
    elif request.operation != "DELETE":
        why = f"node {quote(node)} can only create and delete mirror pods"
        raise refused(request, f"unexpected operation {quote(request.operation)}, {why}")
    elif spec_of(there(request, "pods", request.namespace, request.name)).get("nodeName") != node:
        why = f"node {quote(node)} can only delete pods with spec.nodeName set to itself"
        raise refused(request, why)


def _mirror_pod(request: AdmissionRequest, node: str, pod: Object) -> None:
    """A node tells of the pods that it has from files, which lead to nothing else."""
    metadata, spec, own = pod.get("metadata") or {}, spec_of(pod), f"node {quote(node)}"
    if MIRROR not in (metadata.get("annotations") or {}):
        why = f"pod does not have {quote(MIRROR)} annotation, {own} can only create mirror pods"
        raise refused(request, why)
    if spec.get("nodeName") != node:
        raise refused(request, f"{own} can only create pods with spec.nodeName set to itself")
    _own_reference(request, node, metadata.get("ownerReferences") or [])
    start = f"{own} can not create pods that reference"
    if spec.get("serviceAccountName"):
        raise refused(request, f"{start} a service account")
    if podreferences.secrets(spec):
        raise refused(request, f"{start} secrets")
    if podreferences.config_maps(spec):
        raise refused(request, f"{start} configmaps")
    volumes = spec.get("volumes") or ()
    sources = [one for volume in volumes for one in (volume.get("projected") or {}).get("sources") or ()]
    if any(one.get("clusterTrustBundle") for one in sources):
        raise refused(request, f"{start} clustertrustbundles")
    if any(one.get("podCertificate") for one in sources):
        raise refused(request, f"{start} podcertificates")
    if any(volume.get("persistentVolumeClaim") for volume in volumes):
        raise refused(request, f"{start} persistentvolumeclaims")
    if spec.get("resourceClaims"):
        raise refused(request, f"{start} resourceclaims")


def _own_reference(request: AdmissionRequest, node: str, owners: list[Object]) -> None:
    start = f"node {quote(node)} can only create pods with"
    if len(owners) > 1:
        raise refused(request, f"{start} a single owner reference set to itself")
    owner: Object = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        raise refused(request, f"{start} an owner reference set to itself")
    if not owner.get("controller"):
        raise refused(request, f"{start} a controller owner reference set to itself")
    if owner.get("blockOwnerDeletion"):
        why = f"node {quote(node)} must not set blockOwnerDeletion on an owner reference"
        raise refused(request, why)
    found = there(request, "nodes", "", node)
    said, actual = owner.get("uid", ""), found["metadata"].get("uid", "")
    if said != actual:
        raise refused(request, f"node {node} UID mismatch: expected {said} got {actual}")


def _pod_status(request: AdmissionRequest, node: str) -> None:
    new, old = request.object or {}, request.old or {}
    if request.operation != "UPDATE":
        raise refused(request, f"unexpected operation {quote(request.operation)}")
    if spec_of(old).get("nodeName") != node:
        why = f"node {quote(node)} can only update pod status for pods with spec.nodeName set to itself"
        raise refused(request, why)
    if (new["metadata"].get("labels") or {}) != (old["metadata"].get("labels") or {}):
        raise refused(request, f"node {quote(node)} cannot update labels through pod status")
    if _state(new, "resourceClaimStatuses") != _state(old, "resourceClaimStatuses"):
        raise refused(request, f"node {quote(node)} cannot update resource claim statues")
    if _state(new, "extendedResourceClaimStatus") != _state(old, "extendedResourceClaimStatus"):
        raise refused(request, f"node {quote(node)} cannot update extended resource claim status")


def _state(found: Object, field: str) -> Any:
    return (found.get("status") or {}).get(field) or None


def _eviction(request: AdmissionRequest, node: str) -> None:
    if request.operation != "CREATE":
        raise refused(request, f"unexpected operation {request.operation}")
    name = request.name or name_of(request.object)
    if not name:
        raise refused(request, "could not determine pod from request data")
    if spec_of(there(request, "pods", request.namespace, name)).get("nodeName") != node:
        raise refused(request, f"node {node} can only evict pods with spec.nodeName set to itself")
