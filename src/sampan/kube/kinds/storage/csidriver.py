"""CSIDriver. k8s.io/kubernetes/pkg/apis/storage/validation, pkg/registry/storage/csidriver"""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, invalid, not_supported, required

GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
LIFECYCLE_MODES = ("Persistent", "Ephemeral")
TOKEN_SECONDS = (600, 2**32)
PERIOD = 10
_DEFAULTS = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "requiresRepublish": False,
    "seLinuxMount": False,
}


def default(new: Object) -> None:
    spec = new["spec"]
    for field, value in _DEFAULTS.items():
        spec.setdefault(field, value)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def prepare_update(new: Object, old: Object, _context: Context) -> None:
    # A new object has no generation, and a changed one does.
    if new["spec"] != old["spec"]:
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def validate(new: Object, _context: Context) -> list[FieldError]:
    return _spec_errors(new["spec"], "spec")


def _spec_errors(spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for field, name in (
        ("attachRequired", "attachedRequired"),
        ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
    ):
        if spec.get(field) is None:
            found.append(required(f"{path}.{name}"))
    policy = spec.get("fsGroupPolicy")
    if policy is not None and policy not in GROUP_POLICIES:
        found.append(not_supported(f"{path}.fsGroupPolicy", policy, GROUP_POLICIES))
    found += _tokens_errors(spec.get("tokenRequests") or [], f"{path}.tokenRequests")
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in LIFECYCLE_MODES:
            found.append(not_supported(f"{path}.volumeLifecycleModes", mode, LIFECYCLE_MODES))
    if spec.get("seLinuxMount") is None:
        found.append(required(f"{path}.seLinuxMount"))
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < PERIOD:
        detail = "must be greater than or equal to 10 seconds"
        found.append(invalid(f"{path}.nodeAllocatableUpdatePeriodSeconds", period, detail))
    in_secrets = spec.get("serviceAccountTokenInSecrets")
    if in_secrets is not None and not spec.get("tokenRequests"):
        detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        found.append(invalid(f"{path}.serviceAccountTokenInSecrets", in_secrets, detail))
    return found


def _tokens_errors(requests: list[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    audiences: set[str] = set()
    for at, request in enumerate(requests):
        audience, seconds = request.get("audience", ""), request.get("expirationSeconds")
        if audience in audiences:
            found.append(duplicate(f"{path}[{at}].audience", audience))
            continue
        audiences.add(audience)
        where = f"{path}[{at}].expirationSeconds"
        if seconds is not None and seconds < TOKEN_SECONDS[0]:
            found.append(invalid(where, seconds, "may not specify a duration less than 10 minutes"))
        if seconds is not None and seconds > TOKEN_SECONDS[1]:
            found.append(invalid(where, seconds, "may not specify a duration larger than 2^32 seconds"))
    return found


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    found = _spec_errors(new["spec"], "spec")
    for field, name in (
        ("attachRequired", "attachedRequired"),
        ("volumeLifecycleModes", "volumeLifecycleModes"),
    ):
        if new["spec"].get(field) != old["spec"].get(field):
            found.append(invalid(f"spec.{name}", new["spec"].get(field), "field is immutable"))
    return found


def cells(new: Object, now: float) -> list[Any]:
    spec = new["spec"]
    requests = spec.get("tokenRequests")
    return [
        spec.get("attachRequired", True),
        spec.get("podInfoOnMount", False),
        spec.get("storageCapacity", False),
        "<unset>" if requests is None else ",".join(one.get("audience", "") for one in requests),
        spec.get("requiresRepublish", False),
        ",".join(spec.get("volumeLifecycleModes") or ()) or "<none>",
        age(new["metadata"].get("creationTimestamp"), now),
    ]


RESOURCE = Resource(
    "CSIDriver",
    "csidrivers",
    group="storage.k8s.io",
    namespaced=False,
    default=default,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    unconditional_update=False,
    deletion_returns_object=True,
    columns=(
        Column("AttachRequired", type="boolean", describe="spec.attachRequired"),
        Column("PodInfoOnMount", type="boolean", describe="spec.podInfoOnMount"),
        Column("StorageCapacity", type="boolean", describe="spec.storageCapacity"),
        Column("TokenRequests", describe="spec.tokenRequests"),
        Column("RequiresRepublish", type="boolean", describe="spec.requiresRepublish"),
        Column("Modes", describe="spec.volumeLifecycleModes"),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
