"""A pod as an endpoint of a Service, and the ports it offers there. Pure; k8s.io/endpointslice's utils."""

from collections.abc import Iterable

from sampan.kube.client.requests import Object
from sampan.kube.controllers import servicepods
from sampan.specs.kubernetes import ip
from sampan.specs.kubernetes.hashes import fnv128a
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.pods import is_ready

ZONE = "topology.kubernetes.io/zone"


def address_types(service: Object) -> list[str]:
    """As the Service's families, which every Service has that the API server has seen."""
    spec = service.get("spec") or {}
    families = [one for one in spec.get("ipFamilies") or () if one in ("IPv4", "IPv6")]
    if families:
        return families
    address = spec.get("clusterIP") or "None"
    if address == "None":
        return ["IPv4", "IPv6"]
    return ["IPv6" if ip.is_six(address) else "IPv4"]


def endpoint(pod: Object, node: Object | None, service: Object, address_type: str) -> Object | None:
    """None for a pod without an address of the type."""
    addresses = _addresses(pod, address_type)
    if not addresses:
        return None
    serving, terminating = is_ready(pod), is_going(pod)
    published = bool((service.get("spec") or {}).get("publishNotReadyAddresses"))
    found: Object = {
        "addresses": addresses,
        "conditions": {
            "ready": published or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": servicepods.reference(pod),
    }
    zone = ((node or {}).get("metadata") or {}).get("labels", {}).get(ZONE)
    more = {
        "hostname": servicepods.hostname(pod, service),
        "nodeName": (pod.get("spec") or {}).get("nodeName"),
        "zone": zone,
    }
    return {**found, **{name: value for name, value in more.items() if value}}


def _addresses(pod: Object, address_type: str) -> list[str]:
    """In the one form, whatever the pod says."""
    found = [ip.parse(one.get("ip") or "") for one in (pod.get("status") or {}).get("podIPs") or ()]
    size = 16 if address_type == "IPv6" else 4
    return [ip.show(one) for one in found if one is not None and len(one) == size]


def ports(service: Object, pod: Object) -> list[Object]:
    """Without those that the pod does not offer by their names."""
    found = []
    for port in (service.get("spec") or {}).get("ports") or ():
        number = servicepods.target_port(pod, port)
        if number is not None:
            one = {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": number}
            if port.get("appProtocol") is not None:
                one["appProtocol"] = port["appProtocol"]
            found.append(one)
    return in_order(found)


PortKey = tuple[tuple[str, str, int | None, str | None], ...]


def ports_key(some: Iterable[Object] | None) -> PortKey:
    """Equal for equal ports, in whichever order they stand."""
    return tuple(
        sorted(
            (
                (one.get("name") or "", one.get("protocol") or "TCP", one.get("port"), one.get("appProtocol"))
                for one in some or ()
            ),
            key=repr,
        )
    )


def in_order(some: list[Object]) -> list[Object]:
    """Upstream's order is that of a hash (FNV-1a, 128 bits) of what go-spew prints of the ports."""
    return sorted(some, key=lambda port: fnv128a(_shown(port).encode("utf-8", "surrogatepass")))


def _shown(port: Object) -> str:
    def pointer(kind: str, value: object) -> str:
        return f"(*{kind}){'<nil>' if value is None else value}"

    return (
        f"(v1.EndpointPort){{Name:{pointer('string', port.get('name'))} "
        f"Protocol:{pointer('v1.Protocol', port.get('protocol'))} Port:{pointer('int32', port.get('port'))} "
        f"AppProtocol:{pointer('string', port.get('appProtocol'))}}}"
    )
