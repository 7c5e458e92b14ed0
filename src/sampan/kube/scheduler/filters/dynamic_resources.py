"""DynamicResources: can the devices be used from the node that the pod's claims were given?

Sampan gives no devices to claims itself: who has none yet gets none, on any node.
"""

from collections.abc import Iterator

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.nodematching import everywhere, meets_any
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import DEVICE_CLASSES, RESOURCE_CLAIMS
from sampan.kube.scheduler.verdict import Reason, Rows
from sampan.specs.kubernetes.nodeselectors import terms_of
from sampan.specs.kubernetes.objects import is_controlled_by, is_going

NAME = "DynamicResources"
ELSEWHERE = "resourceclaim not available on the node"
NO_DEVICES = "cannot allocate all claims"
IN_USE = "resourceclaim in use"
MOST_PODS = 256  # that a claim can be reserved for


def applies(query: Query) -> bool:
    return bool(query.shape.resource_claims)


def claim_names(pod: Object) -> Iterator[tuple[str, str | None]]:
    """By the pod's own name for it: the claim, or None where it is still to be made of a template."""
    made = {
        one.get("name"): one.get("resourceClaimName")
        for one in (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    }
    for one in (pod.get("spec") or {}).get("resourceClaims") or ():
        name = one.get("name") or ""
        if one.get("resourceClaimName"):
            yield name, one["resourceClaimName"]
        elif name not in made:
            yield name, None
        elif made[name]:  # a template may turn out to need no claim
            yield name, made[name]


def missing(query: Query) -> str | None:
    """Why it makes no sense yet to look for a node (the plugin's PreEnqueue)."""
    pod, namespace = query.pod, query.shape.namespace
    for name, claim_name in claim_names(pod.object):
        if claim_name is None:
            return f'pod "{pod.key}": ResourceClaim not created yet'
        claim = query.cluster.surroundings.get(RESOURCE_CLAIMS, f"{namespace}/{claim_name}")
        if claim is None:
            return f'resourceclaim.resource.k8s.io "{claim_name}" not found'
        if is_going(claim):
            return f'resourceclaim "{claim_name}" is being deleted'
        if _templated(pod.object, name) and not is_controlled_by(claim, pod.uid):
            return (
                f"ResourceClaim {namespace}/{claim_name} was not created for pod {pod.key} (pod is not owner)"
            )
    return None


def _templated(pod: Object, name: str) -> bool:
    found = (pod.get("spec") or {}).get("resourceClaims") or ()
    return any(one.get("name") == name and not one.get("resourceClaimName") for one in found)


def _claims(query: Query) -> Iterator[Object]:
    for _, name in claim_names(query.pod.object):
        key = f"{query.shape.namespace}/{name}"
        claim = query.cluster.surroundings.get(RESOURCE_CLAIMS, key) if name else None
        if claim is not None:
            yield claim


def allocation(claim: Object) -> Object | None:
    found: Object | None = (claim.get("status") or {}).get("allocation")
    return found


def refuses(query: Query) -> str | None:
    absent = missing(query)
    if absent is not None:
        return absent
    for claim in _claims(query):
        if allocation(claim) is not None:
            reserved = (claim.get("status") or {}).get("reservedFor") or ()
            mine = any(one.get("uid") == query.pod.uid for one in reserved)
            if not mine and len(reserved) >= MOST_PODS:
                return IN_USE
        else:
            unknown = _unknown_class(query, claim)
            if unknown is not None:
                return unknown
    return None


def _unknown_class(query: Query, claim: Object) -> str | None:
    for request in ((claim.get("spec") or {}).get("devices") or {}).get("requests") or ():
        whole = request.get("exactly")
        for name, one in [
            *([(request.get("name"), whole)] if whole else []),
            *(
                (f"{request.get('name')}/{sub.get('name')}", sub)
                for sub in request.get("firstAvailable") or ()
            ),
        ]:
            wanted = one.get("deviceClassName") or ""
            if query.cluster.surroundings.get(DEVICE_CLASSES, wanted) is None:
                return f"request {name}: device class {wanted} does not exist"
    return None


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    here = everywhere(query.cluster, rows)
    waiting = False
    for claim in _claims(query):
        found = allocation(claim)
        if found is None:
            waiting = waiting or bool(((claim.get("spec") or {}).get("devices") or {}).get("requests"))
        elif found.get("nodeSelector"):
            here &= meets_any(query.cluster, terms_of(found["nodeSelector"]), rows)
    yield Reason(ELSEWHERE, ~here, True)
    if waiting:
        yield Reason(NO_DEVICES, here, True)


FILTER = Filter(NAME, reasons, applies, local=False, refuses=refuses)
