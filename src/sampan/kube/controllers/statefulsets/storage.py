"""The claims of a StatefulSet's pods: made from its templates, owned so that they go when they should. Pure.

Who should own a claim follows from spec.persistentVolumeClaimRetentionPolicy: the garbage collector takes a
claim of the set when the set goes, and one of a pod that is scaled away when that pod goes.
"""

from collections.abc import Mapping

from sampan.kube.client.requests import Object
from sampan.kube.controllers.claims import owner_reference
from sampan.kube.controllers.statefulsets.identity import claim_name, claim_names, ordinal, ordinals
from sampan.specs.kubernetes.objects import is_going

DELETE = "Delete"
_POD = {"apiVersion": "v1", "kind": "Pod"}


def claims_of(owner: Object, number: int) -> list[Object]:
    """As they are to be created for the pod of this number."""
    return [_claim(owner, one, number) for one in owner["spec"].get("volumeClaimTemplates") or ()]


def _claim(owner: Object, template: Object, number: int) -> Object:
    given = template["metadata"]
    labels = {
        **(given.get("labels") or {}),
        **((owner["spec"].get("selector") or {}).get("matchLabels") or {}),
    }
    metadata = {key: given[key] for key in ("annotations", "finalizers") if given.get(key)}
    metadata["name"] = claim_name(template, owner, number)
    metadata["namespace"] = owner["metadata"]["namespace"]
    if labels:
        metadata["labels"] = labels
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": template.get("spec") or {},
    }


def missing(owner: Object, number: int, claims: Mapping[str, Object]) -> tuple[Object, ...]:
    """Those that a pod needs and that are not there; `claims` by name."""
    return tuple(one for one in claims_of(owner, number) if one["metadata"]["name"] not in claims)


def leaving(owner: Object, number: int, claims: Mapping[str, Object]) -> list[str]:
    """The names of those that a pod needs and that are on their way out."""
    return [name for name in claim_names(owner, number) if name in claims and is_going(claims[name])]


def is_stale(owner: Object, number: int, claims: Mapping[str, Object]) -> bool:
    """Does a claim still go with an earlier pod of this number? The next pod must wait for another one."""
    if _policy(owner)[1] != DELETE:
        return False
    name = f"{owner['metadata']['name']}-{number}"
    found = (claims[each] for each in claim_names(owner, number) if each in claims)
    return any(_refers(one, "v1", "Pod", name) for claim in found for one in _owners(claim))


def disowned(
    owner: Object, pod: Object, claims: Mapping[str, Object]
) -> tuple[tuple[Object, list[Object]], ...]:
    """The claims of a pod that are not owned as the policy has it, with the owners that they should have."""
    found = []
    for name in claim_names(owner, ordinal(pod)):
        claim = claims.get(name)
        if claim is not None and not _is_owned_well(owner, pod, claim):
            found.append((claim, _wanted_owners(owner, pod, claim)))
    return tuple(found)


def contested(owner: Object, pod: Object, claims: Mapping[str, Object]) -> list[str]:
    """The names of those that somebody else controls, so that the policy is of no effect."""
    names = claim_names(owner, ordinal(pod))
    return [name for name in names if name in claims and _has_other_controller(owner, pod, claims[name])]


def _policy(owner: Object) -> tuple[str, str]:
    """When deleted, when scaled."""
    policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get("whenDeleted", ""), policy.get("whenScaled", "")


def _wanted(owner: Object, pod: Object) -> tuple[bool, bool]:
    """Is the set to own a claim of the pod's, is the pod?"""
    when_deleted, when_scaled = _policy(owner)
    scaled_away = ordinal(pod) not in ordinals(owner)
    with_pod = when_scaled == DELETE and scaled_away
    return when_deleted == DELETE and not with_pod, with_pod


def _is_owned_well(owner: Object, pod: Object, claim: Object) -> bool:
    ours = _owned_by(claim, owner), _owned_by(claim, pod)
    if _is_of_earlier(owner, pod, claim):
        return True  # whoever comes after is not to touch it
    if _has_other_controller(owner, pod, claim):
        return not any(ours)
    uids = _uid(owner), _uid(pod)
    if any(one.get("uid") in uids and not one.get("controller") for one in _owners(claim)):
        return False
    return ours == _wanted(owner, pod)


def _wanted_owners(owner: Object, pod: Object, claim: Object) -> list[Object]:
    rest = [one for one in _owners(claim) if not _is_set(one, owner) and not _is_pod(one, pod)]
    if _has_other_controller(owner, pod, claim):
        return rest
    by_set, by_pod = _wanted(owner, pod)
    if by_pod:
        rest.append(owner_reference({**pod, **_POD}))
    if by_set:
        rest.append(owner_reference(owner))
    return rest


def _is_of_earlier(owner: Object, pod: Object, claim: Object) -> bool:
    """Does an owner have the name of the set or the pod, and is it another one?"""
    return any(
        (_is_set(one, owner) and one.get("uid") != _uid(owner))
        or (_is_pod(one, pod) and one.get("uid") != _uid(pod))
        for one in _owners(claim)
    )


def _has_other_controller(owner: Object, pod: Object, claim: Object) -> bool:
    if DELETE not in _policy(owner):
        return False
    if _is_of_earlier(owner, pod, claim):
        return True
    return any(
        one.get("controller") and not _is_set(one, owner) and not _is_pod(one, pod) for one in _owners(claim)
    )


def _owners(claim: Object) -> list[Object]:
    return claim["metadata"].get("ownerReferences") or []


def _uid(value: Object) -> str:
    return str(value["metadata"].get("uid", ""))


def _owned_by(claim: Object, value: Object) -> bool:
    return any(one.get("uid") == _uid(value) for one in _owners(claim))


def _is_set(reference: Object, owner: Object) -> bool:
    return _refers(reference, owner["apiVersion"], owner["kind"], owner["metadata"]["name"])


def _is_pod(reference: Object, pod: Object) -> bool:
    return _refers(reference, "v1", "Pod", pod["metadata"]["name"])


def _refers(reference: Object, api_version: str, kind: str, name: str) -> bool:
    return bool(
        reference.get("apiVersion") == api_version
        and reference.get("kind") == kind
        and reference.get("name") == name
    )
