"""An operator in `kopf`, unchanged: what it is told of, what it writes back, and its finalizers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import ClusterProcess
from tests.support.poll import until

pytest.importorskip("kopf")

OPERATOR = """
import kopf

@kopf.on.create("GROUP", "v1", "boats")
def made(spec, **_):
    return {"size": spec["size"]}

@kopf.on.update("GROUP", "v1", "boats", field="spec.size")
def changed(new, patch, **_):
    patch.status["seen"] = new

@kopf.on.delete("GROUP", "v1", "boats")
def gone(**_):
    print("gone", flush=True)
"""


@pytest.fixture
def operator(cluster: ClusterProcess, namespace: str, group: str, tmp_path: Path) -> Iterator[Path]:
    program, log = tmp_path / "operator.py", tmp_path / "log"
    program.write_text(OPERATOR.replace("GROUP", group))
    line = [sys.executable, "-m", "kopf", "run", str(program), "-n", namespace, "--standalone"]
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    with log.open("w") as output:
        process = subprocess.Popen(line, env=environment, stdout=output, stderr=output)
    yield log
    process.terminate()
    process.wait(30)


def test_an_operator_follows_its_objects(
    cluster: ClusterProcess, namespace: str, group: str, operator: Path
) -> None:
    def status() -> str:
        return cluster.kubectl("-n", namespace, "get", f"boats.{group}", "a", "-o", "jsonpath={.status}")

    boat = f'{{"apiVersion":"{group}/v1","kind":"Boat","metadata":{{"name":"a"}},"spec":{{"size":1}}}}'
    cluster.kubectl("-n", namespace, "create", "-f", "-", stdin=boat)
    until(lambda: '"made":{"size":1}' in status(), operator.read_text())
    held = cluster.get("-n", namespace, f"boats.{group}", "a")["metadata"]["finalizers"]
    assert held == ["kopf.zalando.org/KopfFinalizerMarker"]
    cluster.kubectl(
        "-n", namespace, "patch", f"boats.{group}", "a", "--type=merge", "-p", '{"spec":{"size":2}}'
    )
    until(lambda: '"seen":2' in status(), operator.read_text())
    cluster.kubectl("-n", namespace, "delete", f"boats.{group}", "a", "--timeout=20s")
    assert "gone" in operator.read_text()
