"""CSIStorageCapacity. k8s.io/kubernetes/pkg/apis/storage/validation"""

from sampan.kube.kinds.resource import Context, Object, Resource
from sampan.specs.kubernetes import labelselector, names
from sampan.specs.kubernetes.fielderror import FieldError, invalid
from sampan.specs.kubernetes.quantity import parse


def validate(new: Object, _context: Context) -> list[FieldError]:
    found = labelselector.label_selector_errors(new.get("nodeTopology"), "nodeTopology")
    name = new.get("storageClassName", "")
    found += [invalid("storageClassName", name, message) for message in names.dns1123_subdomain(name)]
    capacity = new.get("capacity")
    if capacity is not None and parse(capacity).sign() < 0:
        found.append(invalid("capacity", capacity, names.NOT_NEGATIVE))
    return found


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    found = []
    if (topology := new.get("nodeTopology")) != old.get("nodeTopology"):
        shown = None if topology is None else labelselector.shown(topology)
        found.append(invalid("nodeTopology", shown, "field is immutable"))
    if (name := new.get("storageClassName", "")) != old.get("storageClassName", ""):
        found.append(invalid("storageClassName", name, "field is immutable"))
    return found


RESOURCE = Resource(
    "CSIStorageCapacity",
    "csistoragecapacities",
    group="storage.k8s.io",
    validate=validate,
    validate_update=validate_update,
    unconditional_update=False,
)
