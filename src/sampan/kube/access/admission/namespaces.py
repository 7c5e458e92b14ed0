"""Nothing is written into a namespace that is not there, and nothing new into one that ends.

Kubernetes: k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle.
"""

from sampan.kube.access.admission.refusing import refused
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.specs.kubernetes import status

IMMORTAL = ("default", "kube-system", "kube-public")
REVIEWS = ("authorization.k8s.io", "localsubjectaccessreviews")  # a question, which leaks nothing


class NamespaceLifecycle(Plugin):
    async def mutate(self, request: AdmissionRequest) -> None:
        resource = request.resource
        if resource.name == "namespaces":
            if request.operation == "DELETE" and request.name in IMMORTAL:
                raise refused(request, "this namespace may not be deleted")
            return
        if not resource.namespaced or request.operation == "DELETE":
            return
        if (resource.group, resource.plural) == REVIEWS:
            return
        found = request.reader.get("namespaces", "", request.namespace)
        if found is None:
            raise status.not_found("", "namespaces", request.namespace)
        if request.operation == "CREATE" and (found.get("status") or {}).get("phase") == "Terminating":
            raise _ending(request)


def _ending(request: AdmissionRequest) -> status.StatusError:
    name = request.namespace
    error = refused(
        request, f"unable to create new content in namespace {name} because it is being terminated"
    )
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {name} is being terminated",
        "field": "metadata.namespace",
    }
    error.details = {**(error.details or {}), "causes": [cause]}
    return error
