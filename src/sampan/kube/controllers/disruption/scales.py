"""How many pods the controllers of a budget's pods want: by their spec, or by the scale of any other kind."""

from collections.abc import Iterable

from sampan.errors import NotFound
from sampan.kube.client.informers import Informers
from sampan.kube.client.requests import Client, Object
from sampan.kube.client.resources import (
    DEPLOYMENTS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)
from sampan.kube.client.scales import Kinds, read_scale
from sampan.specs.kubernetes.objects import owner as owner_of

_APPS = ("apps", "extensions")


class Scales:
    def __init__(self, client: Client, informers: Informers, kinds: Kinds) -> None:
        self._client = client
        self._kinds = kinds
        self._known = {
            ("ReplicationController", ""): informers.of(REPLICATION_CONTROLLERS),
            **{("ReplicaSet", group): informers.of(REPLICA_SETS) for group in _APPS},
            **{("Deployment", group): informers.of(DEPLOYMENTS) for group in _APPS},
            ("StatefulSet", "apps"): informers.of(STATEFUL_SETS),
        }

    async def total(self, pods: Iterable[Object]) -> tuple[int, list[str]]:
        """What all controllers of these pods want, and the names of pods that have none.

        Raises NotFound and StatusError for a controller whose scale cannot be found out.
        """
        by_uid: dict[str, int] = {}
        unmanaged = []
        for pod in pods:
            reference = owner_of(pod)
            if reference is None:
                unmanaged.append(pod["metadata"]["name"])
            elif reference.get("uid", "") not in by_uid:
                found = await self._scale(reference, pod["metadata"]["namespace"])
                if found is None:
                    raise NotFound(f'found no controllers for pod "{pod["metadata"]["name"]}"')
                by_uid[found[0]] = found[1]
        return sum(by_uid.values()), unmanaged

    async def _scale(self, reference: Object, namespace: str) -> tuple[str, int] | None:
        """Of a controller, or of the Deployment that controls that in turn: its uid and what it wants."""
        known = self._find(reference, namespace)
        if known is not None:
            above = owner_of(known) if reference.get("kind") == "ReplicaSet" else None
            if above is None or above.get("kind") != "Deployment":
                return _wanted(known)
            deployment = self._find(above, namespace)
            if deployment is not None:
                return _wanted(deployment)
        scale = await read_scale(self._client, self._kinds, reference, namespace)
        if scale is None or scale["metadata"].get("uid") != reference.get("uid"):
            return None
        return _wanted(scale)

    def _find(self, reference: Object, namespace: str) -> Object | None:
        group = str(reference.get("apiVersion", "")).rpartition("/")[0]
        informer = self._known.get((reference.get("kind", ""), group))
        found = informer.get(f"{namespace}/{reference.get('name')}") if informer is not None else None
        return found if found is not None and found["metadata"]["uid"] == reference.get("uid") else None


def _wanted(value: Object) -> tuple[str, int]:
    return value["metadata"]["uid"], (value.get("spec") or {}).get("replicas", 0) or 0
