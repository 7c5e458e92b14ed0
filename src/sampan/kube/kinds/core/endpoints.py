"""Endpoints, which EndpointSlices replaced; pkg/apis/core/validation, pkg/api/v1/endpoints, pkg/printers."""

from sampan.kube.kinds.ages import AGE, age_of
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.endpoints import repack
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_SHOWN = 3


def _default(value: Object) -> None:
    for subset in value.get("subsets") or ():
        for port in subset.get("ports") or ():
            if not port.get("protocol"):
                port["protocol"] = "TCP"


def _validate(value: Object, _context: Context) -> list[FieldError]:
    found: list[FieldError] = []
    for at, subset in enumerate(value.get("subsets") or ()):
        path = f"subsets[{at}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            found.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
        for field in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(subset.get(field) or ()):
                found += _address_errors(address, f"{path}.{field}[{number}]")
        ports = subset.get("ports") or ()
        for number, port in enumerate(ports):
            found += _port_errors(port, len(ports) > 1, f"{path}.ports[{number}]")
    return found


def _address_errors(address: Object, path: str) -> list[FieldError]:
    text, host, node = address.get("ip", ""), address.get("hostname"), address.get("nodeName")
    found = ip.sloppy_errors(text, f"{path}.ip")
    if host:
        found += [invalid(f"{path}.hostname", host, message) for message in names.dns1123_label(host)]
    if node is not None:
        found += [invalid(f"{path}.nodeName", node, message) for message in names.dns1123_subdomain(node)]
    return found + ip.special_errors(text, f"{path}.ip")


def _port_errors(port: Object, named: bool, path: str) -> list[FieldError]:
    name, number = port.get("name"), port.get("port", 0)
    found: list[FieldError] = []
    if name:
        found += [invalid(f"{path}.name", name, message) for message in names.dns1123_label(name)]
    elif named:
        found.append(required(f"{path}.name"))
    found += [invalid(f"{path}.port", number, message) for message in names.port_number(number)]
    if port["protocol"] not in _PROTOCOLS:
        found.append(not_supported(f"{path}.protocol", port["protocol"], _PROTOCOLS))
    if (application := port.get("appProtocol")) is not None:
        wrong = names.qualified_name(application)
        found += [invalid(f"{path}.appProtocol", application, message) for message in wrong]
    return found


def _prepare_create(new: Object, context: Context) -> None:
    if new.get("subsets") and not _validate(new, context):
        new["subsets"] = repack(new["subsets"])


def _prepare_update(new: Object, _old: Object, context: Context) -> None:
    _prepare_create(new, context)


def _warnings(new: Object, _old: Object | None, _context: Context) -> list[str]:
    return [
        text
        for at, subset in enumerate(new.get("subsets") or ())
        for field in ("addresses", "notReadyAddresses")
        for number, address in enumerate(subset.get(field) or ())
        for text in ip.warnings(address.get("ip", ""), f"subsets[{at}].{field}[{number}].ip")
    ]


def _cells(value: Object, now: float) -> list[object]:
    subsets = value.get("subsets") or ()
    if not subsets:
        return ["<none>", age_of(value, now)]
    found = []
    for subset in subsets:
        addresses = [address.get("ip", "") for address in subset.get("addresses") or ()]
        if not subset.get("ports"):
            found += addresses
        for port in subset.get("ports") or ():
            found += [_host_port(address, port.get("port", 0)) for address in addresses]
    more = f" + {len(found) - _SHOWN} more..." if len(found) > _SHOWN else ""
    return [",".join(found[:_SHOWN]) + more, age_of(value, now)]


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


RESOURCE = Resource(
    kind="Endpoints",
    plural="endpoints",
    singular="endpoints",
    short_names=("ep",),
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    warnings=_warnings,
    create_on_update=True,
    deprecated="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    columns=(Column("Endpoints", describe="subsets"), AGE),
    cells=_cells,
)
