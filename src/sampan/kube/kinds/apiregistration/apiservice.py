"""APIService. k8s.io/kube-aggregator/pkg/apis/apiregistration/validation, pkg/registry/apiservice"""

import binascii
from typing import Any

from sampan.kube.kinds import statuses
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required

GROUP_PRIORITY, VERSION_PRIORITY = 20000, 1000
STATUSES = ("True", "False", "Unknown")


def default(new: Object) -> None:
    service = new["spec"].get("service")
    if service is not None:
        service.setdefault("port", 443)


def prepare_create(new: Object, context: Context) -> None:
    new["status"] = {}
    if new["spec"].get("service") is None:
        condition = {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": context.now,
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
        new["status"]["conditions"] = [condition]


def validate(new: Object, _context: Context) -> list[FieldError]:
    spec, name = new["spec"], new["metadata"].get("name", "")
    group, version = spec.get("group", ""), spec.get("version", "")
    found: list[FieldError] = []
    wanted = f"{version}.{group}"
    if name and name != wanted and not names.path_segment(name):
        detail = f'must be `spec.version+"."+spec.group`: {quote(wanted)}'
        found.append(invalid("metadata.name", name, detail))
    if not group and version != "v1":
        detail = "only v1 may have an empty group and it better be legacy kube"
        found.append(required("spec.group", detail))
    if group:
        found += [invalid("spec.group", group, message) for message in names.dns1123_subdomain(group)]
    found += [invalid("spec.version", version, message) for message in names.dns1035_label(version)]
    for field, most in (("groupPriorityMinimum", GROUP_PRIORITY), ("versionPriority", VERSION_PRIORITY)):
        priority = spec.get(field, 0)
        if not 0 < priority <= most:
            found.append(invalid(f"spec.{field}", priority, f"must be positive and less than {most}"))
    return found + _service_errors(spec)


def _service_errors(spec: Object) -> list[FieldError]:
    service, skip = spec.get("service"), spec.get("insecureSkipTLSVerify", False)
    bundle = _size(spec.get("caBundle"))
    found: list[FieldError] = []
    if service is None:
        if bundle:
            detail = "local APIServices may not have a caBundle"
            found.append(invalid("spec.caBundle", f"{bundle} bytes", detail))
        if skip:
            detail = "local APIServices may not have insecureSkipTLSVerify"
            found.append(invalid("spec.insecureSkipTLSVerify", skip, detail))
        return found
    for field in ("namespace", "name"):
        if not service.get(field):
            found.append(required(f"spec.service.{field}"))
    port = service.get("port", 0)
    if messages := names.port_number(port):
        found.append(invalid("spec.service.port", port, f"port is not valid: {', '.join(messages)}"))
    if skip and bundle:
        detail = "may not be true if caBundle is present"
        found.append(invalid("spec.insecureSkipTLSVerify", skip, detail))
    return found


def _size(encoded: str | None) -> int:
    return len(binascii.a2b_base64(encoded)) if encoded else 0


def validate_update(new: Object, _old: Object, context: Context) -> list[FieldError]:
    return validate(new, context)


def validate_status(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    return [
        not_supported(f"status.conditions[{at}].status", one.get("status", ""), STATUSES)
        for at, one in enumerate((new.get("status") or {}).get("conditions") or ())
        if one.get("status") not in STATUSES
    ]


def cells(new: Object, now: float) -> list[Any]:
    service = new["spec"].get("service")
    shown = "Local"
    if service is not None:
        shown = f"{service.get('namespace', '')}/{service.get('name', '')}"
    available = "Unknown"
    for one in (new.get("status") or {}).get("conditions") or ():
        if one.get("type") == "Available":
            available = one.get("status", "")
            if available != "True":
                available += f" ({one.get('reason', '')})"
            break
    return [shown, available, age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "APIService",
    "apiservices",
    group="apiregistration.k8s.io",
    namespaced=False,
    categories=("api-extensions",),
    definition="io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
    subresources=(statuses.status_of(validate_status),),
    default=default,
    prepare_create=prepare_create,
    prepare_update=statuses.kept,
    validate=validate,
    validate_update=validate_update,
    names="path-segment",
    reset_fields=statuses.RESET,
    unconditional_update=False,
    columns=(
        Column("Service", description="The reference to the service that hosts this API endpoint."),
        Column("Available", description="Whether this service is available."),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
