"""Deployments through the public door: kubectl rolls out, waits, looks back and goes back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import ClusterProcess, running
from tests.support.poll import until

READY = {
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
    }
}
MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {sampan.dev/roll-on-change: "true"}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "web:1", envFrom: [{configMapRef: {name: settings}}]}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    with running(tmp_path_factory.mktemp("cluster")) as found:
        found.kubectl("create", "configmap", "settings", "--from-literal=a=1")
        found.kubectl("apply", "-f", "-", stdin=MANIFEST)
        yield found


def run_pods(cluster: ClusterProcess, image: str) -> bool:
    """In a node's place: let pods be ready until there are just two, of that image."""
    pods = cluster.get("pods", "-l", "app=web")["items"]
    for pod in pods:
        if pod["status"]["phase"] == "Pending":
            name = pod["metadata"]["name"]
            patch = json.dumps(READY)
            cluster.kubectl("patch", "pod", name, "--subresource=status", "-p", patch, check=False)
    return [pod["spec"]["containers"][0]["image"] for pod in pods] == [image, image]


def rolled_out(cluster: ClusterProcess, image: str) -> None:
    until(lambda: run_pods(cluster, image), f"two pods of {image}", seconds=60, every=0.2)
    done = cluster.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert "successfully rolled out" in done


def template(cluster: ClusterProcess) -> Any:
    return cluster.get("deployment", "web")["spec"]["template"]


def test_a_deployment_rolls_out_and_back(cluster: ClusterProcess) -> None:
    rolled_out(cluster, "web:1")
    cluster.kubectl("set", "image", "deployment/web", "c=web:2")
    rolled_out(cluster, "web:2")
    history = cluster.kubectl("rollout", "history", "deployment/web").split()
    assert [word for word in history if word.isdigit()] == ["1", "2"]
    cluster.kubectl("rollout", "undo", "deployment/web")
    rolled_out(cluster, "web:1")
    history = cluster.kubectl("rollout", "history", "deployment/web").split()
    assert [word for word in history if word.isdigit()] == ["2", "3"]


def test_pods_roll_when_what_they_read_changes(cluster: ClusterProcess) -> None:
    rolled_out(cluster, template(cluster)["spec"]["containers"][0]["image"])
    assert "annotations" not in template(cluster)["metadata"]
    noted = "{.metadata.annotations.sampan\\.dev/configuration-seen}"
    seen = ("get", "deployment", "web", "-o", f"jsonpath={noted}")
    until(lambda: cluster.kubectl(*seen), "the ConfigMap is noted")
    before = {pod["metadata"]["uid"] for pod in cluster.get("pods", "-l", "app=web")["items"]}
    cluster.kubectl("patch", "configmap", "settings", "-p", '{"data":{"a":"2"}}')
    until(lambda: "annotations" in template(cluster)["metadata"], "the template has the hash")

    def replaced() -> bool:
        run_pods(cluster, "")
        now = {pod["metadata"]["uid"] for pod in cluster.get("pods", "-l", "app=web")["items"]}
        return len(now) == 2 and not now & before

    until(replaced, "other pods are there", seconds=60, every=0.2)
    events = cluster.kubectl("get", "events", "--field-selector", "reason=ConfigurationChanged")
    assert "ConfigMap settings" in events
