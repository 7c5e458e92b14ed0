"""Which controller serves an ingress that does not say it.

Kubernetes: plugin/pkg/admission/network/defaultingressclass.
"""

from sampan.kube.access.admission.refusing import annotations_of, is_of
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.access.admission.storage import newest_default

DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
LEGACY = "kubernetes.io/ingress.class"


class DefaultIngressClass(Plugin):
    async def mutate(self, request: AdmissionRequest) -> None:
        ingress = request.object
        if not is_of(request, "ingresses.networking.k8s.io", "CREATE") or ingress is None:
            return
        spec = ingress.setdefault("spec", {})
        if "ingressClassName" in spec or LEGACY in annotations_of(ingress):
            return
        found = newest_default(request.reader.list("ingressclasses.networking.k8s.io"), [DEFAULT_CLASS])
        if found is not None:
            spec["ingressClassName"] = found["metadata"]["name"]
