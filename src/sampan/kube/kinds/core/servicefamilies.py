"""Of which families a Service's addresses are; initIPFamilyFields in pkg/registry/core/service/storage."""

from sampan.kube.kinds.core import serviceforms as forms
from sampan.kube.kinds.core.servicevalidation import address_errors
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import ip, status
from sampan.specs.kubernetes.fielderror import FieldError, invalid

_OTHER = {"IPv4": "IPv6", "IPv6": "IPv4"}
_PREFER, _REQUIRE, _SINGLE = "PreferDualStack", "RequireDualStack", "SingleStack"
_POLICY = "spec.ipFamilyPolicy"


def choose_families(service: Object, old: Object | None, families: list[str]) -> None:
    """Fill in ipFamilyPolicy and ipFamilies; `families` are the cluster's. Raises StatusError."""
    spec, before = service["spec"], old["spec"] if old else None
    if spec["type"] == "ExternalName" or (before is not None and is_same_dual_stack(spec, before)):
        return
    bare = spec.get("clusterIP") == forms.NONE and not spec.get("selector")
    if spec.get("ipFamilyPolicy") is None:
        spec["ipFamilyPolicy"] = (before or {}).get("ipFamilyPolicy") or (_REQUIRE if bare else _SINGLE)
    _refuse(service, address_errors(spec))
    errors = _shrink(spec, before) if before is not None else []
    errors += _single_errors(spec)
    errors += _infer(spec, families)
    _refuse(service, errors)
    if bare:
        # Nothing is given to it, so it may have families that the cluster has not.
        if not spec.get("ipFamilies"):
            spec["ipFamilies"] = families[:1] or ["IPv4"]
        _add_other(spec)
        return
    _refuse(service, _cluster_errors(spec, families))
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = families[:1]
    if len(families) == 2:
        _add_other(spec)


def is_same_dual_stack(new: Object, old: Object) -> bool:
    """Does it still merely prefer two families, whatever the cluster has by now?"""
    return (
        new.get("ipFamilyPolicy") == _PREFER
        and new["type"] == old["type"]
        and forms.needs_address(new)
        and old.get("ipFamilyPolicy") in (None, _PREFER)
        and forms.same(old, new, "clusterIPs")
        and forms.same(old, new, "ipFamilies")
    )


def _refuse(service: Object, errors: list[FieldError]) -> None:
    if errors:
        raise status.invalid("", "Service", service["metadata"].get("name", ""), errors)


def _shrink(spec: Object, before: Object) -> list[FieldError]:
    """Who says SingleStack gives the second address back; who says nothing must not take it away."""
    policy = spec["ipFamilyPolicy"]
    fields = (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family"))
    if policy == _SINGLE:
        for field, _ in fields:
            if forms.same(spec, before, field) and len(spec.get(field) or ()) > 1:
                spec[field] = spec[field][:1]
        return []
    return [
        invalid(_POLICY, policy, f"must be 'SingleStack' to release the secondary {what}")
        for field, what in fields
        if spec.get(field) and len(spec[field]) < len(before.get(field) or ())
    ]


def _single_errors(spec: Object) -> list[FieldError]:
    if spec["ipFamilyPolicy"] != _SINGLE:
        return []
    detail = "must be 'RequireDualStack' or 'PreferDualStack' when multiple {} are specified"
    return [
        invalid(_POLICY, _SINGLE, detail.format(what))
        for field, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families"))
        if len(spec.get(field) or ()) == 2
    ]


def _infer(spec: Object, families: list[str]) -> list[FieldError]:
    """The families of the addresses that were asked for."""
    found = []
    addresses, chosen = spec.get("clusterIPs") or [], list(spec.get("ipFamilies") or [])
    for at, text in enumerate(addresses):
        if text == forms.NONE:
            break
        family = ip.family(ip.parse(text) or b"")
        if at >= len(chosen):
            if family in families:
                chosen.append(family)
            else:
                detail = f"{family} is not configured on this cluster"
                found.append(invalid(f"spec.clusterIPs[{at}]", addresses, detail))
    if chosen:
        spec["ipFamilies"] = chosen
    return found


def _cluster_errors(spec: Object, families: list[str]) -> list[FieldError]:
    found = []
    if spec["ipFamilyPolicy"] == _REQUIRE and len(families) < 2:
        detail = "this cluster is not configured for dual-stack services"
        found.append(invalid(_POLICY, _REQUIRE, detail))
    return found + [
        invalid(f"spec.ipFamilies[{at}]", family, "not configured on this cluster")
        for at, family in enumerate(spec.get("ipFamilies") or ())
        if family not in families
    ]


def _add_other(spec: Object) -> None:
    chosen = spec["ipFamilies"]
    if spec["ipFamilyPolicy"] != _SINGLE and len(chosen) == 1:
        spec["ipFamilies"] = [*chosen, _OTHER[chosen[0]]]
