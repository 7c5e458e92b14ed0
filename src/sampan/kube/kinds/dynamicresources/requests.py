"""What a claim asks for, and its defaults. k8s.io/kubernetes/pkg/apis/resource/validation"""

from sampan.kube.kinds.dynamicresources import pieces
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required

CONSTRAINTS, CONFIGURATIONS, SUBREQUESTS = 32, 32, 8
MODES = ("All", "ExactCount")
_ONE_OF = "exactly one of `exactly` or `firstAvailable` is required"
_REFERENCE = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)


def default(spec: Object) -> None:
    """Of a ResourceClaimSpec."""
    for request in (spec.get("devices") or {}).get("requests") or ():
        exactly = request.get("exactly")
        for one in ([exactly] if exactly is not None else []) + (request.get("firstAvailable") or []):
            one["allocationMode"] = one.get("allocationMode") or "ExactCount"
            if one["allocationMode"] == "ExactCount":
                one["count"] = one.get("count") or 1
            for toleration in one.get("tolerations") or ():
                toleration["operator"] = toleration.get("operator") or "Equal"


def request_names(spec: Object) -> dict[str, set[str]]:
    """Each request's name, and the names of its subrequests."""
    requests = (spec.get("devices") or {}).get("requests") or ()
    return {
        one.get("name", ""): {sub.get("name", "") for sub in one.get("firstAvailable") or ()}
        for one in requests
    }


def spec_errors(spec: Object, path: str) -> list[FieldError]:
    """Of a ResourceClaimSpec."""
    devices = spec.get("devices") or {}
    known = request_names(spec)
    path = f"{path}.devices"
    found = pieces.set_errors(
        devices.get("requests") or [],
        pieces.REQUESTS,
        _request_errors,
        f"{path}.requests",
        pieces.name_of,
    )
    found += pieces.items_errors(
        devices.get("constraints") or [],
        CONSTRAINTS,
        lambda one, where: _constraint_errors(one, known, where),
        f"{path}.constraints",
    )
    return found + pieces.items_errors(
        devices.get("config") or [],
        CONFIGURATIONS,
        lambda one, where: configuration_errors(one, known, where),
        f"{path}.config",
    )


def _request_errors(request: Object, path: str) -> list[FieldError]:
    found = pieces.label_errors(request.get("name", ""), f"{path}.name")
    exactly, some = request.get("exactly"), request.get("firstAvailable")
    if exactly is None and not some:
        return [*found, required(path, _ONE_OF)]
    if exactly is not None and some:
        return [*found, invalid(path, None, f"{_ONE_OF}, but multiple fields are set")]
    if exactly is not None:
        return found + _wanted_errors(exactly, f"{path}.exactly")
    return found + pieces.set_errors(
        some or [], SUBREQUESTS, _subrequest_errors, f"{path}.firstAvailable", pieces.name_of
    )


def _subrequest_errors(request: Object, path: str) -> list[FieldError]:
    return pieces.label_errors(request.get("name", ""), f"{path}.name") + _wanted_errors(request, path)


def _wanted_errors(request: Object, path: str) -> list[FieldError]:
    name, where = request.get("deviceClassName", ""), f"{path}.deviceClassName"
    if name:
        found = [invalid(where, name, message) for message in names.dns1123_subdomain(name)]
    else:
        found = [required(where)]
    found += pieces.selectors_errors(request.get("selectors") or [], f"{path}.selectors")
    found += _mode_errors(request.get("allocationMode", ""), request.get("count", 0), path)
    tolerations = request.get("tolerations") or []
    return found + pieces.items_errors(tolerations, -1, pieces.toleration_errors, f"{path}.tolerations")


def _mode_errors(mode: str, count: int, path: str) -> list[FieldError]:
    if mode not in MODES:
        return [not_supported(f"{path}.allocationMode", mode, MODES)]
    if mode == "All" and count:
        detail = "must not be specified when allocationMode is 'All'"
        return [invalid(f"{path}.count", count, detail)]
    if mode == "ExactCount" and count <= 0:
        return [invalid(f"{path}.count", count, "must be greater than zero")]
    return []


def _constraint_errors(constraint: Object, known: dict[str, set[str]], path: str) -> list[FieldError]:
    found = references_errors(constraint.get("requests") or [], known, f"{path}.requests")
    for field in ("matchAttribute", "distinctAttribute"):
        if (attribute := constraint.get(field)) is not None:
            return found + pieces.fully_qualified_errors(attribute, f"{path}.{field}")
    return [*found, required(f"{path}.matchAttribute")]


def configuration_errors(one: Object, known: dict[str, set[str]], path: str) -> list[FieldError]:
    """Of a configuration for some requests."""
    found = references_errors(one.get("requests") or [], known, f"{path}.requests")
    return found + pieces.opaque_errors(one, path)


def references_errors(requests: list[str], known: dict[str, set[str]], path: str) -> list[FieldError]:
    return pieces.set_errors(
        requests, pieces.REQUESTS, lambda one, where: reference_errors(one, known, where), path
    )


def reference_errors(name: str, known: dict[str, set[str]], path: str) -> list[FieldError]:
    """Of the name of a request, or of one of its subrequests."""
    parts = name.split("/")
    if len(parts) > 2:
        return [invalid(path, name, _REFERENCE)]
    found = [error for part in parts for error in pieces.label_errors(part, path)]
    if parts[0] not in known or (len(parts) == 2 and parts[1] not in known[parts[0]]):
        found.append(invalid(path, name, _REFERENCE))
    return found
