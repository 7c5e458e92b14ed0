"""What is wrong with a Service; pkg/apis/core/validation, ValidateService and what it calls."""

from sampan.kube.kinds.core import serviceforms as forms
from sampan.kube.kinds.resource import Context, Object
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    shown_in_order,
)

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES = ("ClientIP", "None")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_FAMILIES = ("IPv4", "IPv6")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_ONLY_BALANCED = "may only be used when `type` is 'LoadBalancer'"
ONCE = "may not change once set"
_DAY = 86400


def validate(value: Object, _context: Context) -> list[FieldError]:
    spec = value["spec"]
    annotations = value["metadata"].get("annotations") or {}
    found: list[FieldError] = []
    hints, mode = annotations.get(_HINTS), annotations.get(_MODE)
    if hints is not None and mode is not None and mode != hints:
        detail = f"must match annotations[{_HINTS}] when both are specified"
        found.append(invalid(f"metadata.annotations[{_MODE}]", mode, detail))
    found += _type_errors(spec)
    ports = spec.get("ports") or []
    found += _ports_errors(ports)
    if spec.get("selector"):
        found += names.labels_errors(spec["selector"], "spec.selector")
    found += _affinity_errors(spec)
    found += address_errors(spec)
    for at, address in enumerate(spec.get("externalIPs") or ()):
        path = f"spec.externalIPs[{at}]"
        found += ip.sloppy_errors(address, path) or ip.special_errors(address, path)
    if spec["type"] not in _TYPES:
        found.append(not_supported("spec.type", spec["type"], _TYPES))
    found += _unique_ports_errors(ports, spec["type"])
    found += _source_range_errors(spec, annotations)
    found += _balancer_errors(spec)
    found += _external_traffic_errors(spec)
    return found + _traffic_errors(spec)


def _type_errors(spec: Object) -> list[FieldError]:
    kind, headless = spec["type"], forms.is_headless(spec)
    found = []
    if not spec.get("ports") and not headless and kind != "ExternalName":
        found.append(required("spec.ports"))
    if kind in ("LoadBalancer", "NodePort") and headless:
        detail = f"may not be set to 'None' for {kind} services"
        found.append(invalid("spec.clusterIPs[0]", forms.NONE, detail))
    if kind == "ExternalName":
        found += _external_name_errors(spec)
    return found


def _external_name_errors(spec: Object) -> list[FieldError]:
    found = [
        forbidden(f"spec.{field}", "may not be set for ExternalName services")
        for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
        if spec.get(field)
    ]
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        return [*found, required("spec.externalName")]
    return found + [invalid("spec.externalName", name, text) for text in names.dns1123_subdomain(name)]


def _ports_errors(ports: list[Object]) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, port in enumerate(ports):
        found += _port_errors(port, len(ports) > 1, seen, f"spec.ports[{at}]")
    return found


def _port_errors(port: Object, named: bool, seen: set[str], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    name, number, target = port.get("name"), port.get("port", 0), port.get("targetPort", 0)
    if name:
        found += [invalid(f"{path}.name", name, message) for message in names.dns1123_label(name)]
        if name in seen:
            found.append(duplicate(f"{path}.name", name))
        seen.add(name)
    elif named:
        found.append(required(f"{path}.name"))
    found += [invalid(f"{path}.port", number, message) for message in names.port_number(number)]
    if port["protocol"] not in _PROTOCOLS:
        found.append(not_supported(f"{path}.protocol", port["protocol"], _PROTOCOLS))
    wrong = names.port_number(target) if isinstance(target, int) else names.port_name(target)
    found += [invalid(f"{path}.targetPort", target, message) for message in wrong]
    if (application := port.get("appProtocol")) is not None:
        wrong = names.qualified_name(application)
        found += [invalid(f"{path}.appProtocol", application, message) for message in wrong]
    return found


def _unique_ports_errors(ports: list[Object], kind: str) -> list[FieldError]:
    found = []
    if kind == "ClusterIP":
        for at, port in enumerate(ports):
            if port.get("nodePort"):
                detail = "may not be used when `type` is 'ClusterIP'"
                found.append(forbidden(f"spec.ports[{at}].nodePort", detail))
    for field in ("nodePort", "port"):
        seen = set()
        for at, port in enumerate(ports):
            key = (port["protocol"], port.get(field, 0))
            if key in seen and field == "port":
                found.append(duplicate(f"spec.ports[{at}]", _shown_port(*key)))
            elif key in seen and key[1]:
                found.append(duplicate(f"spec.ports[{at}].nodePort", key[1]))
            seen.add(key)
    return found


def _shown_port(protocol: str, port: int) -> str:
    fields = {"Name": "", "Protocol": protocol, "AppProtocol": None}
    return shown_in_order(fields | {"Port": port, "TargetPort": 0, "NodePort": 0})


def _affinity_errors(spec: Object) -> list[FieldError]:
    affinity, config = spec.get("sessionAffinity", ""), spec.get("sessionAffinityConfig")
    if affinity not in _AFFINITIES:
        return [not_supported("spec.sessionAffinity", affinity, _AFFINITIES)]
    path = "spec.sessionAffinityConfig"
    if affinity == "None":
        if config is None:
            return []
        return [forbidden(path, "must not be set when session affinity is None")]
    seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds", 0)
    if 0 < seconds <= _DAY:
        return []
    detail = f"must be greater than 0 and less than {_DAY}"
    return [invalid(f"{path}.clientIP.timeoutSeconds", seconds, detail)]


def address_errors(spec: Object) -> list[FieldError]:
    """clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy: whether they go together."""
    if spec["type"] == "ExternalName":
        return []
    addresses = spec.get("clusterIPs") or []
    families = spec.get("ipFamilies") or []
    found = _pair_errors(spec.get("clusterIP") or "", addresses)
    seen = set()
    for at, family in enumerate(families):
        if family not in _FAMILIES:
            found.append(not_supported(f"spec.ipFamilies[{at}]", family, _FAMILIES))
        if family in seen:
            found.append(duplicate(f"spec.ipFamilies[{at}]", family))
        seen.add(family)
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _FAMILY_POLICIES:
        found.append(not_supported("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES))
    wrong = _addresses_errors(addresses)
    found += wrong
    if len(addresses) > 2:
        found.append(invalid("spec.clusterIPs", addresses, "may only hold up to 2 values"))
    return found if wrong else found + _family_errors(spec, addresses, families)


def _pair_errors(address: str, addresses: list[str]) -> list[FieldError]:
    if not address:
        detail = "must be empty when `clusterIP` is not specified"
        return [invalid("spec.clusterIPs", addresses, detail)] if addresses else []
    if not addresses:
        return [required("spec.clusterIPs")]
    if addresses[0] == address:
        return []
    return [invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`")]


def _addresses_errors(addresses: list[str]) -> list[FieldError]:
    found: list[FieldError] = []
    for at, address in enumerate(addresses):
        if at == 0 and address == forms.NONE:
            if len(addresses) > 1:
                found.append(invalid("spec.clusterIPs", addresses, "'None' must be the first and only value"))
        else:
            found += ip.sloppy_errors(address, f"spec.clusterIPs[{at}]")
    return found


def _family_errors(spec: Object, addresses: list[str], families: list[str]) -> list[FieldError]:
    found = []
    if len(addresses) > 1 and len({ip.is_six(address) for address in addresses}) < 2:
        detail = "may specify no more than one IP for each IP family"
        found.append(invalid("spec.clusterIPs", addresses, detail))
    if forms.is_headless(spec):
        return found
    for at, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if family in _FAMILIES and family != ("IPv6" if ip.is_six(address) else "IPv4"):
            detail = f"expected an {family} value as indicated by `ipFamilies[{at}]`"
            found.append(invalid(f"spec.clusterIPs[{at}]", address, detail))
    return found


def _source_range_errors(spec: Object, annotations: Object) -> list[FieldError]:
    found: list[FieldError] = []
    if ranges := spec.get("loadBalancerSourceRanges"):
        path = "spec.LoadBalancerSourceRanges"  # so spelled upstream
        if spec["type"] != "LoadBalancer":
            found.append(forbidden(path, _ONLY_BALANCED))
        for at, cidr in enumerate(ranges):
            found += ip.sloppy_range_errors(cidr.strip(), f"{path}[{at}]")
    elif _RANGES in annotations:
        path = f"metadata.annotations[{_RANGES}]"
        if spec["type"] != "LoadBalancer":
            found.append(forbidden(path, _ONLY_BALANCED))
        if text := annotations[_RANGES].strip():
            for cidr in text.split(","):
                found += ip.sloppy_range_errors(cidr.strip(), path)
    return found


def _balancer_errors(spec: Object) -> list[FieldError]:
    balanced = spec["type"] == "LoadBalancer"
    allocates = spec.get("allocateLoadBalancerNodePorts")
    found = []
    if allocates is not None and not balanced:
        found.append(forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_BALANCED))
    if allocates is None and balanced:
        found.append(required("allocateLoadBalancerNodePorts"))
    return found + class_errors(spec)


def class_errors(spec: Object) -> list[FieldError]:
    path, name = "spec.loadBalancerClass", spec.get("loadBalancerClass")
    if name is None:
        return []
    if spec["type"] != "LoadBalancer":
        return [forbidden(path, _ONLY_BALANCED)]
    return [invalid(path, name, message) for message in names.qualified_name(name)]


def _external_traffic_errors(spec: Object) -> list[FieldError]:
    found = []
    path, policy = "spec.externalTrafficPolicy", spec.get("externalTrafficPolicy")
    if not forms.is_reachable_from_outside(spec):
        if policy:
            found.append(invalid(path, policy, "may only be set for externally-accessible services"))
    elif not policy:
        found.append(required(path))
    elif policy not in _POLICIES:
        found.append(not_supported(path, policy, _POLICIES))
    path, port = "spec.healthCheckNodePort", spec.get("healthCheckNodePort", 0)
    if forms.needs_health_check(spec):
        wrong = names.port_number(port)
        found += [invalid(path, port, message) for message in wrong] if port else [required(path)]
    elif port:
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        found.append(invalid(path, port, detail))
    return found


def _traffic_errors(spec: Object) -> list[FieldError]:
    found = []
    path, policy = "spec.internalTrafficPolicy", spec.get("internalTrafficPolicy")
    if policy is None and spec["type"] in forms.WITH_ADDRESS:
        found.append(required(path))
    if policy is not None and policy not in _POLICIES:
        found.append(not_supported(path, policy, _POLICIES))
    spread = spec.get("trafficDistribution")
    if spread is not None and spread not in _DISTRIBUTIONS:
        found.append(not_supported("spec.trafficDistribution", spread, _DISTRIBUTIONS))
    return found
