"""Which PersistentVolumeClaims a pod uses, by name or made for it. Pure; component-helpers' ephemeral."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Object = dict[str, Any]


def ephemeral_name(pod: "Object", volume: "Object") -> str:
    """Of the claim that is made for a volume of a pod."""
    return f"{pod['metadata']['name']}-{volume.get('name', '')}"


def claim_names(pod: "Object") -> "Iterator[str]":
    """Those that are made for it too."""
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if volume.get("persistentVolumeClaim") is not None:
            yield volume["persistentVolumeClaim"].get("claimName", "")
        elif volume.get("ephemeral") is not None:
            yield ephemeral_name(pod, volume)


def uses(pod: "Object", claim: "Object") -> bool:
    """A claim made for a pod must be that very pod's."""
    name, metadata = claim["metadata"]["name"], pod["metadata"]
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == name:
            return True
        if volume.get("ephemeral") is not None and ephemeral_name(pod, volume) == name:
            owners = claim["metadata"].get("ownerReferences") or ()
            return any(one.get("controller") and one.get("uid") == metadata["uid"] for one in owners)
    return False


def claim_keys(pod: "Object") -> "list[str]":
    """For an index of pods by the claims that they use."""
    namespace = pod["metadata"].get("namespace", "")
    return [f"{namespace}/{name}" for name in claim_names(pod)]
