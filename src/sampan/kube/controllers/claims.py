"""Which objects are an owner's: those it controls, and orphans that its selector selects.

Objects that it controls and does not select are let go. Upstream's ControllerRefManager.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sampan.kube.client.requests import STRATEGIC_PATCH, Client, Object, ResourcePath
from sampan.specs.kubernetes.labels import Selector
from sampan.specs.kubernetes.objects import is_going, labels_of
from sampan.specs.kubernetes.objects import owner as owner_of
from sampan.specs.kubernetes.status import StatusError


@dataclass(frozen=True)
class Claim:
    mine: list[Object] = field(default_factory=list)
    adopt: list[Object] = field(default_factory=list)
    release: list[Object] = field(default_factory=list)


def claim(owner: Object, selector: Selector, objects: Iterable[Object]) -> Claim:
    """Sort the objects of the owner's namespace; those of others are left out."""
    found = Claim()
    going = is_going(owner)
    for value in objects:
        controller = owner_of(value)
        selected = selector.matches(labels_of(value))
        if controller is None:
            if selected and not going and not is_going(value):
                found.adopt.append(value)
        elif controller["uid"] == owner["metadata"]["uid"]:
            if selected:
                found.mine.append(value)
            elif not going:
                found.release.append(value)
    return found


def owner_reference(owner: Object) -> Object:
    """By which an object says that `owner` controls it."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


async def settle(
    client: Client,
    found: Claim,
    owner: Object,
    owners: ResourcePath,
    objects: ResourcePath,
    finalizers: Iterable[str] = (),
) -> list[Object]:
    """Adopt and release; what is the owner's then. An adopted object gets the finalizers too.

    Before anything is adopted, the server is asked whether the owner is still the one that we know.
    """
    mine = list(found.mine)
    if found.adopt and await _still_there(client, owner, owners):
        for value in found.adopt:
            adopted = await _patch(client, objects, value, _adoption(owner, value, list(finalizers)))
            if adopted is not None:
                mine.append(adopted)
    for value in found.release:
        reference = {"$patch": "delete", "uid": owner["metadata"]["uid"]}
        metadata: Object = {"uid": value["metadata"]["uid"], "ownerReferences": [reference]}
        if finalizers:
            metadata["$deleteFromPrimitiveList/finalizers"] = list(finalizers)
        await _patch(client, objects, value, {"metadata": metadata})
    return mine


def _adoption(owner: Object, value: Object, finalizers: list[str]) -> Object:
    metadata = {"uid": value["metadata"]["uid"], "ownerReferences": [owner_reference(owner)]}
    if finalizers:
        metadata["finalizers"] = finalizers
    return {"metadata": metadata}


async def _still_there(client: Client, owner: Object, owners: ResourcePath) -> bool:
    metadata = owner["metadata"]
    fresh = await client.get(owners, metadata.get("namespace", ""), metadata["name"])
    return fresh["metadata"]["uid"] == metadata["uid"] and not is_going(fresh)


async def _patch(client: Client, resource: ResourcePath, value: Object, patch: Object) -> Object | None:
    """None for what has gone, or is another one of the same name."""
    metadata = value["metadata"]
    try:
        return await client.patch(
            resource, metadata.get("namespace", ""), metadata["name"], patch, content_type=STRATEGIC_PATCH
        )
    except StatusError as error:
        if error.code in (404, 409, 422):
            return None
        raise
