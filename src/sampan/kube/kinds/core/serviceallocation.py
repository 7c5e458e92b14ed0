"""Services get their addresses and ports inside the create; pkg/registry/core/service/storage/alloc.go.

Upstream does this before it validates, and says there what else it cannot work with.
"""

import secrets

from sampan.kube.kinds.core import serviceforms as forms
from sampan.kube.kinds.core.serviceaddresses import Addresses, release
from sampan.kube.kinds.core.servicefamilies import choose_families, is_same_dual_stack
from sampan.kube.kinds.core.serviceports import DEFAULT, PortRange, Ports
from sampan.kube.kinds.resource import NO_COMPANIONS, Companions, Context, Object
from sampan.specs.kubernetes import status
from sampan.specs.kubernetes.fielderror import invalid


def allocate(
    new: Object | None,
    old: Object | None,
    context: Context,
    below: "Below" = secrets.randbelow,
    node_ports: PortRange = DEFAULT,
) -> Companions:
    """`below` chooses among so many."""
    if new is None:
        return release((old or {}).get("spec") or {})
    if old is None:
        forms.reconcile_addresses(new["spec"], None)
    else:
        forms.keep_what_was_given(new["spec"], old["spec"])
        forms.reconcile_addresses(new["spec"], old["spec"])
    addresses = Addresses(new, context, below)
    choose_families(new, old, addresses.families)
    if old is None:
        created = _all_addresses(new["spec"], addresses)
        _new_ports(new, Ports(context, below, node_ports))
        return created
    companions = _changed_addresses(new["spec"], old["spec"], addresses)
    _changed_ports(new, old["spec"], Ports(context, below, node_ports))
    return companions


def _all_addresses(spec: Object, addresses: Addresses) -> Companions:
    if spec["type"] == "ExternalName" or (spec.get("clusterIPs") or [""])[0] == forms.NONE:
        return NO_COMPANIONS
    given = list(spec.get("clusterIPs") or [])
    families = spec.get("ipFamilies") or []
    given += [""] * (len(families) - len(given))
    for at, family in enumerate(families):
        given[at] = addresses.take(family, given[at])
    spec["clusterIPs"] = given
    if given:
        spec["clusterIP"] = given[0]
    return addresses.taken()


def _changed_addresses(new: Object, old: Object, addresses: Addresses) -> Companions:
    if is_same_dual_stack(new, old):
        return NO_COMPANIONS
    if old["type"] == "ExternalName" and new["type"] != "ExternalName":
        return _all_addresses(new, addresses)
    if (old.get("clusterIPs") or [""])[0] == forms.NONE:
        return NO_COMPANIONS
    if new["type"] == "ExternalName":
        return release(old)
    before, after = old.get("ipFamilies") or [], new.get("ipFamilies") or []
    if len(before) == 1 and len(after) == 2:
        given = [*(new.get("clusterIPs") or []), ""][:2]
        given[1] = addresses.take(after[1], given[1])
        new["clusterIPs"] = given
        return addresses.taken()
    if len(before) == 2 and len(after) == 1:
        return release({"clusterIPs": (old.get("clusterIPs") or [])[1:]})
    return NO_COMPANIONS


def _new_ports(service: Object, ports: Ports) -> None:
    spec = service["spec"]
    if forms.may_have_node_ports(spec):
        chosen: dict[int, int] = {}
        for at, port in enumerate(spec.get("ports") or ()):
            if port.get("nodePort") or forms.needs_node_ports(spec):
                _new_port(service, at, port, chosen, ports)
    if forms.needs_health_check(spec):
        _health_check(spec, ports)


def _new_port(service: Object, at: int, port: Object, chosen: dict[int, int], ports: Ports) -> None:
    """Ports of one number (of TCP and of UDP) share a node port, as long as they do not ask for two."""
    number, asked = port.get("port", 0), port.get("nodePort", 0)
    shared = chosen.get(number, 0)
    if not shared:
        wanted = _wanted(number, service["spec"]["ports"])
        shared = _take(service, at, wanted, ports) if wanted else ports.next()
        port["nodePort"] = chosen[number] = shared
    elif not asked:
        port["nodePort"] = shared
    elif asked != shared:
        _take(service, at, asked, ports)


def _wanted(number: int, ports: list[Object]) -> int:
    same = (port["nodePort"] for port in ports if port.get("port", 0) == number and port.get("nodePort"))
    return next(same, 0)


def _take(service: Object, at: int, number: int, ports: Ports) -> int:
    if message := ports.take(number):
        name = service["metadata"].get("name", "")
        error = invalid(f"spec.ports[{at}].nodePort", number, message)
        raise status.invalid("", "Service", name, [error])
    return number


def _health_check(spec: Object, ports: Ports) -> None:
    asked = spec.get("healthCheckNodePort", 0)
    if not asked:
        spec["healthCheckNodePort"] = ports.next("a HealthCheck NodePort 0")
    elif message := ports.take(asked):
        raise status.internal(f"failed to allocate requested HealthCheck NodePort {asked}: {message}")


def _changed_ports(service: Object, old: Object, ports: Ports) -> None:
    spec = service["spec"]
    if forms.may_have_node_ports(spec):
        own = set(forms.node_ports(old))
        seen: set[tuple[str, int]] = set()
        for at, port in enumerate(spec.get("ports") or ()):
            if port.get("nodePort") or forms.needs_node_ports(spec):
                _changed_port(service, at, port, own, ports)
                _refuse_twice((port.get("protocol", ""), port["nodePort"]), seen)
    if forms.needs_health_check(spec) and not forms.needs_health_check(old):
        _health_check(spec, ports)


def _changed_port(service: Object, at: int, port: Object, own: set[int], ports: Ports) -> None:
    asked = port.get("nodePort", 0)
    if not asked:
        port["nodePort"] = ports.next()
    elif asked not in own:
        _take(service, at, asked, ports)
        own.add(asked)


def _refuse_twice(key: tuple[str, int], seen: set[tuple[str, int]]) -> None:
    if key in seen:
        raise status.StatusError("", f"duplicate nodePort: {{{key[0]} {key[1]}}}", code=500)
    seen.add(key)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Below = Callable[[int], int]
