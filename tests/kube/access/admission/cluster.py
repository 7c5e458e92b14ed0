"""A cluster for admission's tests: objects, kinds and users without a server."""

from collections.abc import Sequence
from typing import Any

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.access.user import Attributes, User
from sampan.kube.kinds.resource import Object, Resource, Subresource

CONFIG_MAPS = Resource("ConfigMap", "configmaps")
NODES = Resource("Node", "nodes", namespaced=False)
OLD = Resource("Thing", "things", group="old.example.com", version="v1beta1")
NEW = Resource("Thing", "things", group="example.com", subresources=(Subresource("status"),))
PARAMS = Resource("Param", "params", group="example.com")


class Cluster:
    """A Reader, and what is served."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.put("namespaces", {"metadata": {"name": "ns", "labels": {"env": "test"}}})

    def put(self, resource: str, value: Object) -> None:
        metadata = value["metadata"]
        metadata.setdefault("uid", metadata["name"])
        self.objects[resource, metadata.get("namespace", ""), metadata["name"]] = value

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((resource, namespace, name))

    def list(self, resource: str, namespace: str = "") -> Sequence[Object]:
        return [
            one
            for (kind, where, _), one in self.objects.items()
            if kind == resource and namespace in ("", where)
        ]

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        return PARAMS if (api_version, kind) == ("example.com/v1", "Param") else None

    def equivalents(self, resource: Resource) -> Sequence[Resource]:
        return [NEW] if resource is OLD else [OLD] if resource is NEW else []

    def request(self, resource: Resource = CONFIG_MAPS, **more: Any) -> AdmissionRequest:
        value = {"metadata": {"name": "x", "namespace": "ns"}, "data": {"a": "1"}}
        given: dict[str, Any] = {
            "operation": "CREATE",
            "namespace": "ns",
            "name": "x",
            "object": value,
            **more,
        }
        if not resource.namespaced:
            given["namespace"] = ""
        return AdmissionRequest(resource=resource, user=User("jane", groups=("devs",)), reader=self, **given)


def allow_get(asked: Attributes) -> tuple[bool, str]:
    return asked.verb == "get", "because"


def rules(**more: Any) -> list[Object]:
    return [
        {
            "operations": ["*"],
            "apiGroups": ["*"],
            "apiVersions": ["*"],
            "resources": ["*"],
            "scope": "*",
            **more,
        }
    ]
