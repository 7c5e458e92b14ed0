"""What may change of a Service. Pure."""

from sampan.kube.kinds.core import serviceforms as forms
from sampan.kube.kinds.core.servicevalidation import ONCE, class_errors, validate
from sampan.kube.kinds.resource import Context, Object
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    forbidden,
    invalid,
)


def validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    after, before = new["spec"], old["spec"]
    found: list[FieldError] = []
    if "ExternalName" not in (after["type"], before["type"]):
        found += _changed_addresses_errors(after, before)
        found += _changed_families_errors(after, before)
    if after["type"] == before["type"] == "LoadBalancer":
        name = after.get("loadBalancerClass")
        if name != before.get("loadBalancerClass"):
            found.append(invalid("spec.loadBalancerClass", name, ONCE))
    found += class_errors(after)
    checked = forms.needs_health_check(before) and forms.needs_health_check(after)
    if checked and not forms.same(before, after, "healthCheckNodePort"):
        found.append(forbidden("spec.healthCheckNodePort", "field is immutable"))
    return found + validate(new, context)


def _changed_addresses_errors(after: Object, before: Object) -> list[FieldError]:
    if forms.is_headless(after) and forms.is_headless(before):
        return []
    new, old = after.get("clusterIPs") or [], before.get("clusterIPs") or []
    if len(new) == len(old):
        return [
            invalid(f"spec.clusterIPs[{at}]", new, ONCE)
            for at, (one, two) in enumerate(zip(new, old, strict=True))
            if one != two
        ]
    found = []
    if not new:
        found.append(invalid("spec.clusterIPs[0]", None, "primary clusterIP can not be unset"))
    if new and old and new[0] != old[0]:
        found.append(invalid("spec.clusterIPs[0]", new, ONCE))
    if len(old) > len(new) == 1:
        found += _released_errors(after, "clusterIP")
    return found


def _released_errors(after: Object, what: str) -> list[FieldError]:
    policy = after.get("ipFamilyPolicy")
    if policy == "SingleStack":
        return []
    detail = f"must be set to 'SingleStack' when releasing the secondary {what}"
    return [invalid("spec.ipFamilyPolicy", policy, detail)]


def _changed_families_errors(after: Object, before: Object) -> list[FieldError]:
    if forms.is_headless(after) or forms.is_headless(before):
        return []
    path = "spec.ipFamilies[0]"
    new, old = after.get("ipFamilies") or [], before.get("ipFamilies") or []
    if len(new) == len(old):
        return [invalid(path, new, ONCE) for one, two in zip(new, old, strict=True) if one != two]
    found = []
    if len(old) > len(new) and not after.get("clusterIPs"):
        found.append(invalid(path, new or None, "primary ipFamily can not be unset"))
    if new and old and new[0] != old[0]:
        found.append(invalid(path, after.get("clusterIPs"), ONCE))
    if len(old) > len(new) == 1:
        found += _released_errors(after, "ipFamily")
    return found
