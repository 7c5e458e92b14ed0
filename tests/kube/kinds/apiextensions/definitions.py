"""Definitions for tests."""

from typing import Any

from sampan.kube.kinds.apiextensions import naming
from sampan.kube.kinds.apiextensions.customresourcedefinition import RESOURCE
from sampan.kube.kinds.resource import Context

NOW = "2026-01-02T03:04:05Z"
CONTEXT = Context(NOW)
SCHEMA = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}}}},
}


def version(name: str = "v1", *, storage: bool = True, schema: Any = SCHEMA, **more: Any) -> dict[str, Any]:
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}, **more}


def definition(*versions: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Valid, with its defaults, as the server gets it."""
    crd: dict[str, Any] = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo", "shortNames": ["fo"]},
            "versions": list(versions) or [version()],
            **spec,
        },
    }
    RESOURCE.default(crd)
    RESOURCE.prepare_create(crd, CONTEXT)
    crd["metadata"]["generation"] = 1
    return crd


def established(crd: dict[str, Any]) -> dict[str, Any]:
    status = naming.settled_status(crd, [], NOW)
    assert status is not None
    return {**crd, "status": status}
