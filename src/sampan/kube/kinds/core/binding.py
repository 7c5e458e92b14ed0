"""Bindings: which node a pod is to run on. The resource of old; schedulers use the pod's subresource."""

from sampan.kube.kinds.resource import Context, Object, Resource
from sampan.specs.kubernetes.fielderror import FieldError, not_supported, required


def binding_errors(value: Object) -> list[FieldError]:
    """ValidatePodBinding."""
    target = value.get("target") or {}
    found = []
    if target.get("kind") not in (None, "", "Node"):
        found.append(not_supported("target.kind", target["kind"], ("Node", "<empty>")))
    if not target.get("name"):
        found.append(required("target.name"))
    return found


def _validate(value: Object, _context: Context) -> list[FieldError]:
    return binding_errors(value)


RESOURCE = Resource(kind="Binding", plural="bindings", verbs=("create",), validate=_validate)
