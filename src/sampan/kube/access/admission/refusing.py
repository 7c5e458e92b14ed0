"""What the plugins share: how they refuse, and what they look at."""

from collections.abc import Iterator

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import status

CONTAINERS = (
    ("initContainers", "init container"),
    ("containers", "container"),
    ("ephemeralContainers", "ephemeral container"),
)


def refused(request: AdmissionRequest, why: str) -> status.StatusError:
    resource = request.resource
    return status.forbidden(resource.group, resource.plural, name_of(request), why)


def name_of(request: AdmissionRequest) -> str:
    """As refusals name an object, which may not have its name yet."""
    metadata = (request.object or {}).get("metadata") or {}
    return request.name or metadata.get("name") or metadata.get("generateName") or "Unknown"


def is_of(request: AdmissionRequest, name: str, *operations: str) -> bool:
    """Is it one of these writes of the resource itself ("pods", "ingresses.networking.k8s.io")?"""
    return request.resource.name == name and not request.subresource and request.operation in operations


def annotations_of(value: Object) -> dict[str, str]:
    return (value.get("metadata") or {}).get("annotations") or {}


def annotate(value: Object, key: str, text: str) -> None:
    value["metadata"].setdefault("annotations", {})[key] = text


def containers_of(spec: Object) -> Iterator[tuple[str, Object]]:
    """What it is called, and the container: those that start first, first."""
    for field, kind in CONTAINERS:
        for one in spec.get(field) or ():
            yield kind, one
