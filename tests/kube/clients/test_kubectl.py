"""kubectl, unchanged: what people type."""

import base64
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import ClusterProcess, kubectl_program
from tests.support.poll import until

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: x, ports: [{containerPort: 80}, {containerPort: 81}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


def as_wanted(value: dict[str, Any]) -> tuple[Any, ...]:
    """All that clients have a say in: a controller may write its status meanwhile."""
    metadata = value["metadata"]
    return metadata["name"], metadata["uid"], metadata.get("generation"), value["spec"]


@pytest.mark.parametrize("how", [[], ["--server-side"]], ids=["client", "server"])
def test_apply_diff_and_apply_again(cluster: ClusterProcess, namespace: str, how: list[str]) -> None:
    def run(verb: str, text: str, check: bool = True) -> str:
        return cluster.kubectl("-n", namespace, verb, *how, "-f", "-", stdin=text, check=check)

    run("apply", WEB)
    before = cluster.get("-n", namespace, "deployment,service")["items"]
    run("apply", WEB)
    assert not run("diff", WEB), "nothing is different"
    after = cluster.get("-n", namespace, "deployment,service")["items"]
    assert [as_wanted(one) for one in before] == [as_wanted(one) for one in after]
    run("apply", WEB.replace(", {containerPort: 81}", "").replace("replicas: 2", "replicas: 3"))
    spec = cluster.get("-n", namespace, "deployment", "web")["spec"]
    assert spec["replicas"] == 3
    assert spec["template"]["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


def test_edit_replaces_what_was_edited(cluster: ClusterProcess, namespace: str, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/a: one/a: two/' \"$1\"\n")
    editor.chmod(0o755)
    cluster.kubectl("-n", namespace, "create", "configmap", "c", "--from-literal=a=one")
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "EDITOR": str(editor)}
    line = [kubectl_program(), "-n", namespace, "edit", "configmap", "c"]
    subprocess.run(line, env={**environment, "HOME": str(tmp_path)}, check=True, timeout=30)
    assert cluster.get("-n", namespace, "configmap", "c")["data"] == {"a": "two"}
    cluster.kubectl("-n", namespace, "wait", "--for=jsonpath={.data.a}=two", "configmap/c", "--timeout=5s")


@pytest.mark.parametrize(
    "kind, patch",
    [
        ("strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"y"}]}}}}'),
        ("merge", '{"spec":{"paused":true}}'),
        ("json", '[{"op":"replace","path":"/spec/replicas","value":5}]'),
    ],
)
def test_patches(cluster: ClusterProcess, namespace: str, kind: str, patch: str) -> None:
    cluster.kubectl("-n", namespace, "apply", "-f", "-", stdin=WEB)
    cluster.kubectl("-n", namespace, "patch", "deployment", "web", f"--type={kind}", "-p", patch)
    spec = cluster.get("-n", namespace, "deployment", "web")["spec"]
    found = {
        "strategic": spec["template"]["spec"]["containers"][0]["image"],
        "merge": spec.get("paused"),
        "json": spec["replicas"],
    }
    assert found[kind] == {"strategic": "y", "merge": True, "json": 5}[kind]
    assert len(spec["template"]["spec"]["containers"][0]["ports"]) == 2


def test_deployments_are_scaled_and_set(cluster: ClusterProcess, namespace: str) -> None:
    here = ("-n", namespace)
    cluster.kubectl(*here, "create", "deployment", "d", "--image=nginx:1")
    cluster.kubectl(*here, "scale", "deployment", "d", "--replicas=4")
    cluster.kubectl(*here, "set", "image", "deployment/d", "nginx=nginx:2")
    cluster.kubectl(*here, "rollout", "restart", "deployment", "d")
    cluster.kubectl(*here, "expose", "deployment", "d", "--port=80")
    columns = "-o=custom-columns=A:.spec.replicas,B:.spec.template.spec.containers[0].image"
    assert cluster.kubectl(*here, "get", "deployment", "d", columns).split() == ["A", "B", "4", "nginx:2"]
    assert "nginx:2" in cluster.kubectl(*here, "describe", "deployment", "d")
    assert "0/4" in cluster.kubectl(*here, "get", "deployments", "--chunk-size=1")


def test_custom_resources_are_explained_and_shown(
    cluster: ClusterProcess, namespace: str, group: str
) -> None:
    explain = ("explain", "boats.spec.size", f"--api-version={group}/v1")
    until(lambda: "In metres." in cluster.kubectl(*explain, check=False), "explained")
    assert "bo " in cluster.kubectl("api-resources", f"--api-group={group}")
    text = f'{{"apiVersion":"{group}/v1","kind":"Boat","metadata":{{"name":"a"}},"spec":{{"sise":1}}}}'
    said = cluster.kubectl("-n", namespace, "create", "-f", "-", stdin=text, check=False)
    assert 'strict decoding error: unknown field "spec.sise"' in said


def test_who_am_i_and_what_may_i(cluster: ClusterProcess, namespace: str) -> None:
    assert "kubernetes-admin" in cluster.kubectl("auth", "whoami")
    assert "selfsubjectreviews" in cluster.kubectl("auth", "can-i", "--list", "--as=jane")
    cluster.kubectl("-n", namespace, "create", "serviceaccount", "robot")
    token = cluster.kubectl("-n", namespace, "create", "token", "robot").strip()
    body = base64.urlsafe_b64decode(token.split(".")[1] + "==")
    assert f"system:serviceaccount:{namespace}:robot".encode() in body


def test_nodes_are_tainted_and_cordoned(cluster: ClusterProcess) -> None:
    cluster.kubectl("taint", "node", "fake-0", "a=b:NoSchedule")
    cluster.kubectl("cordon", "fake-0")
    assert "SchedulingDisabled" in cluster.kubectl("get", "node", "fake-0")
    cluster.kubectl("uncordon", "fake-0")
    cluster.kubectl("taint", "node", "fake-0", "a-")
    assert cluster.get("node", "fake-0")["spec"] == {}
