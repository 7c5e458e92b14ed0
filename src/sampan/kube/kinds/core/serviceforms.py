"""What a Service of one type has and of another has not, and what follows from a change of it.

pkg/api/service, pkg/registry/core/service/strategy.go and its storage/storage.go.
"""

from sampan.kube.kinds.resource import Object

NONE = "None"
WITH_ADDRESS = ("ClusterIP", "NodePort", "LoadBalancer")
_WITH_NODE_PORT = ("NodePort", "LoadBalancer")


def needs_address(spec: Object) -> bool:
    return spec.get("type") in WITH_ADDRESS


def needs_node_ports(spec: Object) -> bool:
    kind = spec.get("type")
    return kind == "NodePort" or (
        kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False
    )


def may_have_node_ports(spec: Object) -> bool:
    return spec.get("type") in _WITH_NODE_PORT


def needs_health_check(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def is_reachable_from_outside(spec: Object) -> bool:
    kind = spec.get("type")
    return kind in _WITH_NODE_PORT or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def is_headless(spec: Object) -> bool:
    return spec.get("clusterIPs") == [NONE]


def same(one: Object, two: Object, field: str) -> bool:
    return (one.get(field) or None) == (two.get(field) or None)


def node_ports(spec: Object) -> list[int]:
    return [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]


def _port_node_ports(spec: Object) -> list[int]:
    return [port.get("nodePort") or 0 for port in spec.get("ports") or ()]


def drop_what_the_type_has_not(new: Object, old: Object) -> None:
    """A changed type empties the fields that only the old one had, if the client left them as they were."""
    if needs_address(old) and not needs_address(new):
        if same(old, new, "clusterIPs"):
            new.pop("clusterIP", None)
            new.pop("clusterIPs", None)
        for field in ("ipFamilies", "ipFamilyPolicy"):
            if same(old, new, field):
                new.pop(field, None)
    unused = may_have_node_ports(old) and not may_have_node_ports(new)
    if unused and _port_node_ports(old) == _port_node_ports(new):
        for port in new.get("ports") or ():
            port.pop("nodePort", None)
    _drop_unless(needs_health_check, new, old, "healthCheckNodePort")
    _drop_unless(_is_balanced, new, old, "allocateLoadBalancerNodePorts")
    _drop_unless(_is_balanced, new, old, "loadBalancerClass")
    _drop_unless(is_reachable_from_outside, new, old, "externalTrafficPolicy")


def _is_balanced(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer"


def _drop_unless(needs: "Needs", new: Object, old: Object, field: str) -> None:
    if needs(old) and not needs(new) and old.get(field) == new.get(field):
        new.pop(field, None)


def keep_what_was_given(new: Object, old: Object) -> None:
    """Who changes a Service and does not know what it was given keeps that."""
    if needs_address(old) and needs_address(new):
        if not new.get("clusterIP") and old.get("clusterIP"):
            new["clusterIP"] = old["clusterIP"]
        if not new.get("clusterIPs") and same(old, new, "clusterIP") and old.get("clusterIPs"):
            new["clusterIPs"] = list(old["clusterIPs"])
    if may_have_node_ports(old) and may_have_node_ports(new):
        _keep_node_ports(new, old)
    if needs_health_check(old) and needs_health_check(new) and not new.get("healthCheckNodePort"):
        new["healthCheckNodePort"] = old.get("healthCheckNodePort", 0)


def _keep_node_ports(new: Object, old: Object) -> None:
    """By the names of the ports, unless another one has it now."""
    used = set(node_ports(old)) & set(node_ports(new))
    named = {port.get("name", ""): port.get("nodePort", 0) for port in old.get("ports") or ()}
    for port in new.get("ports") or ():
        if not port.get("nodePort"):
            before = named.get(port.get("name", ""), 0)
            if before and before not in used:
                port["nodePort"] = before
                used.add(before)


def reconcile_addresses(new: Object, old: Object | None) -> None:
    """`clusterIP` and `clusterIPs` say the same, though a client may have changed one of them only."""
    given = new.get("clusterIP") or ""
    if old is None:
        if given and not new.get("clusterIPs"):
            new["clusterIPs"] = [given]
        return
    before = old.get("clusterIP") or ""
    if given == before:
        if old.get("clusterIPs") and not new.get("clusterIPs"):
            new["clusterIPs"] = list(old["clusterIPs"])
    elif same(old, new, "clusterIPs"):
        if given:
            new["clusterIPs"] = [given]
        else:
            new.pop("clusterIPs", None)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Needs = Callable[[Object], bool]
