"""`sampan kube up --manifests`: objects that a cluster has from its start."""

from pathlib import Path

import pytest

from sampan.errors import Failed
from sampan.kube.api import manifests
from tests.support.cluster import ClusterProcess
from tests.support.poll import until

CUSTOM = """
apiVersion: example.com/v1
kind: Foo
metadata: {name: a, namespace: team}
spec: {x: 1}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: team}
data: {day: "2026-01-01"}
"""
DEFINITION = """
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Namespace
  metadata: {name: team}
- apiVersion: apiextensions.k8s.io/v1
  kind: CustomResourceDefinition
  metadata: {name: foos.example.com}
  spec:
    group: example.com
    scope: Namespaced
    names: {plural: foos, kind: Foo}
    versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


def test_they_are_applied_whatever_their_order(tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "1.yaml").write_text(CUSTOM)
    (folder / "2.yml").write_text(DEFINITION)
    (folder / "bad.json").write_text('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Bad"}}')
    cluster = ClusterProcess(tmp_path)
    cluster.up("--manifests", str(folder))
    try:
        until(
            lambda: "settings" in cluster.kubectl("-n", "team", "get", "cm", "-o", "name", check=False),
            "it is there",
        )
        until(
            lambda: (
                cluster.kubectl("-n", "team", "get", "foos", "-o", "name", check=False)
                == "foo.example.com/a\n"
            ),
            "it waited for its definition",
        )
        found = cluster.get("-n", "team", "configmap", "settings", "--show-managed-fields")
        assert found["data"] == {"day": "2026-01-01"}
        assert found["metadata"]["managedFields"][0]["manager"] == manifests.MANAGER
        until(
            lambda: 'bad.json: ConfigMap Bad is not applied: ConfigMap "Bad" is invalid' in cluster.log(),
            "it is told of",
        )
    finally:
        cluster.down()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [", "cannot read the manifest"),
        ("a: b", "something without apiVersion and kind"),
        ("- 1", "something without apiVersion and kind"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {generateName: a}", "a Pod without a name"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(Failed, match=error):
        manifests.read(tmp_path)


def test_a_cluster_with_bad_manifests_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [")
    done = ClusterProcess(tmp_path).command("up", "--manifests", str(tmp_path))
    assert done.returncode == 1
    assert "cannot read the manifest" in done.stderr
