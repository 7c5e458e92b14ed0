"""Admin access to devices, which only labelled namespaces may ask for. pkg/registry/resource"""

from sampan.kube.kinds.resource import Context, Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, internal

LABEL = "resource.kubernetes.io/admin-access"


def requested_errors(spec: Object, namespace: str, context: Context) -> list[FieldError]:
    """Of a ResourceClaimSpec in this namespace."""
    for at, request in enumerate((spec.get("devices") or {}).get("requests") or ()):
        if (request.get("exactly") or {}).get("adminAccess"):
            return _errors(namespace, context, f"spec.devices.requests[{at}].adminAccess")
    return []


def granted_errors(new: Object, old: Object, namespace: str, context: Context) -> list[FieldError]:
    """Of a claim's new status."""
    if _granted(old) >= 0 or (at := _granted(new)) < 0:
        return []
    return _errors(namespace, context, f"status.allocation.devices.results[{at}].adminAccess")


def _granted(status: Object) -> int:
    results = ((status.get("allocation") or {}).get("devices") or {}).get("results") or ()
    return next((at for at, one in enumerate(results) if one.get("adminAccess")), -1)


def _errors(namespace: str, context: Context, path: str) -> list[FieldError]:
    if context.reader is None:
        return []
    found = context.reader.get("namespaces", "", namespace)
    if found is None:
        why = f"could not retrieve namespace to verify admin access: namespaces {quote(namespace)} not found"
        return [internal(path, why)]
    if (found["metadata"].get("labels") or {}).get(LABEL) == "true":
        return []
    why = f"admin access to devices requires the `{LABEL}: true` label on the containing namespace"
    return [forbidden(path, why)]
