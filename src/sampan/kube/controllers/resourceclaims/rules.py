"""Which ResourceClaims a pod has, what is made for it, and who still uses one. Pure.

k8s.io/dynamic-resource-allocation/resourceclaim; pkg/controller/resourceclaim of Kubernetes
"""

from collections.abc import Iterable

from sampan.kube.client.informer import key_of
from sampan.kube.client.requests import Object
from sampan.kube.controllers.claims import owner_reference
from sampan.specs.kubernetes.objects import annotations_of, is_controlled_by, is_going
from sampan.specs.kubernetes.pods import is_finished, node_name
from sampan.specs.kubernetes.resourceclaims import (
    FINALIZER,
    USERS,
    allocation,
    claim_name,
    entries,
    is_used_by,
    users_of,
)

POD_CLAIM = "resource.kubernetes.io/pod-claim-name"
_LONGEST = 57  # of a generated name's beginning, to which a dash and five characters may come


class NoClaim(Exception):
    """Why a pod has not the claim that it needs."""


def claim_keys(pod: Object) -> list[str]:
    """For an index of pods by their claims."""
    names = (claim_name(pod, entry) for entry in entries(pod))
    return [f"{pod['metadata']['namespace']}/{name}" for name in names if name]


def is_done(pod: Object) -> bool:
    """It will not run (any more)."""
    return is_finished(pod) or (is_going(pod) and not node_name(pod))


def must_be_its(pod: Object, claim: Object) -> None:
    """Raises NoClaim unless the claim was made for this very pod."""
    if not is_controlled_by(claim, pod["metadata"]["uid"]):
        raise NoClaim(
            f"ResourceClaim {key_of(claim)} was not created for pod {key_of(pod)} (pod is not owner)"
        )


def made_before(pod: Object, entry: Object, claims: Iterable[Object]) -> Object | None:
    """A claim that was made for an entry, which could not be written down."""
    for claim in claims:
        told = annotations_of(claim).get(POD_CLAIM)
        if told == entry["name"] and is_controlled_by(claim, pod["metadata"]["uid"]):
            return claim
    return None


def claim_for(pod: Object, entry: Object, template: Object) -> Object:
    given = template.get("spec") or {}
    metadata = given.get("metadata") or {}
    made: Object = {
        "generateName": _beginning(pod["metadata"]["name"], entry["name"]),
        "namespace": pod["metadata"]["namespace"],
        "annotations": {**(metadata.get("annotations") or {}), POD_CLAIM: entry["name"]},
        "ownerReferences": [owner_reference(pod)],
    }
    if metadata.get("labels"):
        made["labels"] = metadata["labels"]
    spec = given.get("spec") or {}
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": made, "spec": spec}


def _beginning(pod: str, entry: str) -> str:
    """Both names, each cut by as much as it is too long."""
    whole = f"{pod}-{entry}-"
    if len(whole) <= _LONGEST:
        return whole
    first, second = (name[: len(name) * _LONGEST // len(whole)] for name in (pod, entry))
    return f"{first}-{second}"


def wants(pod: Object, claim: Object) -> bool:
    """Has the claim devices, which are not kept for the pod yet, and may be?"""
    ours = is_used_by(claim, pod["metadata"]["uid"])
    return bool(allocation(claim)) and not ours and len(users_of(claim)) < USERS


def with_users(claim: Object, users: list[Object]) -> Object:
    """The claim as it is kept for these; for nobody, its devices are given back."""
    status = {key: one for key, one in (claim.get("status") or {}).items() if key != "reservedFor"}
    if users:
        status["reservedFor"] = users
    elif FINALIZER in (claim["metadata"].get("finalizers") or ()):
        status.pop("allocation", None)
    return {**claim, "status": status}


def without_finalizer(claim: Object) -> Object:
    """Of a claim that holds no devices; the same object if there is nothing to be let go of."""
    finalizers = claim["metadata"].get("finalizers") or []
    if FINALIZER not in finalizers or allocation(claim):
        return claim
    rest = [one for one in finalizers if one != FINALIZER]
    return {**claim, "metadata": {**claim["metadata"], "finalizers": rest}}
