"""Who a pod of a StatefulSet is: its number, its names, the volumes that are its own. Pure."""

import re
from collections.abc import Iterable

from sampan.kube.client.requests import Object
from sampan.kube.controllers.podcontrol import from_template, prefix
from sampan.specs.kubernetes.objects import labels_of

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
REVISION = "controller-revision-hash"
_NUMBERED = re.compile("(.*)-([0-9]+)")
_HIGHEST = (1 << 31) - 1


def parent_and_ordinal(name: str) -> tuple[str, int]:
    """What a pod's name says; -1 if it ends in no number."""
    found = _NUMBERED.fullmatch(name)
    if found is None:
        return "", -1
    number = int(found[2]) if len(found[2]) <= 10 else _HIGHEST + 1
    return found[1], number if number <= _HIGHEST else -1


def ordinal(pod: Object) -> int:
    return parent_and_ordinal(pod["metadata"]["name"])[1]


def is_member(owner: Object, pod: Object) -> bool:
    """Is it called as the set's pods are? Only such a one is the set's."""
    return bool(parent_and_ordinal(pod["metadata"]["name"])[0] == owner["metadata"]["name"])


def first_ordinal(owner: Object) -> int:
    return int((owner["spec"].get("ordinals") or {}).get("start") or 0)


def ordinals(owner: Object) -> range:
    """Of the pods that the set is to have."""
    first = first_ordinal(owner)
    return range(first, first + owner["spec"].get("replicas", 1))


def revision_of(pod: Object) -> str:
    return str(labels_of(pod).get(REVISION, ""))


def claim_name(template: Object, owner: Object, number: int) -> str:
    return f"{template['metadata']['name']}-{owner['metadata']['name']}-{number}"


def is_claim_of(owner: Object, claim: str) -> bool:
    """Is a claim called as one of the set's?"""
    number = parent_and_ordinal(claim)[1]
    return number >= 0 and claim in claim_names(owner, number)


def claim_names(owner: Object, number: int) -> list[str]:
    return [claim_name(one, owner, number) for one in owner["spec"].get("volumeClaimTemplates") or ()]


def new_pod(owner: Object, template: Object, revision: str, number: int) -> Object:
    """The pod of this number as a revision's template has it."""
    name = f"{owner['metadata']['name']}-{number}"
    pod = from_template(template, owner, name)
    metadata = pod["metadata"]
    metadata["generateName"] = prefix(owner["metadata"]["name"])
    metadata["labels"] = {
        **metadata.get("labels", {}),
        REVISION: revision,
        POD_NAME: name,
        POD_INDEX: str(number),
    }
    subdomain = owner["spec"].get("serviceName", "")
    spec = {**pod["spec"], "hostname": name, "subdomain": subdomain}
    if volumes := _volumes(owner, number, spec.get("volumes") or ()):
        spec["volumes"] = volumes
    return {**pod, "spec": spec}


def is_itself(pod: Object) -> bool:
    """Does a pod say who it is?"""
    return bool(labels_of(pod).get(POD_NAME) == pod["metadata"]["name"])


def has_its_storage(owner: Object, pod: Object) -> bool:
    """Does it use the claims of its number?"""
    used = {
        one["name"]: (one.get("persistentVolumeClaim") or {}).get("claimName")
        for one in pod["spec"].get("volumes") or ()
    }
    number = ordinal(pod)
    return all(
        used.get(one["metadata"]["name"]) == claim_name(one, owner, number)
        for one in owner["spec"].get("volumeClaimTemplates") or ()
    )


def corrected(owner: Object, pod: Object) -> Object:
    """The pod with the labels and volumes that it should have."""
    metadata, number = pod["metadata"], ordinal(pod)
    labels = {**(metadata.get("labels") or {}), POD_NAME: metadata["name"], POD_INDEX: str(number)}
    spec = {**pod["spec"], "volumes": _volumes(owner, number, pod["spec"].get("volumes") or ())}
    return {**pod, "metadata": {**metadata, "labels": labels}, "spec": spec}


def _volumes(owner: Object, number: int, others: Iterable[Object]) -> list[Object]:
    """The claims' first, which take the place of others of their names."""
    templates = owner["spec"].get("volumeClaimTemplates") or ()
    own = {
        one["metadata"]["name"]: {"persistentVolumeClaim": {"claimName": claim_name(one, owner, number)}}
        for one in templates
    }
    return [{"name": name, **source} for name, source in own.items()] + [
        one for one in others if one["name"] not in own
    ]
