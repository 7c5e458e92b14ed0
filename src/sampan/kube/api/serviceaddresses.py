"""Where the pods behind a Service are: for whoever this server itself calls, webhooks and extension servers.

Not by the Service's own address, which needs a node's rules: this server may run on a machine that is no node
(as kube-apiserver with --enable-aggregator-routing). Kubernetes: staging/src/k8s.io/apiserver/pkg/util/proxy.
"""

import random
from collections.abc import Iterator, Sequence

from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.golang.quote import quote

SLICES = "endpointslices.discovery.k8s.io"
SERVICE_NAME = "kubernetes.io/service-name"
ROUTED = ("", "ClusterIP", "NodePort", "LoadBalancer")

Address = tuple[str, int]


class NoAddress(Exception):
    """In Go's words."""


def choose(reader: Reader, namespace: str, name: str, port: int) -> Address:
    """Any of those that are ready. Raises NoAddress."""
    return random.choice(addresses(reader, namespace, name, port))


def addresses(reader: Reader, namespace: str, name: str, port: int) -> list[Address]:
    """Where `port` of a Service leads. Raises NoAddress rather than to return none."""
    service = reader.get("services", namespace, name)
    if service is None:
        raise NoAddress(f"service {quote(name)} not found")
    spec = service.get("spec") or {}
    kind = spec.get("type") or ""
    if kind == "ExternalName":
        return [(spec.get("externalName") or "", port)]
    if kind not in ROUTED:
        raise NoAddress(f"unsupported service type {quote(kind)}")
    port_name = named(spec, port)
    if port_name is None:
        raise NoAddress(f"no service port {port} found for service {quote(name)}")
    found = [one for each in slices(reader, namespace, name) for one in _ready(each, port_name)]
    if not found:
        raise NoAddress(f"no endpoints available for service {quote(name)}")
    return found


def named(spec: Object, port: int) -> str | None:
    """The name of a Service's port, often empty; None: it has no such port."""
    found = (one.get("name") or "" for one in spec.get("ports") or () if one.get("port") == port)
    return next(found, None)


def slices(reader: Reader, namespace: str, name: str) -> list[Object]:
    """EndpointSlices of a Service; where nobody has made any, what its Endpoints say."""
    found = [
        one
        for one in reader.list(SLICES, namespace)
        if (one["metadata"].get("labels") or {}).get(SERVICE_NAME) == name
    ]
    endpoints = None if found else reader.get("endpoints", namespace, name)
    return [_slice(subset) for subset in endpoints.get("subsets") or ()] if endpoints else found


def is_reached(found: Sequence[Object], port_name: str) -> bool:
    """Is there an address that is ready, with a port of this name?"""
    return any(True for one in found for _ in _ready(one, port_name))


def _ready(found: Object, port_name: str) -> Iterator[Address]:
    ports = [
        one["port"]
        for one in found.get("ports") or ()
        if (one.get("name") or "") == port_name and one.get("port")
    ]
    for endpoint in found.get("endpoints") or ():
        if (endpoint.get("conditions") or {}).get("ready") is not False:
            for address in endpoint.get("addresses") or ():
                yield from ((address, port) for port in ports)


def _slice(subset: Object) -> Object:
    listed = [one.get("ip") for one in subset.get("addresses") or ()]
    return {"ports": subset.get("ports"), "endpoints": [{"addresses": [ip]} for ip in listed if ip]}
