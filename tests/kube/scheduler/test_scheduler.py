"""The whole scheduler through kubectl: an API server, its controllers, and nodes with nothing behind them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import ClusterProcess, running
from tests.support.poll import until

CONFIG = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
- schedulerName: packing
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated}}
  plugins: {score: {disabled: [{name: "*"}], enabled: [{name: NodeResourcesFit}]}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    directory: Path = tmp_path_factory.mktemp("cluster")
    (directory / "scheduler.yaml").write_text(CONFIG)
    with running(
        directory, "--fake-nodes", "3", "--scheduler-config", str(directory / "scheduler.yaml")
    ) as found:
        found.wait_for_account()
        yield found


def pod(name: str, cpu: str = "1", **spec: Any) -> dict[str, Any]:
    """It tolerates that nobody speaks for its node."""
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
    own = {"containers": [container], "terminationGracePeriodSeconds": 0, **spec}
    own["tolerations"] = [{"operator": "Exists"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": own}


def create(cluster: ClusterProcess, *values: dict[str, Any]) -> None:
    several = {"apiVersion": "v1", "kind": "List", "items": values}
    cluster.create(several)


def node_of(cluster: ClusterProcess, name: str) -> str:
    def found() -> str:
        return str(cluster.get("pod", name)["spec"].get("nodeName") or "")

    return until(found, f"a node for {name}")


def told(cluster: ClusterProcess, name: str) -> dict[str, Any]:
    """Its condition once it is refused."""

    def found() -> dict[str, Any]:
        conditions = cluster.get("pod", name)["status"].get("conditions") or []
        refused = [one for one in conditions if one["type"] == "PodScheduled" and one["status"] == "False"]
        return refused[0] if refused else {}

    return until(found, f"a refusal of {name}")


def remove(cluster: ClusterProcess, *names: str) -> None:
    cluster.kubectl("delete", "pod", "--grace-period=0", "--force", *names)


def events(cluster: ClusterProcess, reason: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.get("events.events.k8s.io")["items"]
    return [one for one in found if one["reason"] == reason]


def explained(cluster: ClusterProcess, name: str) -> str:
    line = [sys.executable, "-m", "sampan.kube.explain.main", "--kubeconfig", str(cluster.kubeconfig)]
    done = subprocess.run([*line, "pod", name], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_pod_gets_a_node_and_is_told_of(cluster: ClusterProcess) -> None:
    create(cluster, pod("a"))
    node = node_of(cluster, "a")
    [event] = until(lambda: events(cluster, "Scheduled"), "an event")
    assert event["note"] == f"Successfully assigned default/a to {node}"
    assert (event["type"], event["action"]) == ("Normal", "Binding")
    assert event["reportingController"] == "default-scheduler"
    assert event["reportingInstance"].startswith("default-scheduler-")
    assert event["regarding"]["kind"] == "Pod"
    remove(cluster, "a")


def test_a_pod_that_fits_nowhere_is_told_why_and_waits_for_room(cluster: ClusterProcess) -> None:
    create(cluster, *(pod(f"filler-{number}", "20") for number in range(3)))
    for number in range(3):
        node_of(cluster, f"filler-{number}")
    create(cluster, pod("big", "15"))
    condition = told(cluster, "big")
    assert condition["reason"] == "Unschedulable"
    assert condition["message"] == (
        "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are "
        "available: 3 No preemption victims found for incoming pod."
    )
    assert "NodeResourcesFit: Insufficient cpu (3 nodes: fake-" in explained(cluster, "big")
    where = node_of(cluster, "filler-1")
    remove(cluster, "filler-1")
    assert node_of(cluster, "big") == where
    remove(cluster, "big", "filler-0", "filler-2")


def test_a_gated_pod_is_scheduled_once_its_gates_are_gone(cluster: ClusterProcess) -> None:
    create(cluster, pod("gated", schedulingGates=[{"name": "example.com/g"}]), pod("free"))
    node_of(cluster, "free")
    assert "nodeName" not in cluster.get("pod", "gated")["spec"]
    free = '{"spec": {"schedulingGates": []}}'
    cluster.kubectl("patch", "pod", "gated", "--type=merge", "-p", free)
    node_of(cluster, "gated")
    remove(cluster, "gated", "free")


def test_each_profile_has_its_own_pods_and_scores(cluster: ClusterProcess) -> None:
    create(cluster, pod("seed", schedulerName="packing"), pod("foreign", schedulerName="other"))
    where = node_of(cluster, "seed")
    create(cluster, *(pod(f"packed-{number}", schedulerName="packing") for number in range(4)))
    assert {node_of(cluster, f"packed-{number}") for number in range(4)} == {where}
    foreign = cluster.get("pod", "foreign")
    assert "nodeName" not in foreign["spec"] and "conditions" not in foreign["status"]
    remove(cluster, "seed", "foreign", *(f"packed-{number}" for number in range(4)))


def test_the_important_drive_others_away_but_not_those_that_a_budget_keeps(cluster: ClusterProcess) -> None:
    high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}}
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "db"}}},
    }
    kept = [pod(f"kept-{number}", "20") for number in range(2)]
    for one in kept:
        one["metadata"]["labels"] = {"app": "db"}
    create(cluster, {**high, "value": 1000}, budget, *kept, pod("other", "20"))
    where = {name: node_of(cluster, name) for name in ("kept-0", "kept-1", "other")}
    create(cluster, pod("important", "20", priorityClassName="high"))
    assert node_of(cluster, "important") == where["other"]
    [event] = until(lambda: events(cluster, "Preempted"), "an event")
    important = cluster.get("pod", "important")
    assert event["note"] == f"Preempted by pod {important['metadata']['uid']} on node {where['other']}"
    assert event["related"]["name"] == "important"
    remove(cluster, "important", "kept-0", "kept-1")


def test_nothing_is_lost_when_the_scheduler_is_killed(cluster: ClusterProcess) -> None:
    """And no node gets more than it has."""
    count = 90
    create(cluster, *(pod(f"many-{number}") for number in range(count)), pod("too-many", "10"))
    api = int((cluster.directory / "exec" / "api.pid").read_text())
    children = Path(f"/proc/{api}/task/{api}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)

    def all_placed() -> list[str]:
        pods = cluster.get("pods")["items"]
        nodes = [one["spec"].get("nodeName", "") for one in pods if one["metadata"]["name"] != "too-many"]
        return nodes if len(nodes) == count and all(nodes) else []

    nodes = until(all_placed, "nodes for all", seconds=60)
    assert max(nodes.count(node) for node in set(nodes)) <= 32
    create(cluster, pod("later"))
    node_of(cluster, "later")
    cluster.kubectl("delete", "pods", "--all", "--grace-period=0", "--force")


def volume(name: str, node: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "local",
            "local": {"path": "/x"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        },
    }


def test_a_volume_is_chosen_with_the_node_and_bound_before_the_pod(cluster: ClusterProcess) -> None:
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local"}}
    how = {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "c"},
        "spec": {
            "storageClassName": "local",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    mount = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    create(cluster, pod("storing", volumes=mount))
    assert told(cluster, "storing")["message"] == (
        '0/3 nodes are available: persistentvolumeclaim "c" not found. not found'
    )
    create(cluster, {**kind, **how}, claim)
    until(
        lambda: "find available persistent volumes" in told(cluster, "storing")["message"], "another reason"
    )
    create(cluster, volume("v", "fake-1"))
    assert node_of(cluster, "storing") == "fake-1"
    bound = cluster.get("pvc", "c")
    assert (bound["spec"]["volumeName"], bound["status"]["phase"]) == ("v", "Bound")
    remove(cluster, "storing")


def test_a_wrong_configuration_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.yaml"
    path.write_text(CONFIG.replace("profiles:", "profile:"))
    found = ClusterProcess(tmp_path / "cluster")
    done = found.command("up", "--secure-port", str(found.port), "--scheduler-config", str(path))
    assert done.returncode == 1
    assert 'strict decoding error: unknown field "profile"' in done.stderr
