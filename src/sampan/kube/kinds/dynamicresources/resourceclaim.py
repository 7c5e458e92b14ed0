"""ResourceClaim. k8s.io/kubernetes/pkg/apis/resource/validation, pkg/registry/resource/resourceclaim"""

from typing import Any

from sampan.kube.kinds import statuses, structs
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.core.podspec.affinity import node_selector_errors
from sampan.kube.kinds.dynamicresources import adminaccess, devicestatus, pieces, requests
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.resource import Column, Context, Object, Resource, Subresource
from sampan.kube.kinds.storage.parameters import driver_name_errors
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required

RESERVED, RESULTS, CONFIGURATIONS = 256, 32, 64
SOURCES = ("FromClaim", "FromClass")
_IMMUTABLE = "field is immutable"
_GOING = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"


def default(new: Object) -> None:
    requests.default(new["spec"])


def validate(new: Object, context: Context) -> list[FieldError]:
    namespace = new["metadata"].get("namespace", "")
    found = adminaccess.requested_errors(new["spec"], namespace, context)
    return found + requests.spec_errors(new["spec"], "spec")


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    if same(new["spec"], old["spec"]):
        return []
    return [invalid("spec", structs.shown("ResourceClaimSpec", new["spec"]), _IMMUTABLE)]


def prepare_status(new: Object, old: Object, context: Context) -> None:
    statuses.all_kept(new, old, context)
    devicestatus.drop_deallocated(new.get("status") or {}, old.get("status") or {})


def validate_status(new: Object, old: Object, context: Context) -> list[FieldError]:
    status, before, path = new.get("status") or {}, old.get("status") or {}, "status"
    found = adminaccess.granted_errors(status, before, new["metadata"].get("namespace", ""), context)
    users = status.get("reservedFor") or []
    found += pieces.set_errors(
        users, RESERVED, _user_errors, f"{path}.reservedFor", lambda one: one.get("uid", "")
    )
    found += devicestatus.devices_errors(status, f"{path}.devices")
    allocation, allocated = status.get("allocation"), before.get("allocation")
    found += _users_errors(new, users, before.get("reservedFor") or [], f"{path}.reservedFor")
    if allocation is None:
        return found
    if allocated is None:
        return found + _allocation_errors(allocation, requests.request_names(new["spec"]), path)
    if not same(allocation, allocated):
        shown = structs.shown("AllocationResult", allocation)
        found.append(invalid(f"{path}.allocation", shown, _IMMUTABLE))
    return found


def _users_errors(new: Object, users: list[Object], before: list[Object], path: str) -> list[FieldError]:
    if not users:
        return []
    if new["status"].get("allocation") is None:
        return [forbidden(path, "may not be specified when `allocated` is not set")]
    if new["metadata"].get("deletionTimestamp") is None or all(user in before for user in users):
        return []
    return [forbidden(path, _GOING)]


def _user_errors(user: Object, path: str) -> list[FieldError]:
    return [required(f"{path}.{field}") for field in ("resource", "name", "uid") if not user.get(field)]


def _allocation_errors(allocation: Object, known: dict[str, set[str]], path: str) -> list[FieldError]:
    devices, where = allocation.get("devices") or {}, f"{path}.allocation"
    found = pieces.items_errors(
        devices.get("results") or [],
        RESULTS,
        lambda one, where: _result_errors(one, known, where),
        f"{where}.devices.results",
    )
    found += pieces.items_errors(
        devices.get("config") or [],
        CONFIGURATIONS,
        lambda one, where: _configuration_errors(one, known, where),
        f"{where}.devices.config",
    )
    if (selector := allocation.get("nodeSelector")) is not None:
        found += node_selector_errors(selector, f"{where}.nodeSelector")
    return found


def _result_errors(result: Object, known: dict[str, set[str]], path: str) -> list[FieldError]:
    found = requests.reference_errors(result.get("request", ""), known, f"{path}.request")
    found += driver_name_errors(result.get("driver", ""), f"{path}.driver")
    found += pieces.pool_name_errors(result.get("pool", ""), f"{path}.pool")
    found += pieces.label_errors(result.get("device", ""), f"{path}.device")
    conditions, failures = result.get("bindingConditions") or [], result.get("bindingFailureConditions")
    found += pieces.binding_errors(conditions, failures or [], path)
    if (share := result.get("shareID")) is not None:
        found += pieces.uid_errors(share, f"{path}.shareID")
    return found


def _configuration_errors(one: Object, known: dict[str, set[str]], path: str) -> list[FieldError]:
    source = one.get("source", "")
    found: list[FieldError] = []
    if not source:
        found.append(required(f"{path}.source"))
    elif source not in SOURCES:
        found.append(not_supported(f"{path}.source", source, SOURCES))
    return found + requests.configuration_errors(one, known, path)


def cells(new: Object, now: float) -> list[Any]:
    status = new.get("status") or {}
    deleted = new["metadata"].get("deletionTimestamp") is not None
    states = ["deleted"] if deleted else []
    if status.get("allocation") is not None:
        states.append("allocated")
        states += ["reserved"] if status.get("reservedFor") else []
    elif not deleted:
        states.append("pending")
    return [",".join(states), age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "ResourceClaim",
    "resourceclaims",
    group=pieces.GROUP,
    subresources=(Subresource("status", prepare_update=prepare_status, validate_update=validate_status),),
    default=default,
    prepare_create=statuses.cleared({}),
    prepare_update=statuses.kept,
    validate=validate,
    validate_update=validate_update,
    reset_fields=statuses.RESET,
    deletion_returns_object=True,
    columns=(
        Column("State", description="A summary of the current state (allocated, pending, reserved, etc.)."),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
