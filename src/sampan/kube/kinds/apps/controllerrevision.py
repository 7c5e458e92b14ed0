"""ControllerRevisions: what a controller's object once was, to be gone back to."""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.kube.kinds.workloads import AGE
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required
from sampan.specs.kubernetes.object_meta import IMMUTABLE

_CONTROLLERS = frozenset({"system:serviceaccounts:kube-system"})


def _errors(value: Object, _context: Context) -> list[FieldError]:
    found: list[FieldError] = []
    if value.get("data") is None:
        found.append(required("data", "data is mandatory"))
    if (revision := value.get("revision", 0)) < 0:
        found.append(invalid("revision", revision, names.NOT_NEGATIVE))
    return found


def _update_errors(new: Object, old: Object, context: Context) -> list[FieldError]:
    found = _errors(new, context)
    # Upstream's own comparison never holds of what came as JSON; its controllers, which are the only ones
    # to write revisions, send protobuf.
    if new.get("data") != old.get("data") or not _CONTROLLERS.intersection(context.groups):
        found.append(invalid("data", new.get("data"), IMMUTABLE))
    return found


def _cells(value: Object, now: float) -> list[Any]:
    meta = value.get("metadata") or {}
    owners = [one for one in meta.get("ownerReferences") or () if one.get("controller")]
    return [
        _owner(owners[0]) if owners else "<none>",
        value.get("revision", 0),
        age(meta.get("creationTimestamp"), now),
    ]


def _owner(ref: Object) -> str:
    group, slash, _ = ref.get("apiVersion", "").rpartition("/")
    kind = ref.get("kind", "").lower()
    return f"{kind}.{group}/{ref.get('name', '')}" if slash else f"{kind}/{ref.get('name', '')}"


# As older versions had it: what a Table shows was never renewed.
_REVISION_SHOWN = "revision indicates the revision of the state represented by Data."

RESOURCE = Resource(
    kind="ControllerRevision",
    plural="controllerrevisions",
    group="apps",
    validate=_errors,
    validate_update=_update_errors,
    columns=(
        Column("Controller", description="Controller of the object"),
        Column("Revision", description=_REVISION_SHOWN),
        AGE,
    ),
    cells=_cells,
)
