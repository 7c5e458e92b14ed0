"""One cluster for all clients, a namespace for each test, and a kind of its own."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import ClusterProcess, namespace_of, running


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    with running(tmp_path_factory.mktemp("cluster"), "--fake-nodes", "1") as found:
        yield found


@pytest.fixture
def namespace(cluster: ClusterProcess) -> Iterator[str]:
    with namespace_of(cluster) as name:
        yield name


@pytest.fixture
def group(cluster: ClusterProcess) -> Iterator[str]:
    """A group with the kind Boat, which has a status and a list with keys."""
    name = f"{secrets.token_hex(4)}.example.com"
    cluster.create(definition(name))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/boats.{name}")
    yield name
    cluster.kubectl("delete", "crd", f"boats.{name}", "--wait=false")


def definition(group: str) -> dict[str, Any]:
    crew = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "rank": {"type": "string"}},
        },
    }
    spec = {
        "type": "object",
        "properties": {"size": {"type": "integer", "description": "In metres."}, "crew": crew},
    }
    kept = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": spec, "status": kept}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"boats.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "boats", "kind": "Boat", "singular": "boat", "shortNames": ["bo"]},
            "versions": [version],
        },
    }
