"""The one order of what stands in an Endpoints object, as the API server puts it. Pure.

Upstream orders by the MD5 of what a printer for debugging (go-spew) writes of its structs.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Object = dict[str, "Any"]
AddressKey = tuple[str, str]  # address and uid
# name, protocol, appProtocol, number; without a port: None
PortKey = tuple[str, str, str | None, int] | None


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


def _hash(text: str) -> bytes:
    import hashlib  # OpenSSL is too much to load for who only imports this

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
