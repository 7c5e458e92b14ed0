"""Volumes of CSI drivers, of which only so many can be attached to a node."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.surroundings import ATTACHMENTS, CLAIMS, CLASSES, CSI_NODES, VOLUMES
from sampan.specs.kubernetes.volumes import class_of


class Attachment(NamedTuple):
    """One volume, however many pods use it."""

    driver: str
    volume: str


def attachment(cluster: Cluster, key: str) -> Attachment | None:
    """What there is to attach for a claim; None of one that is unknown, or is no matter of CSI.

    A claim without a volume will have one, of its class' provisioner.
    """
    claim = cluster.surroundings.get(CLAIMS, key)
    if claim is None:
        return None
    volume = cluster.surroundings.get(VOLUMES, (claim.get("spec") or {}).get("volumeName") or "")
    if volume is not None:
        return of_volume(volume)
    found = cluster.surroundings.get(CLASSES, class_of(claim))
    return Attachment(found["provisioner"], f"claim {key}") if found and found.get("provisioner") else None


def of_volume(volume: Object) -> Attachment | None:
    csi = (volume.get("spec") or {}).get("csi")
    return Attachment(csi.get("driver") or "", csi.get("volumeHandle") or "") if csi else None


def limits(cluster: Cluster) -> dict[str, NDArray[np.int64]]:
    """By driver and row, how many volumes can be attached; -1: as many as one likes."""
    stamp = (cluster.arrivals, cluster.nodes, cluster.size, cluster.surroundings.version(CSI_NODES))
    return cluster.attachments.get(CSI_NODES, stamp, lambda: _limits(cluster))


def _limits(cluster: Cluster) -> dict[str, NDArray[np.int64]]:
    found: dict[str, NDArray[np.int64]] = {}
    for node in cluster.surroundings.all(CSI_NODES):
        row = cluster.row_of(node["metadata"]["name"])
        for driver in (node.get("spec") or {}).get("drivers") or ():
            count = (driver.get("allocatable") or {}).get("count")
            if row is not None and count is not None:
                found.setdefault(driver["name"], np.full(cluster.size, -1, np.int64))[row] = count
    return found


def attached(cluster: Cluster) -> dict[int, set[Attachment]]:
    """By row, what VolumeAttachments say."""
    versions = tuple(cluster.surroundings.version(one) for one in (ATTACHMENTS, VOLUMES))
    stamp = (cluster.arrivals, cluster.nodes, versions)
    return cluster.attachments.get(ATTACHMENTS, stamp, lambda: _attached(cluster))


def _attached(cluster: Cluster) -> dict[int, set[Attachment]]:
    found: dict[int, set[Attachment]] = {}
    for one in cluster.surroundings.all(ATTACHMENTS):
        spec = one.get("spec") or {}
        row = cluster.row_of(spec.get("nodeName") or "")
        volume = cluster.surroundings.get(
            VOLUMES, (spec.get("source") or {}).get("persistentVolumeName") or ""
        )
        this = of_volume(volume) if volume else None
        if row is not None and this is not None:
            found.setdefault(row, set()).add(this)
    return found


def on_row(cluster: Cluster, row: int, more: Iterable[Attachment]) -> set[Attachment]:
    used = (attachment(cluster, key) for key in cluster.claims.on(row))
    return {one for one in used if one is not None} | set(more)
