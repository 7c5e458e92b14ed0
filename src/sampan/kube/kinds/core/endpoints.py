"""Endpoints, which EndpointSlices replaced; pkg/apis/core/validation, pkg/api/v1/endpoints, pkg/printers."""

import hashlib

from sampan.kube.kinds.ages import AGE, age_of
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_SHOWN = 3

# name, protocol, appProtocol, number; without a port: None
PortKey = tuple[str, str, str | None, int] | None
AddressKey = tuple[str, str]


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


def repack(subsets: list[Object]) -> list[Object]:
    """Each address with its ports once, ports of the same addresses together, all of it in order."""
    known: dict[AddressKey, Object] = {}
    by_port: dict[PortKey, dict[AddressKey, bool]] = {}
    ports: dict[PortKey, Object | None] = {}
    for subset in subsets:
        for port in subset.get("ports") or [None]:
            key = _port_key(port)
            ports.setdefault(key, port)
            _collect(subset, known, by_port.setdefault(key, {}))
    groups: dict[frozenset[tuple[AddressKey, bool]], list[PortKey]] = {}
    for key, addresses in by_port.items():
        group = groups.setdefault(frozenset(addresses.items()), [])
        if key is not None:
            group.append(key)
    packed = [_subset(addresses, known, keys, ports) for addresses, keys in groups.items()]
    return sorted(packed, key=lambda subset: _hash(_shown_subset(subset)))


def _port_key(port: Object | None) -> PortKey:
    if port is None:
        return None
    return (port.get("name", ""), port.get("protocol", ""), port.get("appProtocol"), port.get("port", 0))


def _collect(subset: Object, known: dict[AddressKey, Object], ready: dict[AddressKey, bool]) -> None:
    """Who is said to be not ready is not, wherever else it is said to be."""
    for field, is_ready in (("addresses", True), ("notReadyAddresses", False)):
        for address in subset.get(field) or ():
            key = (address.get("ip", ""), (address.get("targetRef") or {}).get("uid", ""))
            known.setdefault(key, address)
            ready[key] = is_ready and ready.get(key, True)


def _subset(
    addresses: frozenset[tuple[AddressKey, bool]],
    known: dict[AddressKey, Object],
    keys: list[PortKey],
    ports: dict[PortKey, Object | None],
) -> Object:
    found: Object = {}
    for field, wanted in (("addresses", True), ("notReadyAddresses", False)):
        chosen = sorted(key for key, ready in addresses if ready == wanted)
        if chosen:
            found[field] = [known[key] for key in chosen]
    if keys:
        found["ports"] = [ports[key] for key in sorted(keys, key=lambda key: _port_hash(ports[key]))]
    return found


# Upstream orders by the MD5 of what a printer for debugging (go-spew) writes of its structs.


def _hash(text: str) -> bytes:
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()


def _port_hash(port: Object | None) -> bytes:
    return _hash(f"(core.EndpointPort){_shown_port(port)}")


_REFERENCE = (
    ("Kind", "string", "kind"),
    ("Namespace", "string", "namespace"),
    ("Name", "string", "name"),
    ("UID", "types.UID", "uid"),
    ("APIVersion", "string", "apiVersion"),
    ("ResourceVersion", "string", "resourceVersion"),
    ("FieldPath", "string", "fieldPath"),
)


def _pointer(kind: str, value: str | None) -> str:
    return f"(*{kind}){'<nil>' if value is None else value}"


def _shown_port(port: Object | None) -> str:
    one = port or {}
    return (
        f"{{Name:(string){one.get('name', '')} Port:(int32){one.get('port', 0)} "
        f"Protocol:(core.Protocol){one.get('protocol', '')} "
        f"AppProtocol:{_pointer('string', one.get('appProtocol'))}}}"
    )


def _shown_address(address: Object) -> str:
    ref = address.get("targetRef")
    target = None
    if ref is not None:
        fields = (f"{name}:({kind}){ref.get(key, '')}" for name, kind, key in _REFERENCE)
        target = f"{{{' '.join(fields)}}}"
    return (
        f"{{IP:(string){address.get('ip', '')} Hostname:(string){address.get('hostname', '')} "
        f"NodeName:{_pointer('string', address.get('nodeName'))} "
        f"TargetRef:{_pointer('core.ObjectReference', target)}}}"
    )


def _shown_list(kind: str, items: list[str]) -> str:
    return f"([]core.{kind}){'[' + ' '.join(items) + ']' if items else '<nil>'}"


def _shown_subset(subset: Object) -> str:
    ready, waiting = (
        _shown_list("EndpointAddress", [_shown_address(one) for one in subset.get(field) or ()])
        for field in ("addresses", "notReadyAddresses")
    )
    ports = _shown_list("EndpointPort", [_shown_port(port) for port in subset.get("ports") or ()])
    return f"(core.EndpointSubset){{Addresses:{ready} NotReadyAddresses:{waiting} Ports:{ports}}}"


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
