"""The ResourceClaims of a pod, and what is in the way of them before any node is looked at."""

from collections.abc import Iterator

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.devices.asking import name_of, requests_of, ways
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import DEVICE_CLASSES, RESOURCE_CLAIMS
from sampan.specs.kubernetes.objects import is_controlled_by, is_going
from sampan.specs.kubernetes.resourceclaims import (
    USERS,
    allocation,
    claim_name,
    entries,
    is_unneeded,
    is_used_by,
    users_of,
)

IN_USE = "resourceclaim in use"


def claim_names(pod: Object) -> Iterator[tuple[str, str | None]]:
    """By the pod's own name for it: the claim, or None where it is still to be made of a template."""
    for entry in entries(pod):
        if not entry.get("resourceClaimName") and is_unneeded(pod, entry):
            continue
        yield entry.get("name") or "", claim_name(pod, entry)


def claims_of(query: Query) -> list[Object]:
    """Those that there are, each once."""
    keys = dict.fromkeys(
        f"{query.shape.namespace}/{name}" for _, name in claim_names(query.pod.object) if name
    )
    found = (query.cluster.surroundings.get(RESOURCE_CLAIMS, key) for key in keys)
    return [one for one in found if one is not None]


def missing(query: Query) -> str | None:
    """Why it makes no sense yet to look for a node (the plugin's PreEnqueue)."""
    pod, namespace = query.pod, query.shape.namespace
    for name, claim_of in claim_names(pod.object):
        if claim_of is None:
            return f'pod "{pod.key}": ResourceClaim not created yet'
        claim = query.cluster.surroundings.get(RESOURCE_CLAIMS, f"{namespace}/{claim_of}")
        if claim is None:
            return f'resourceclaim.resource.k8s.io "{claim_of}" not found'
        if is_going(claim):
            return f'resourceclaim "{claim_of}" is being deleted'
        if _templated(pod.object, name) and not is_controlled_by(claim, pod.uid):
            return (
                f"ResourceClaim {namespace}/{claim_of} was not created for pod {pod.key} (pod is not owner)"
            )
    return None


def _templated(pod: Object, name: str) -> bool:
    return any(one.get("name") == name and not one.get("resourceClaimName") for one in entries(pod))


def problem(query: Query) -> str | None:
    """Why the pod can be nowhere (the plugin's PreFilter)."""
    absent = missing(query)
    if absent is not None:
        return absent
    for claim in claims_of(query):
        if is_pending(query, claim):
            return f"resource claim {name_of(claim)} is in the process of being allocated"
        if allocation(claim) is None:
            unknown = _unknown_request(query, claim)
            if unknown is not None:
                return unknown
        elif len(users_of(claim)) >= USERS and not is_used_by(claim, query.pod.uid):
            return IN_USE
    return None


def is_pending(query: Query, claim: Object) -> bool:
    """Its devices have been chosen, for another pod that uses it, and are being written down."""
    key = f"{query.shape.namespace}/{claim['metadata']['name']}"
    return query.cluster.surroundings.is_assumed(RESOURCE_CLAIMS, key)


def _unknown_request(query: Query, claim: Object) -> str | None:
    for request in requests_of(claim):
        found = list(ways(request))
        if not found:
            return f"resource claim {name_of(claim)}, request {request.get('name')}: unknown request type"
        for name, one in found:
            wanted = one.get("deviceClassName") or ""
            if query.cluster.surroundings.get(DEVICE_CLASSES, wanted) is None:
                return f"request {name}: device class {wanted} does not exist"
    return None
