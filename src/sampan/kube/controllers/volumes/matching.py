"""Which volume a claim gets. Pure; pkg/controller/volume/persistentvolume/index.go of Kubernetes."""

from collections.abc import Iterable, Mapping

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.objects import annotations_of, is_going
from sampan.specs.kubernetes.volumes import (
    CLASS,
    WAITS,
    belongs,
    by_size,
    class_of,
    could_be,
    offers,
    size_of,
    wanted_size,
)

_DEFAULT = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def modes_of(value: Object) -> frozenset[str]:
    return frozenset((value.get("spec") or {}).get("accessModes") or ())


def best(volumes: Iterable[Object], claim: Object, *, waits: bool) -> Object | None:
    """Of volumes that can no more than is needed the one that is kept for the claim, or else the smallest.

    `waits`: for the scheduler, which chooses among those that are kept for nobody.
    """
    wanted, groups = modes_of(claim), dict[frozenset[str], list[Object]]()
    for volume in volumes:
        if wanted <= modes_of(volume) and could_be(volume, claim):
            groups.setdefault(modes_of(volume), []).append(volume)
    for modes in sorted(groups, key=lambda one: (len(one), sorted(one))):
        found = by_size(groups[modes])
        kept = [volume for volume in found if belongs(volume, claim)]
        free = [] if waits else [volume for volume in found if offers(volume, claim)]
        if kept or free:
            return (kept or free)[0]
    return None


def mismatch(volume: Object, claim: Object) -> str:
    """Why a volume that a claim asks for by name cannot be its; "" if it can."""
    of, wanted = volume.get("spec") or {}, claim.get("spec") or {}
    if is_going(volume):
        return "the volume is marked for deletion"
    if size_of(volume) < wanted_size(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if (of.get("volumeAttributesClassName") or "") != (wanted.get("volumeAttributesClassName") or ""):
        return "volumeAttributesClassName does not match"
    if not same_mode(volume, claim):
        return "incompatible volumeMode"
    return "" if modes_of(claim) <= modes_of(volume) else "incompatible accessMode"


def same_mode(volume: Object, claim: Object) -> bool:
    one, other = ((value.get("spec") or {}).get("volumeMode") for value in (volume, claim))
    return (one or "Filesystem") == (other or "Filesystem")


def has_class(claim: Object) -> bool:
    """Does it say which, or that it wants none?"""
    return CLASS in annotations_of(claim) or (claim.get("spec") or {}).get("storageClassName") is not None


def default_class(classes: Iterable[Object]) -> Object | None:
    """Of several the youngest, and of the same second the first by name."""
    found = [one for one in classes if any(annotations_of(one).get(name) == "true" for name in _DEFAULT)]
    found.sort(key=lambda one: str(one["metadata"]["name"]))
    return max(found, key=lambda one: one["metadata"].get("creationTimestamp", ""), default=None)


def waits_for_a_pod(claim: Object, classes: Mapping[str, Object]) -> bool:
    """Is it known only with the first pod where its volume must be?"""
    return (classes.get(class_of(claim)) or {}).get("volumeBindingMode") == WAITS
