"""Who may write what of an object with a status: writes of the object leave its status alone, writes of the
status everything else. k8s.io/kubernetes/pkg/registry/*/strategy.go
"""

from sampan.kube.kinds.resource import Context, Object, Prepare, Subresource, ValidateUpdate
from sampan.specs.kubernetes.objects import copied

# Whose status strategy resets all metadata but what comes with every write.
RESET = {"": ("status",), "status": ("metadata", "spec")}
RESET_SPEC = {"": ("status",), "status": ("spec",)}

# metav1.ResetObjectMetaForStatus
_METADATA = ("deletionTimestamp", "generation", "labels", "annotations", "finalizers", "ownerReferences")


def cleared(status: Object) -> Prepare:
    """What a new object has as its status, whatever was sent: `status`, as Go writes one with nothing in
    it.
    """

    def prepare(new: Object, _context: Context) -> None:
        new["status"] = copied(status)

    return prepare


def kept(new: Object, old: Object, _context: Context) -> None:
    """The status stays as it is."""
    put_back(new, old, "status")


def put_back(new: Object, old: Object, field: str) -> None:
    """`field` stays as it is."""
    if field in old:
        new[field] = copied(old[field])
    else:
        new.pop(field, None)


def spec_kept(new: Object, old: Object, _context: Context) -> None:
    """Of a write of the status that may change labels and the like too."""
    put_back(new, old, "spec")


def all_kept(new: Object, old: Object, context: Context) -> None:
    """Of a write of the status that may change nothing else."""
    spec_kept(new, old, context)
    for field in _METADATA:
        put_back(new["metadata"], old["metadata"], field)


def status_of(validate: ValidateUpdate) -> Subresource:
    """The subresource by which nothing but the status is written."""
    return Subresource("status", prepare_update=all_kept, validate_update=validate)
