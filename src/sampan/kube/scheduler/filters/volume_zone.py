"""VolumeZone: is the node in the zone and region that the labels of the pod's volumes tell?"""

from collections.abc import Iterator

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.nodematching import nowhere
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import CLAIMS, CLASSES, VOLUMES
from sampan.kube.scheduler.verdict import Reason, Rows
from sampan.kube.scheduler.volumes import waits
from sampan.specs.kubernetes.volumes import ZONES, class_of

NAME = "VolumeZone"
TEXT = "node(s) had no available volume zone"
# Each with the label that it is called today.
KEYS = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}


def applies(query: Query) -> bool:
    return any(not use.ephemeral for use in query.shape.claims)


def refuses(query: Query) -> str | None:
    for claim in _claims(query):
        name = (claim.get("spec") or {}).get("volumeName")
        if name and query.cluster.surroundings.get(VOLUMES, name) is None:
            return f'persistentvolume "{name}" not found'
        if not name and not waits(query, claim):
            return _unbound(query, claim)
    return None


def _unbound(query: Query, claim: Object) -> str:
    name = class_of(claim)
    if not name:
        return "PersistentVolumeClaim had no pv name and storageClass name"
    found = query.cluster.surroundings.get(CLASSES, name)
    if found is None:
        return f'storageclass.storage.k8s.io "{name}" not found'
    return "PersistentVolume had no name"


def _claims(query: Query) -> Iterator[Object]:
    for use in query.shape.claims:
        claim = query.cluster.surroundings.get(CLAIMS, f"{query.shape.namespace}/{use.name}")
        if claim is not None and not use.ephemeral:
            yield claim


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    """A node without any of these labels is in no zone, and that is good enough."""
    wrong = nowhere(query.cluster, rows)
    for key, zones in _topologies(query):
        column = query.cluster.label(key)
        right = column.among(zones, rows)
        if KEYS[key] != key:
            right |= ~column.has(rows) & query.cluster.label(KEYS[key]).among(zones, rows)
        wrong |= ~right
    placed = nowhere(query.cluster, rows)
    for key in KEYS:
        placed |= query.cluster.label(key).has(rows)
    yield Reason(TEXT, wrong & placed, True)


def _topologies(query: Query) -> Iterator[tuple[str, set[str]]]:
    for claim in _claims(query):
        volume = query.cluster.surroundings.get(VOLUMES, (claim.get("spec") or {}).get("volumeName") or "")
        labels = ((volume or {}).get("metadata") or {}).get("labels") or {}
        for key in KEYS:
            zones = {zone.strip() for zone in labels.get(key, "").split(ZONES)}
            if key in labels and "" not in zones:
                yield key, zones


FILTER = Filter(NAME, reasons, applies, local=False, refuses=refuses)
