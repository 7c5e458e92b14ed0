"""What objects count for the quotas of their namespace. Pure.

Kubernetes: pkg/quota/v1/evaluator/core; every other resource is counted as count/<resource>.<group>.
https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

import time

from sampan.specs.kubernetes import volumes
from sampan.specs.kubernetes.podamounts import ZERO, amounts, of_pod
from sampan.specs.kubernetes.quantity import Quantity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Object = dict[str, Any]
    Amounts = dict[str, Quantity]

ONE = Quantity(1)
DETAILED = ("pods", "services", "persistentvolumeclaims", "resourceclaims.resource.k8s.io")
COUNT = "count/"
IGNORED = frozenset(("events", "events.events.k8s.io"))  # of these there are always too many
PLAIN = ("configmaps", "resourcequotas", "replicationcontrollers", "secrets")  # counted by their name as well
COMPUTE = ("cpu", "memory", "ephemeral-storage")
# What each container must say if a quota counts it.
REQUIRED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
OF_CLASS = ".storageclass.storage.k8s.io/"
DEVICE_CLAIMS = "resourceclaims.resource.k8s.io"
OF_DEVICES = ".deviceclass.resource.k8s.io/devices"
MOST_DEVICES = 32  # what a request for all devices counts: a claim is given no more
_OF_PODS = ("pods", *COMPUTE, *(f"{side}.{one}" for side in ("requests", "limits") for one in COMPUTE))
_OF_SERVICES = ("services", "services.nodeports", "services.loadbalancers")
_OF_CLAIMS = ("persistentvolumeclaims", "requests.storage")


def countable(resource: str, name: str) -> bool:
    """Do objects of the resource ("pods", "jobs.batch") count for what a quota calls `name`?"""
    if name == f"count/{resource}":
        return True
    if resource == "pods":
        rest = name.removeprefix("requests.")
        return name in _OF_PODS or rest.startswith("hugepages-") or (rest != name and _is_extended(rest))
    if resource == "services":
        return name in _OF_SERVICES
    if resource == "persistentvolumeclaims":
        return name in _OF_CLAIMS or name.partition(OF_CLASS)[2] in _OF_CLAIMS
    if resource == DEVICE_CLAIMS:
        return name.endswith(OF_DEVICES)
    return name == resource and resource in PLAIN


def _is_extended(name: str) -> bool:
    """A resource that somebody else than Kubernetes has thought of."""
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


def usage(resource: str, value: "Object", now: float | None = None) -> "Amounts":
    """What one object counts, of all that quotas could count; at `now`, pods whose end is overdue do not."""
    found: Amounts = {f"count/{resource}": ONE}
    if resource == "pods":
        if not _is_over(value, now):
            found.update(_pod(value.get("spec") or {}))
    elif resource == "services":
        found.update(_service(value.get("spec") or {}))
    elif resource == "persistentvolumeclaims":
        found.update(_claim(value))
    elif resource == DEVICE_CLAIMS:
        found.update(_devices(value.get("spec") or {}))
    elif resource in PLAIN:
        found[resource] = ONE
    return found


def _is_over(pod: "Object", now: float | None) -> bool:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return True
    metadata = pod.get("metadata") or {}
    ends = metadata.get("deletionTimestamp")
    grace = metadata.get("deletionGracePeriodSeconds")
    if now is None or ends is None or grace is None:
        return False
    # The time of deletion has the grace in it already; upstream waits for as long again.
    return bool(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - grace)) > ends)


def _pod(spec: "Object") -> "Amounts":
    return {"pods": ONE, **_compute(of_pod(spec, "requests"), of_pod(spec, "limits"))}


def _compute(requests: "Amounts", limits: "Amounts") -> "Amounts":
    found: Amounts = {}
    for name, amount in requests.items():
        if name in COMPUTE or name.startswith("hugepages-"):
            found[name] = found[f"requests.{name}"] = amount
        elif _is_extended(name):
            found[f"requests.{name}"] = amount
    found.update((f"limits.{name}", amount) for name, amount in limits.items() if name in COMPUTE)
    return found


def _service(spec: "Object") -> "Amounts":
    ports = spec.get("ports") or ()
    found = {"services": ONE}
    kind = spec.get("type")
    if kind == "NodePort":
        found["services.nodeports"] = Quantity(len(ports))
    elif kind == "LoadBalancer":
        found["services.loadbalancers"] = ONE
        every = spec.get("allocateLoadBalancerNodePorts") is not False
        found["services.nodeports"] = Quantity(sum(1 for one in ports if every or one.get("nodePort")))
    return found


def _claim(claim: "Object") -> "Amounts":
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    found = {"persistentvolumeclaims": ONE}
    asked = amounts((spec.get("resources") or {}).get("requests")).get("storage")
    given = amounts(status.get("allocatedResources")).get("storage")
    if asked is not None:
        found["requests.storage"] = given if given is not None and given > asked else asked
    annotations = (claim.get("metadata") or {}).get("annotations") or {}
    named = annotations.get(volumes.CLASS, spec.get("storageClassName") or "")
    if named:
        found.update({f"{named}{OF_CLASS}{name}": amount for name, amount in list(found.items())})
    return found


def _devices(spec: "Object") -> "Amounts":
    """Devices by class; of alternatives the most that each class may have to give."""
    found: Amounts = {}
    for request in (spec.get("devices") or {}).get("requests") or ():
        most: dict[str, int] = {}
        for one in request.get("firstAvailable") or [request.get("exactly") or {}]:
            name = f"{one.get('deviceClassName', '')}{OF_DEVICES}"
            every = one.get("allocationMode") == "All"
            most[name] = max(most.get(name, 0), MOST_DEVICES if every else one.get("count", 1))
        for name, number in most.items():
            found[name] = found.get(name, Quantity(0)) + Quantity(number)
    return found


def unsaid(names: "list[str]", pod: "Object") -> "dict[str, list[str]]":
    """Of what a quota counts: the containers that do not say how much of it they want."""
    spec = pod.get("spec") or {}
    whole = _said(spec)
    wanted = [name for name in names if name in REQUIRED and name not in whole]
    found: dict[str, list[str]] = {}
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        said = _said(container)
        for name in wanted:
            if name not in said:
                found.setdefault(name, []).append(container.get("name", ""))
    return {name: sorted(set(containers)) for name, containers in sorted(found.items())}


def _said(value: "Object") -> "Amounts":
    resources = value.get("resources") or {}
    return _compute(amounts(resources.get("requests")), amounts(resources.get("limits")))


# --- scopes: quotas that count only some objects


def in_scope(quota: "Object", resource: str, value: "Object") -> bool:
    """Does the quota's spec want this object counted? One without scopes wants all."""
    spec = quota.get("spec") or {}
    selectors = [{"scopeName": one, "operator": "Exists"} for one in spec.get("scopes") or ()]
    selectors += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(_matches(one, resource, value) for one in selectors)


def _matches(selector: "Object", resource: str, value: "Object") -> bool:
    spec = value.get("spec") or {}
    scope = selector.get("scopeName")
    if resource == "persistentvolumeclaims" and scope == "VolumeAttributesClass":
        status = value.get("status") or {}
        target = (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName")
        names = {
            spec.get("volumeAttributesClassName"),
            status.get("currentVolumeAttributesClassName"),
            target,
        }
        return _selects(selector, {name for name in names if name})
    if resource != "pods":
        return False
    if scope in ("Terminating", "NotTerminating"):
        ends = bool(spec.get("activeDeadlineSeconds"))
        return ends if scope == "Terminating" else not ends
    if scope in ("BestEffort", "NotBestEffort"):
        return _is_best_effort(spec) is (scope == "BestEffort")
    if scope == "PriorityClass":
        name = spec.get("priorityClassName")
        return _selects(selector, {name} if name else set())
    return scope == "CrossNamespacePodAffinity" and _reaches_out(spec)


def _selects(selector: "Object", names: "set[str]") -> bool:
    values = set(selector.get("values") or ())
    operator = selector.get("operator")
    if operator == "Exists":
        return bool(names)
    if operator == "DoesNotExist":
        return not names
    if operator == "In":
        return bool(names & values)
    return not names or bool(names - values)


def _is_best_effort(spec: "Object") -> bool:
    return not any(
        (one.get("resources") or {}).get(side, {}).get(name, "0") not in ("0", 0)
        for one in (spec, *(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
        for side in ("requests", "limits")
        for name in ("cpu", "memory")
    )


def _reaches_out(spec: "Object") -> bool:
    """Is it placed by pods of other namespaces?"""
    affinity = spec.get("affinity") or {}
    for field in ("podAffinity", "podAntiAffinity"):
        one = affinity.get(field) or {}
        terms = list(one.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        for weighted in one.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            terms.append(weighted.get("podAffinityTerm") or {})
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


# --- what one quota counts


def hard_of(quota: "Object") -> dict[str, str]:
    """What may be used, by name."""
    return (quota.get("spec") or {}).get("hard") or {}


def counts(quota: "Object") -> dict[str, list[str]]:
    """What a quota counts: of which resource, and what of it by the names that the quota uses."""
    found: dict[str, list[str]] = {}
    for name in hard_of(quota):
        resource = name.removeprefix(COUNT)
        if resource == name:
            resource = next((one for one in (*DETAILED, *PLAIN) if countable(one, name)), "")
        if resource and resource not in IGNORED:
            found.setdefault(resource, []).append(name)
    return found


def charged(quota: "Object", resource: str, value: "Object", now: float) -> "Amounts":
    """What one object uses of a quota."""
    if not in_scope(quota, resource, value):
        return {}
    names = counts(quota).get(resource, ())
    return {name: amount for name, amount in usage(resource, value, now).items() if name in names}


def count(quota: "Object", resource: str, objects: "Iterable[Object]", now: float) -> "Amounts":
    """What all objects of a resource use of a quota: zero if there are none."""
    total = dict.fromkeys(counts(quota).get(resource, ()), ZERO)
    for value in objects:
        for name, amount in charged(quota, resource, value, now).items():
            total[name] = total[name] + amount
    return total
