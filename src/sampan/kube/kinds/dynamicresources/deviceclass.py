"""DeviceClass. k8s.io/kubernetes/pkg/apis/resource/validation"""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.dynamicresources import pieces
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid

CONFIGURATIONS = 32


def validate(new: Object, _context: Context) -> list[FieldError]:
    spec = new["spec"]
    found = pieces.selectors_errors(spec.get("selectors") or [], "spec.selectors")
    configuration = spec.get("config") or []
    found += pieces.items_errors(configuration, CONFIGURATIONS, pieces.opaque_errors, "spec.config")
    name = spec.get("extendedResourceName")
    if name is not None and not _is_extended(name):
        detail = "must be a valid extended resource name"
        found.append(invalid("spec.extendedResourceName", name, detail))
    return found


def _is_extended(name: str) -> bool:
    """Of a domain that is not Kubernetes' own, and still a name when quotas ask for it."""
    native = "/" not in name or "kubernetes.io/" in name
    if native or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")


def cells(new: Object, now: float) -> list[Any]:
    return [age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "DeviceClass",
    "deviceclasses",
    group=pieces.GROUP,
    namespaced=False,
    validate=validate,
    generation=("spec",),
    deletion_returns_object=True,
    columns=(Column("Age", describe="metadata.creationTimestamp"),),
    cells=cells,
)
