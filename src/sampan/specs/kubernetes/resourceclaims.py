"""ResourceClaims: which a pod has, who uses one, and what keeps it. Pure.

k8s.io/dynamic-resource-allocation/resourceclaim
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Object = Mapping[str, Any]

FINALIZER = "resource.kubernetes.io/delete-protection"  # of those that have devices
USERS = 256  # of one claim, at most


def entries(pod: "Object") -> "list[dict[str, Any]]":
    """What a pod asks for: claims by their names, or made of templates."""
    return list((pod.get("spec") or {}).get("resourceClaims") or ())


def statuses(pod: "Object") -> "dict[str, dict[str, Any]]":
    """By an entry's name: which claim was made for it."""
    found = (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    return {one.get("name") or "": one for one in found}


def claim_name(pod: "Object", entry: "Object") -> str | None:
    """Of the claim that an entry means; None: there is none (yet)."""
    if entry.get("resourceClaimName"):
        return str(entry["resourceClaimName"])
    found = statuses(pod).get(entry.get("name") or "")
    return None if found is None else found.get("resourceClaimName") or None


def is_unneeded(pod: "Object", entry: "Object") -> bool:
    """Was it decided that the pod runs without?"""
    found = statuses(pod).get(entry.get("name") or "")
    return found is not None and not found.get("resourceClaimName")


def users_of(claim: "Object") -> "list[Any]":
    """Who it is kept for."""
    return list((claim.get("status") or {}).get("reservedFor") or ())


def user_of(pod: "Object") -> "dict[str, Any]":
    """As `reservedFor` has it."""
    return {"resource": "pods", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}


def is_used_by(claim: "Object", uid: str) -> bool:
    """Is it reserved for the pod of this uid?"""
    return any(one.get("uid") == uid for one in users_of(claim))


def allocation(claim: "Object") -> "dict[str, Any] | None":
    """Which devices it has, and where; None while it has none."""
    found: dict[str, Any] | None = (claim.get("status") or {}).get("allocation")
    return found
