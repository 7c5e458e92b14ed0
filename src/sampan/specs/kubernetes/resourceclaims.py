"""ResourceClaims: who uses one, and what keeps it. k8s.io/dynamic-resource-allocation/resourceclaim"""

from collections.abc import Mapping
from typing import Any

FINALIZER = "resource.kubernetes.io/delete-protection"  # of those that have devices
USERS = 256  # of one claim, at most

_Object = Mapping[str, Any]


def users_of(claim: _Object) -> list[Any]:
    """Who it is kept for."""
    return list((claim.get("status") or {}).get("reservedFor") or ())


def user_of(pod: _Object) -> dict[str, Any]:
    """As `reservedFor` has it."""
    return {"resource": "pods", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}


def is_used_by(claim: _Object, uid: str) -> bool:
    return any(one.get("uid") == uid for one in users_of(claim))


def allocation(claim: _Object) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (claim.get("status") or {}).get("allocation")
    return found
