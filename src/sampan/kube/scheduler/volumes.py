"""Which volumes a pod's claims have or could get, on all nodes at once: kube-scheduler's volume binder.

A claim that is not bound yet, and whose class waits for its first pod, gets a volume that is there and can be
reached from the node, the smallest that will do; or one is made, if the class can do that for the node.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.nodematching import everywhere, meets_any, nowhere
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import CAPACITIES, CLAIMS, CLASSES, CSI_DRIVERS, VOLUMES
from sampan.kube.scheduler.verdict import Mask, Rows
from sampan.specs.kubernetes import quantity, volumes
from sampan.specs.kubernetes.labels import from_object
from sampan.specs.kubernetes.labelselector import can_select
from sampan.specs.kubernetes.nodeselectors import Requirement, Terms, selector_term, terms_of
from sampan.specs.kubernetes.objects import annotations_of, is_controlled_by, is_going

NOT_MADE_YET = "waiting for ephemeral volume controller to create the persistentvolumeclaim"

Index = NDArray[np.intp]


@dataclass(frozen=True)
class PodClaims:
    """`delayed`: not bound, and waiting for a pod; `immediate`: not bound by the controller yet."""

    bound: tuple[Object, ...] = ()
    delayed: tuple[Object, ...] = ()
    immediate: tuple[Object, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is to be done for a pod's claims on a node: pairs of claim and volume; claims to provision."""

    bindings: tuple[tuple[Object, Object], ...] = ()
    provisions: tuple[Object, ...] = ()


@dataclass(frozen=True)
class Prospect:
    """Of delayed claims: `chosen` of each, by row an index into `found`, or -1 where one is to be made."""

    claims: tuple[Object, ...]
    found: tuple[Object, ...]
    chosen: tuple[Index, ...]
    impossible: Mask
    no_space: Mask


def problem(query: Query) -> str | None:
    """Why the pod's claims keep it from running anywhere."""
    pod, surroundings = query.pod, query.cluster.surroundings
    for use in query.shape.claims:
        claim = surroundings.get(CLAIMS, f"{query.shape.namespace}/{use.name}")
        if claim is None:
            if use.ephemeral:
                return f'{NOT_MADE_YET} "{use.name}"'
            return f'persistentvolumeclaim "{use.name}" not found'
        if (claim.get("status") or {}).get("phase") == "Lost":
            volume = (claim.get("spec") or {}).get("volumeName") or ""
            return f'persistentvolumeclaim "{use.name}" bound to non-existent persistentvolume "{volume}"'
        if is_going(claim):
            return f'persistentvolumeclaim "{use.name}" is being deleted'
        if use.ephemeral and not is_controlled_by(claim, pod.uid):
            return (
                f"PVC {query.shape.namespace}/{use.name} was not created for pod {pod.key} (pod is not owner)"
            )
    return None


def claims_of(query: Query) -> PodClaims:
    """Those that there are."""
    surroundings, namespace = query.cluster.surroundings, query.shape.namespace
    bound, delayed, immediate = [], [], []
    for use in query.shape.claims:
        claim = surroundings.get(CLAIMS, f"{namespace}/{use.name}")
        if claim is None:
            continue
        if volumes.is_bound(claim):
            bound.append(claim)
        elif waits(query, claim) and not (claim.get("spec") or {}).get("volumeName"):
            delayed.append(claim)
        else:
            immediate.append(claim)
    return PodClaims(tuple(bound), tuple(delayed), tuple(immediate))


def waits(query: Query, claim: Object) -> bool:
    """Is its volume to be chosen when a pod is?"""
    found = query.cluster.surroundings.get(CLASSES, volumes.class_of(claim))
    return bool(found and found.get("volumeBindingMode") == volumes.WAITS)


def reachable(query: Query, volume: Object, rows: Rows) -> Mask:
    """From where the volume can be used, by its node affinity: labels only."""
    required = ((volume.get("spec") or {}).get("nodeAffinity") or {}).get("required")
    if not required:
        return everywhere(query.cluster, rows)
    terms = tuple(term for term in terms_of(required) if not any(one.field for one in term))
    return meets_any(query.cluster, terms, rows)


def prospect(query: Query, claims: Iterable[Object], rows: Rows) -> Prospect:
    """What the claims would get on each of the rows: the second half of upstream's FindPodVolumes."""
    ordered = sorted(claims, key=volumes.wanted_size)
    fresh = [one for one in ordered if volumes.SELECTED_NODE not in annotations_of(one)]
    promised = [one for one in ordered if volumes.SELECTED_NODE in annotations_of(one)]
    impossible = nowhere(query.cluster, rows)
    for claim in promised:
        node = annotations_of(claim)[volumes.SELECTED_NODE]
        impossible |= ~query.cluster.names.among((node,), rows)
    found = volumes.by_size(query.cluster.surroundings.all(VOLUMES)) if fresh else []
    chosen = _choose(query, fresh, found, rows)
    no_space = nowhere(query.cluster, rows)
    nothing = np.full(len(impossible), -1, np.intp)
    claims, places = (*promised, *fresh), (*(nothing for _ in promised), *chosen)
    for claim, place in zip(claims, places, strict=True):
        made = (place < 0) & ~impossible & ~no_space
        if made.any():
            able, roomy = provisionable(query, claim, rows)
            impossible |= made & ~able
            no_space |= made & able & ~roomy
    return Prospect(claims, tuple(found), places, impossible, no_space)


def _choose(query: Query, claims: Iterable[Object], found: list[Object], rows: Rows) -> list[Index]:
    """Of the volumes, for each claim by row; each volume once. One that was kept for a claim comes first."""
    taken = [nowhere(query.cluster, rows) for _ in found]
    answers = []
    for claim in claims:
        place = np.full(len(everywhere(query.cluster, rows)), -1, np.intp)
        kept = [
            at for at, one in enumerate(found) if volumes.belongs(one, claim) and volumes.could_be(one, claim)
        ]
        for at in kept[:1] or [at for at, one in enumerate(found) if volumes.offers(one, claim)]:
            here = (place < 0) & ~taken[at] & reachable(query, found[at], rows)
            place[here] = at
            taken[at] |= here
            if (place >= 0).all():
                break
        answers.append(place)
    return answers


def provisionable(query: Query, claim: Object, rows: Rows) -> tuple[Mask, Mask]:
    """Where its class can make a volume, and where there is known to be space for it."""
    cluster = query.cluster
    found = cluster.surroundings.get(CLASSES, volumes.class_of(claim)) or {}
    if (found.get("provisioner") or volumes.NO_PROVISIONER) == volumes.NO_PROVISIONER:
        return nowhere(cluster, rows), everywhere(cluster, rows)
    topologies = found.get("allowedTopologies")
    able = meets_any(cluster, _topologies(topologies), rows) if topologies else everywhere(cluster, rows)
    driver = cluster.surroundings.get(CSI_DRIVERS, found["provisioner"]) or {}
    if not (driver.get("spec") or {}).get("storageCapacity"):
        return able, everywhere(cluster, rows)
    return able, _roomy(query, claim, found["metadata"]["name"], rows)


def _topologies(values: Iterable[Object]) -> Terms:
    """TopologySelectorTerms."""
    return tuple(
        tuple(
            Requirement(one.get("key") or "", "In", frozenset(one.get("values") or ()))
            for one in value.get("matchLabelExpressions") or ()
        )
        for value in values
    )


def _roomy(query: Query, claim: Object, name: str, rows: Rows) -> Mask:
    """By the CSIStorageCapacity objects of a class."""
    size, found = volumes.wanted_size(claim), nowhere(query.cluster, rows)
    for one in query.cluster.surroundings.all(CAPACITIES):
        limit = one.get("maximumVolumeSize") or one.get("capacity")
        topology = one.get("nodeTopology")
        if one.get("storageClassName") != name or not limit or topology is None:
            continue
        if quantity.parse(limit) >= size and can_select(topology):
            term = selector_term(from_object(topology))
            found |= meets_any(query.cluster, (term,), rows) if term else everywhere(query.cluster, rows)
    return found


def plan(query: Query, row: int) -> Plan:
    """For the row that was chosen, where all claims can be met."""
    claims = claims_of(query)
    if not claims.delayed:
        return Plan()
    found = prospect(query, claims.delayed, np.array([row]))
    pairs = [(claim, int(place[0])) for claim, place in zip(found.claims, found.chosen, strict=True)]
    bindings = tuple((claim, found.found[at]) for claim, at in pairs if at >= 0)
    return Plan(bindings, tuple(claim for claim, at in pairs if at < 0))
