"""RuntimeClass. k8s.io/kubernetes/pkg/apis/node/validation"""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.core.amounts import round_amounts
from sampan.kube.kinds.core.podspec.resources import requirements_errors
from sampan.kube.kinds.core.podspec.scheduling import tolerations_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid


def default(new: Object) -> None:
    overhead = new.get("overhead") or {}
    if overhead.get("podFixed"):
        round_amounts(overhead["podFixed"])


def validate(new: Object, _context: Context) -> list[FieldError]:
    handler = new.get("handler", "")
    found = [invalid("handler", handler, message) for message in names.dns1123_label(handler)]
    if (overhead := new.get("overhead")) is not None:
        # Upstream looks at it as the limits of a container.
        limits = {"limits": overhead.get("podFixed") or {}}
        found += requirements_errors(limits, set(), "overhead")
    if (scheduling := new.get("scheduling")) is not None:
        found += names.labels_errors(scheduling.get("nodeSelector"), "scheduling.nodeSelector")
        found += tolerations_errors(scheduling.get("tolerations") or (), "scheduling.tolerations")
    return found


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    handler = new.get("handler", "")
    if handler == old.get("handler", ""):
        return []
    return [invalid("handler", handler, "field is immutable")]


def cells(new: Object, now: float) -> list[Any]:
    return [new.get("handler", ""), age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "RuntimeClass",
    "runtimeclasses",
    group="node.k8s.io",
    namespaced=False,
    default=default,
    validate=validate,
    validate_update=validate_update,
    unconditional_update=False,
    # Upstream looks for the column's description where the handler was in v1beta1's predecessor.
    columns=(Column("Handler"), Column("Age", describe="metadata.creationTimestamp")),
    cells=cells,
)
