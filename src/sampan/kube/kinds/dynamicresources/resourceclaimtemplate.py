"""ResourceClaimTemplate. k8s.io/kubernetes/pkg/apis/resource/validation"""

from typing import Any

from sampan.kube.kinds import structs
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.dynamicresources import adminaccess, pieces, requests
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid


def default(new: Object) -> None:
    requests.default(new["spec"].get("spec") or {})


def validate(new: Object, context: Context) -> list[FieldError]:
    spec, metadata = new["spec"].get("spec") or {}, new["spec"].get("metadata") or {}
    found = adminaccess.requested_errors(spec, new["metadata"].get("namespace", ""), context)
    found += names.annotations_errors(metadata.get("annotations"), "spec.metadata.annotations")
    found += names.labels_errors(metadata.get("labels"), "spec.metadata.labels")
    return found + requests.spec_errors(spec, "spec.spec")


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    if same(new["spec"], old["spec"]):
        return []
    shown = structs.shown("ResourceClaimTemplateSpec", new["spec"])
    return [invalid("spec", shown, "field is immutable")]


def cells(new: Object, now: float) -> list[Any]:
    return [age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "ResourceClaimTemplate",
    "resourceclaimtemplates",
    group=pieces.GROUP,
    default=default,
    validate=validate,
    validate_update=validate_update,
    deletion_returns_object=True,
    columns=(Column("Age", describe="metadata.creationTimestamp"),),
    cells=cells,
)
