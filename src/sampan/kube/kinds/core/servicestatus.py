"""What a Service's status may say of its load balancer. Pure."""

from sampan.kube.kinds.resource import Context, Object
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    forbidden,
    invalid,
    not_supported,
    required,
)


def validate_status(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    """What a load balancer says of itself."""
    balancer = (new.get("status") or {}).get("loadBalancer") or {}
    balanced = new["spec"]["type"] == "LoadBalancer"
    return load_balancer_errors(balancer, "status.loadBalancer", balanced)


def load_balancer_errors(balancer: Object, path: str, balanced: bool) -> list[FieldError]:
    """ValidateLoadBalancerStatus."""
    ingresses = balancer.get("ingress") or []
    if ingresses and not balanced:
        return [forbidden(f"{path}.ingress", "may only be used when `spec.type` is 'LoadBalancer'")]
    found: list[FieldError] = []
    for at, ingress in enumerate(ingresses):
        found += _ingress_errors(ingress, f"{path}.ingress[{at}]")
    return found


def _ingress_errors(ingress: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    address, mode, host = ingress.get("ip"), ingress.get("ipMode"), ingress.get("hostname")
    if address:
        found += ip.sloppy_errors(address, f"{path}.ip")
    if address and mode is None:
        found.append(required(f"{path}.ipMode", "must be specified when `ip` is set"))
    elif mode is not None and not address:
        found.append(forbidden(f"{path}.ipMode", "may not be specified when `ip` is not set"))
    elif mode is not None and mode not in ("Proxy", "VIP"):
        found.append(not_supported(f"{path}.ipMode", mode, ("Proxy", "VIP")))
    if host:
        found += [invalid(f"{path}.hostname", host, message) for message in names.dns1123_subdomain(host)]
        if ip.parse(host) is not None:
            found.append(invalid(f"{path}.hostname", host, "must be a DNS name, not an IP address"))
    return found
