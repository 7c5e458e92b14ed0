"""Services; pkg/apis/core/v1/defaults.go, pkg/registry/core/service/strategy.go, pkg/printers."""

from sampan.kube.kinds.ages import AGE, age_of, labels_cell
from sampan.kube.kinds.core import serviceforms as forms
from sampan.kube.kinds.core import servicestatus, serviceupdate
from sampan.kube.kinds.core import servicevalidation as validation
from sampan.kube.kinds.core.serviceallocation import allocate
from sampan.kube.kinds.resource import Column, Context, Object, Resource, Subresource
from sampan.specs.kubernetes import ip

_AFFINITY_SECONDS = 10800
_HINTS = "service.kubernetes.io/topology-aware-hints"


def _default(value: Object) -> None:
    spec = value.get("spec") or {}
    value["spec"] = spec
    _default_affinity(spec)
    if not spec.get("type"):
        spec["type"] = "ClusterIP"
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    if forms.is_reachable_from_outside(spec) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec.get("internalTrafficPolicy") is None and spec["type"] in forms.WITH_ADDRESS:
        spec["internalTrafficPolicy"] = "Cluster"
    if spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is None:
        spec["allocateLoadBalancerNodePorts"] = True
    status = value.get("status")
    if status:
        _default_status(status)


def _default_affinity(spec: Object) -> None:
    affinity = spec.get("sessionAffinity")
    if not affinity:
        affinity = spec["sessionAffinity"] = "None"
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP":
        given = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if given.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": _AFFINITY_SECONDS}}


def _default_status(status: Object) -> None:
    for ingress in (status.get("loadBalancer") or {}).get("ingress") or ():
        if ingress.get("ip") and ingress.get("ipMode") is None:
            ingress["ipMode"] = "VIP"


def _prepare_create(new: Object, _context: Context) -> None:
    new["status"] = {"loadBalancer": {}}


def _prepare_update(new: Object, old: Object, _context: Context) -> None:
    new["status"] = old.get("status", {"loadBalancer": {}})
    forms.drop_what_the_type_has_not(new["spec"], old["spec"])


def _prepare_status(new: Object, old: Object, _context: Context) -> None:
    new["spec"] = old["spec"]


def _warnings(new: Object, _old: Object | None, _context: Context) -> list[str]:
    spec = new["spec"]
    found = []
    if _HINTS in (new["metadata"].get("annotations") or ()):
        found.append(
            f"annotation {_HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead"
        )
    if forms.is_headless(spec):
        found += _headless_warnings(spec)
    elif spec.get("clusterIP"):
        for at, address in enumerate(spec.get("clusterIPs") or ()):
            found += ip.warnings(address, f"spec.clusterIPs[{at}]")
    for at, address in enumerate(spec.get("externalIPs") or ()):
        found += ip.warnings(address, f"spec.externalIPs[{at}]")
    if spec.get("loadBalancerIP"):
        found += ip.warnings(spec["loadBalancerIP"], "spec.loadBalancerIP")
    for at, cidr in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        found += ip.range_warnings(cidr.strip(), f"spec.loadBalancerSourceRanges[{at}]")
    if spec["type"] == "ExternalName" and spec.get("externalIPs"):
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _headless_warnings(spec: Object) -> list[str]:
    found = [
        f'spec.{field} is ignored when spec.clusterIP is "None"'
        for field in ("loadBalancerIP", "externalIPs")
        if spec.get(field)
    ]
    if spec.get("sessionAffinity") != "None":
        found.append("spec.SessionAffinity is ignored for headless services")
    return found


def _cells(value: Object, now: float) -> list[object]:
    spec = value.get("spec") or {}
    addresses = spec.get("clusterIPs") or ["<none>"]
    ports = ",".join(_port(port) for port in spec.get("ports") or ()) or "<none>"
    selector = labels_cell(spec.get("selector"))
    kind = spec.get("type", "")
    return [kind, addresses[0], _external(value, spec, kind), ports, age_of(value, now), selector]


def _port(port: Object) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port', 0)}{node}/{port.get('protocol', '')}"


def _external(value: Object, spec: Object, kind: str) -> str:
    outside = spec.get("externalIPs") or []
    if kind in ("ClusterIP", "NodePort"):
        return ",".join(outside) or "<none>"
    if kind == "ExternalName":
        return str(spec.get("externalName", ""))
    if kind != "LoadBalancer":
        return "<unknown>"
    ingress = ((value.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    given = {one.get("ip") or one.get("hostname") or "" for one in ingress} - {""}
    return ",".join([*sorted(given), *outside]) or "<pending>"


RESOURCE = Resource(
    kind="Service",
    plural="services",
    short_names=("svc",),
    categories=("all",),
    names="label-1035",
    default=_default,
    allocate=allocate,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=validation.validate,
    validate_update=serviceupdate.validate_update,
    warnings=_warnings,
    subresources=(
        Subresource(
            "proxy", verbs=("create", "delete", "get", "patch", "update"), kind="ServiceProxyOptions"
        ),
        Subresource("status", prepare_update=_prepare_status, validate_update=servicestatus.validate_status),
    ),
    create_on_update=True,
    reset_fields={"": ("status",), "status": ("spec",)},
    selectable={
        "spec.clusterIP": lambda value: str((value.get("spec") or {}).get("clusterIP", "")),
        "spec.type": lambda value: str((value.get("spec") or {}).get("type", "")),
    },
    empty={"spec": {}, "status": {"loadBalancer": {}}},
    deletion_returns_object=True,
    columns=(
        Column("Type", describe="spec.type"),
        Column("Cluster-IP", describe="spec.clusterIP"),
        Column("External-IP", describe="spec.externalIPs"),
        Column("Port(s)", describe="spec.ports"),
        AGE,
        Column("Selector", describe="spec.selector", priority=1),
    ),
    cells=_cells,
)
