"""VolumeRestrictions: are the pod's disks free, and nobody else at a claim that is for one pod only?"""

from collections.abc import Iterator

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.nodematching import everywhere, nowhere
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import CLAIMS
from sampan.kube.scheduler.verdict import Reason, Rows
from sampan.specs.kubernetes.volumes import ONE_POD

NAME = "VolumeRestrictions"
NO_DISK = "node(s) had no available disk"
ONE_POD_ONLY = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"


def applies(query: Query) -> bool:
    return bool(query.shape.disks or query.shape.claims)


def refuses(query: Query) -> str | None:
    for use in query.shape.claims:
        if not use.ephemeral and _claim(query, use.name) is None:
            return f'persistentvolumeclaim "{use.name}" not found'
    return None


def reasons(query: Query, rows: Rows) -> Iterator[Reason]:
    cluster, namespace = query.cluster, query.shape.namespace
    against = nowhere(cluster, slice(None))
    against[cluster.disks.rows_against(query.shape.disks)] = True
    conflict = against[rows]
    yield Reason(NO_DISK, conflict)
    alone = [
        use.name for use in query.shape.claims if not use.ephemeral and _for_one(_claim(query, use.name))
    ]
    if any(cluster.claims.used(f"{namespace}/{name}") for name in alone):
        yield Reason(ONE_POD_ONLY, everywhere(cluster, rows) & ~conflict)


def _claim(query: Query, name: str) -> Object | None:
    return query.cluster.surroundings.get(CLAIMS, f"{query.shape.namespace}/{name}")


def _for_one(claim: Object | None) -> bool:
    return ONE_POD in (((claim or {}).get("spec") or {}).get("accessModes") or ())


FILTER = Filter(NAME, reasons, applies, local=False, refuses=refuses)
