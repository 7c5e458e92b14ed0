"""Claims, volumes and classes, and where a scheduler looks them up."""

from collections.abc import Hashable, Iterable
from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.surroundings import CLAIMS, CLASSES, VOLUMES
from sampan.specs.kubernetes.volumes import BIND_COMPLETED

WAITING = "WaitForFirstConsumer"


class Shelf:
    """Objects by resource and key."""

    def __init__(self, **objects: Iterable[Object]) -> None:
        self._objects: dict[str, dict[str, Object]] = {}
        self._version = 0
        for resource, values in objects.items():
            for value in values:
                self.put(resource, value)

    def put(self, resource: str, value: Object) -> None:
        metadata = value["metadata"]
        namespace = metadata.get("namespace")
        key = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
        self._objects.setdefault(resource, {})[key] = value
        self._version += 1

    def get(self, resource: str, key: str) -> Object | None:
        return self._objects.get(resource, {}).get(key)

    def all(self, resource: str, namespace: str = "") -> Iterable[Object]:
        found = self._objects.get(resource, {}).values()
        return [one for one in found if not namespace or one["metadata"].get("namespace") == namespace]

    def is_assumed(self, resource: str, key: str) -> bool:
        return False

    def version(self, resource: str) -> Hashable:
        return self._version


def shelf(
    *,
    claims: Iterable[Object] = (),
    volumes: Iterable[Object] = (),
    classes: Iterable[Object] = (),
    **more: Any,
) -> Shelf:
    return Shelf(**{CLAIMS: claims, VOLUMES: volumes, CLASSES: classes, **more})


def claim(name: str, *, volume: str = "", of: str = "", size: str = "1Gi", **more: Any) -> Object:
    """Bound if it has a volume; `of` a class."""
    modes = more.get("modes", ["ReadWriteOnce"])
    annotations = {**({BIND_COMPLETED: "yes"} if volume else {}), **more.get("annotations", {})}
    spec = {"accessModes": modes, "resources": {"requests": {"storage": size}}, "storageClassName": of}
    if volume:
        spec["volumeName"] = volume
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "annotations": annotations}
    return {"metadata": metadata | more.get("metadata", {}), "spec": spec, "status": more.get("status", {})}


def volume(
    name: str, *, of: str = "", size: str = "1Gi", at: dict[str, str] | None = None, **spec: Any
) -> Object:
    """`at`: the labels of the nodes from which it can be used; `labels` of its own."""
    labels = spec.pop("labels", {})
    found: Object = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": size},
        "storageClassName": of,
        **spec,
    }
    if at:
        expressions = [{"key": key, "operator": "In", "values": [value]} for key, value in at.items()]
        found["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": expressions}]}}
    phase = "Bound" if "claimRef" in found else "Available"
    return {"metadata": {"name": name, "labels": labels}, "spec": found, "status": {"phase": phase}}


def storage_class(name: str, provisioner: str = "kubernetes.io/no-provisioner", **more: Any) -> Object:
    """One whose claims wait for their first pod."""
    return {
        "metadata": {"name": name},
        "provisioner": provisioner,
        "volumeBindingMode": WAITING,
        **more,
    }
