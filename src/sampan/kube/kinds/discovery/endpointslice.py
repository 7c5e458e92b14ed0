"""EndpointSlice. k8s.io/kubernetes/pkg/apis/discovery/validation, pkg/registry/discovery/endpointslice"""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    internal,
    invalid,
    not_supported,
    required,
    too_many,
)

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
PROTOCOLS = ("SCTP", "TCP", "UDP")
ENDPOINTS, ADDRESSES, PORTS, TOPOLOGY, HINTS = 1000, 100, 20000, 16, 8
ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
# As v1beta1 said it.
_ADDRESS_TYPE = (
    "addressType specifies the type of address carried by this EndpointSlice. All addresses in this slice "
    "must be the same type. This field is immutable after creation. The following address types are "
    "currently supported: * IPv4: Represents an IPv4 Address. * IPv6: Represents an IPv6 Address. * FQDN: "
    "Represents a Fully Qualified Domain Name."
)
_PORTS = (
    "ports specifies the list of network ports exposed by each endpoint in this slice. Each port must have "
    "a unique name. When ports is empty, it indicates that there are no defined ports. When a port is "
    'defined with a nil port value, it indicates "all ports". Each slice may include a maximum of 100 ports.'
)
_CONTROLLERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")


def default(new: Object) -> None:
    for port in new.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def prepare_create(new: Object, _context: Context) -> None:
    _drop_topology(new, frozenset())


def prepare_update(new: Object, old: Object, _context: Context) -> None:
    if new.get("endpoints") == old.get("endpoints"):
        return
    before = [(one.get("deprecatedTopology") or {}).get(HOST) for one in old.get("endpoints") or ()]
    _drop_topology(new, frozenset(filter(None, before)))


def _drop_topology(new: Object, hosts: frozenset[str]) -> None:
    """v1 has no topology; the node it named goes where v1 has it, if the object named that node before."""
    for endpoint in new.get("endpoints") or ():
        topology = endpoint.pop("deprecatedTopology", None) or {}
        if topology.get(HOST) in hosts and endpoint.get("nodeName") is None:
            endpoint["nodeName"] = topology[HOST]


def validate(new: Object, _context: Context) -> list[FieldError]:
    kind = new.get("addressType", "")
    found: list[FieldError] = []
    if not kind:
        found.append(required("addressType"))
    elif kind not in ADDRESS_TYPES:
        found.append(not_supported("addressType", kind, ADDRESS_TYPES))
    found += _endpoints_errors(new.get("endpoints") or [], kind, "endpoints")
    return found + _ports_errors(new.get("ports") or [], "ports")


def validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    found = validate(new, context)
    if new.get("addressType") != old.get("addressType"):
        found.append(invalid("addressType", new.get("addressType", ""), "field is immutable"))
    return found


def _endpoints_errors(endpoints: list[Object], kind: str, path: str) -> list[FieldError]:
    if len(endpoints) > ENDPOINTS:
        return [too_many(path, len(endpoints), ENDPOINTS)]
    found: list[FieldError] = []
    for at, endpoint in enumerate(endpoints):
        found += _endpoint_errors(endpoint, kind, f"{path}[{at}]")
    return found


def _endpoint_errors(endpoint: Object, kind: str, path: str) -> list[FieldError]:
    addresses = endpoint.get("addresses") or []
    where = f"{path}.addresses"
    found: list[FieldError] = []
    if not addresses:
        found.append(required(where, "must contain at least 1 address"))
    elif len(addresses) > ADDRESSES:
        found.append(too_many(where, len(addresses), ADDRESSES))
    for at, address in enumerate(addresses):
        found += _address_errors(address, kind, where, at)
    if (node := endpoint.get("nodeName")) is not None:
        found += [invalid(f"{path}.nodeName", node, message) for message in names.dns1123_subdomain(node)]
    if topology := endpoint.get("deprecatedTopology"):
        found += _topology_errors(topology, f"{path}.deprecatedTopology")
    if (host := endpoint.get("hostname")) is not None:
        found += [invalid(f"{path}.hostname", host, message) for message in names.dns1123_label(host)]
    if (hints := endpoint.get("hints")) is not None:
        found += _hints_errors(hints, f"{path}.hints")
    return found


def _address_errors(address: str, kind: str, path: str, at: int) -> list[FieldError]:
    where = f"{path}[{at}]"
    if kind == "FQDN":
        return names.fully_qualified_domain_name_errors(address, where)
    if kind not in ADDRESS_TYPES:
        return []
    parsed = ip.parse(address)
    if parsed is None:
        return ip.sloppy_errors(address, where)
    found = []
    if ip.family(parsed) != kind:
        found.append(invalid(path, address, f"must be an {kind} address"))
    return found + ip.special_errors(address, where)


def _topology_errors(topology: dict[str, str], path: str) -> list[FieldError]:
    found = [too_many(path, len(topology), TOPOLOGY)] if len(topology) > TOPOLOGY else []
    found += names.labels_errors(topology, path)
    if ZONE in topology:
        found.append(internal(f"{path}[{ZONE}]", "reserved key was not removed in conversion"))
    return found


def _hints_errors(hints: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for field, check in (("forZones", names.label_value), ("forNodes", names.dns1123_subdomain)):
        chosen = hints.get(field) or []
        where = f"{path}.{field}"
        if len(chosen) > HINTS:
            found.append(too_many(where, len(chosen), HINTS))
            continue
        seen: set[str] = set()
        for at, one in enumerate(chosen):
            name = one.get("name", "")
            if name in seen:
                found.append(duplicate(f"{where}[{at}].name", name))
            seen.add(name)
            found += [invalid(f"{where}[{at}].name", name, message) for message in check(name)]
    return found


def _ports_errors(ports: list[Object], path: str) -> list[FieldError]:
    if len(ports) > PORTS:
        return [too_many(path, len(ports), PORTS)]
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, port in enumerate(ports):
        where = f"{path}[{at}]"
        name, protocol = port.get("name") or "", port.get("protocol")
        if name:
            found += [invalid(f"{where}.name", name, message) for message in names.dns1123_label(name)]
        if name in seen:
            found.append(duplicate(f"{where}.name", name))
        seen.add(name)
        if protocol is None:
            found.append(required(f"{where}.protocol"))
        elif protocol not in PROTOCOLS:
            found.append(not_supported(f"{where}.protocol", protocol, PROTOCOLS))
        if (app := port.get("appProtocol")) is not None:
            found += [invalid(f"{where}.appProtocol", app, message) for message in names.qualified_name(app)]
    return found


def warnings(new: Object, _old: Object | None, _context: Context) -> list[str]:
    found = []
    if new.get("addressType") == "FQDN":
        found.append("spec.addressType: FQDN endpoints are deprecated")
    if (new["metadata"].get("labels") or {}).get(MANAGED_BY) in _CONTROLLERS:
        return found
    for at, endpoint in enumerate(new.get("endpoints") or ()):
        for index, address in enumerate(endpoint.get("addresses") or ()):
            found += ip.warnings(address, f"endpoints[{at}].addresses[{index}]")
    return found


def _some(values: list[str]) -> str:
    shown = ",".join(values[:3])
    if len(values) > 3:
        return f"{shown} + {len(values) - 3} more..."
    return shown or "<unset>"


def _port(port: Object) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return "*" if port.get("name") is None else str(port["name"])


def cells(new: Object, now: float) -> list[Any]:
    endpoints = new.get("endpoints") or ()
    return [
        new.get("addressType", ""),
        _some([_port(port) for port in new.get("ports") or ()]),
        _some([address for one in endpoints for address in one.get("addresses") or ()]),
        age(new["metadata"].get("creationTimestamp"), now),
    ]


RESOURCE = Resource(
    "EndpointSlice",
    "endpointslices",
    group="discovery.k8s.io",
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    generation=("addressType", "endpoints", "ports", "metadata.labels"),
    columns=(
        Column("AddressType", description=_ADDRESS_TYPE),
        Column("Ports", description=_PORTS),
        Column("Endpoints", describe="endpoints"),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
