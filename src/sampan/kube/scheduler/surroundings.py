"""What else there is in the cluster that the choice of a node depends on, looked up when it is asked for."""

from collections.abc import Hashable, Iterable
from typing import Protocol

from sampan.kube.client.requests import Object

CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"
CLASSES, CSI_NODES, CSI_DRIVERS = "storageclasses", "csinodes", "csidrivers"
CAPACITIES, ATTACHMENTS = "csistoragecapacities", "volumeattachments"
NAMESPACES, SERVICES = "namespaces", "services"
REPLICATION_CONTROLLERS, REPLICA_SETS, STATEFUL_SETS = "replicationcontrollers", "replicasets", "statefulsets"
RESOURCE_CLAIMS, DEVICE_CLASSES, SLICES = "resourceclaims", "deviceclasses", "resourceslices"


class Surroundings(Protocol):
    """The objects of these resources, by plural, as caches have them, with what was assumed."""

    def get(self, resource: str, key: str) -> Object | None:
        """`key`: "namespace/name", or the name alone."""
        ...

    def all(self, resource: str, namespace: str = "") -> Iterable[Object]: ...

    def is_assumed(self, resource: str, key: str) -> bool:
        """Is it different from what the cluster has told so far?"""
        ...

    def version(self, resource: str) -> Hashable:
        """Another one whenever any of these objects may have changed."""
        ...


class Nowhere:
    """There is nothing else."""

    def get(self, resource: str, key: str) -> Object | None:
        return None

    def all(self, resource: str, namespace: str = "") -> Iterable[Object]:
        return ()

    def is_assumed(self, resource: str, key: str) -> bool:
        return False

    def version(self, resource: str) -> Hashable:
        return None
