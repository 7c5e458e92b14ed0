"""helm 4, unchanged: a chart with kinds of its own, hooks and a lookup."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kube.clients.conftest import definition
from tests.support.cluster import ClusterProcess

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: c, image: x, ports: [{containerPort: 80}]}]}
"""
BOAT = """
apiVersion: GROUP/v1
kind: Boat
metadata: {name: {{ .Release.Name }}}
spec: {size: {{ .Values.replicas }}}
"""
LOOKUP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {found: {{ (lookup "v1" "Namespace" "" "kube-system").metadata.name | default "nothing" }}}
"""
HOOK = """
apiVersion: v1
kind: ConfigMap
metadata: {name: hook, annotations: {helm.sh/hook: "pre-install,pre-upgrade"}}
data: {revision: "{{ .Release.Revision }}"}
"""

Helm = Callable[..., str]


@pytest.fixture
def helm(cluster: ClusterProcess, namespace: str, tmp_path: Path) -> Helm:
    program = os.environ.get("SAMPAN_HELM") or shutil.which("helm")
    if program is None:
        pytest.skip("no helm is installed")
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "HOME": str(tmp_path)}

    def run(*args: str) -> str:
        line = [program, "-n", namespace, *args]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def chart(tmp_path: Path, namespace: str) -> tuple[Path, str]:
    group = f"{namespace}.example.com"
    at = tmp_path / "chart"
    (at / "templates").mkdir(parents=True)
    (at / "crds").mkdir()
    (at / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 0.1.0\n")
    (at / "values.yaml").write_text("replicas: 1\n")
    (at / "crds" / "boats.yaml").write_text(json.dumps(definition(group)))
    templates = {
        "deployment": DEPLOYMENT,
        "boat": BOAT.replace("GROUP", group),
        "lookup": LOOKUP,
        "hook": HOOK,
    }
    for name, text in templates.items():
        (at / "templates" / f"{name}.yaml").write_text(text)
    return at, group


def test_a_release_goes_through_its_life(
    cluster: ClusterProcess, namespace: str, helm: Helm, chart: tuple[Path, str]
) -> None:
    place, group = chart

    def replicas() -> tuple[int, int]:
        deployment = cluster.get("-n", namespace, "deployment", "r")
        boat = cluster.get("-n", namespace, f"boats.{group}", "r")
        return deployment["spec"]["replicas"], boat["spec"]["size"]

    helm("install", "r", str(place))
    assert cluster.get("-n", namespace, "configmap", "r")["data"] == {"found": "kube-system"}
    assert replicas() == (1, 1)
    helm("upgrade", "r", str(place), "--set", "replicas=3")
    assert replicas() == (3, 3)
    assert cluster.get("-n", namespace, "configmap", "hook")["data"] == {"revision": "2"}
    helm("rollback", "r", "1")
    assert replicas() == (1, 1)
    assert [line.split()[0] for line in helm("history", "r").splitlines()[1:]] == ["1", "2", "3"]
    assert "chart-0.1.0" in helm("list")
    assert "found: kube-system" in helm("template", "other", str(place), "--dry-run=server")
    helm("uninstall", "r")
    assert not cluster.kubectl("-n", namespace, "get", "deployments,secrets", "-o", "name")
    cluster.kubectl("delete", "crd", f"boats.{group}", "--wait=false")
