"""`sampan explain` and `sampan kube simulate` on a cluster with fake nodes: said before, and true afterwards."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.cluster import ROOT, ClusterProcess, running
from tests.support.poll import until

IDLE = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    with running(tmp_path_factory.mktemp("foresight"), "--fake-nodes", "3") as found:
        found.wait_for_account()
        yield found


def sampan(
    cluster: ClusterProcess, module: str, *args: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "KUBECONFIG": str(cluster.kubeconfig)}
    line = [sys.executable, "-m", f"sampan.kube.{module}.main", *args]
    return subprocess.run(line, env=environment, input=stdin, capture_output=True, text=True, timeout=120)


def explain(cluster: ClusterProcess, *args: str) -> dict[str, object]:
    done = sampan(cluster, "explain", *args, "-o", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def simulate(cluster: ClusterProcess, *values: object, drain: str = "") -> list[dict[str, object]]:
    more = ["--drain", drain] if drain else ["-f", "-"]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(values)})
    done = sampan(cluster, "simulation", *more, "-o", "json", stdin=text)
    assert done.stdout, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def deployment(name: str, replicas: int, cpu: str) -> dict[str, object]:
    labels = {"app": name}
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
    template = {"metadata": {"labels": labels}, "spec": {**IDLE, "containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def nodes_of(cluster: ClusterProcess, app: str, count: int) -> list[str]:
    def bound() -> list[str]:
        items = json.loads(cluster.kubectl("get", "pods", "-l", f"app={app}", "-o", "json"))["items"]
        return [one["spec"]["nodeName"] for one in items if one["spec"].get("nodeName")]

    return until(
        lambda: (found := bound()) and len(found) == count and found, f"{count} pods of {app}", seconds=60
    )


def test_what_is_simulated_happens(cluster: ClusterProcess) -> None:
    before = cluster.kubectl("get", "all", "-A", "-o", "name")
    (told,) = simulate(cluster, deployment("web", 3, "100m"))
    assert (told["change"], len(told["nodes"]), told["unplaced"]) == ("created", 3, [])  # type: ignore[arg-type]
    assert cluster.kubectl("get", "all", "-A", "-o", "name") == before
    cluster.create(deployment("web", 3, "100m"))
    assert len(set(nodes_of(cluster, "web", 3))) == len(set(told["nodes"]))  # type: ignore[call-overload]
    (again,) = simulate(cluster, deployment("web", 5, "100m"))
    assert (again["change"], again["lines"], len(again["nodes"])) == ("configured", ["+2 pods"], 2)  # type: ignore[arg-type]
    (rolled,) = simulate(cluster, deployment("web", 3, "200m"))
    assert rolled["lines"] == ["3 pods are replaced, up to 1 beside and 0 missing at a time"]


def test_what_does_not_fit_is_told_before_and_after(cluster: ClusterProcess) -> None:
    (told,) = simulate(cluster, deployment("huge", 1, "4000"))
    (why,) = told["unplaced"]  # type: ignore[misc]
    assert "3 Insufficient cpu" in why
    cluster.create(deployment("huge", 1, "4000"))
    until(
        lambda: "Insufficient cpu" in str(explain(cluster, "deployment", "huge")["because"]),
        "the reason",
        seconds=60,
    )
    (name,) = cluster.kubectl("get", "pods", "-l", "app=huge", "-o", "name").split()
    found = explain(cluster, "pod", name.removeprefix("pod/"))
    (decision,) = found["decisions"]  # type: ignore[misc]
    assert decision["facts"]["filters"][0]["count"] == 3
    assert "ask for less" in str(found["unblock"])


def test_quotas_and_wrong_objects_are_told(cluster: ClusterProcess) -> None:
    cluster.kubectl("create", "namespace", "tight")
    cluster.kubectl("-n", "tight", "create", "quota", "q", "--hard=pods=1")
    until(
        lambda: "used" in cluster.kubectl("-n", "tight", "get", "quota", "q", "-o", "json"),
        "the quota is counted",
    )
    wanted = deployment("web", 3, "100m")
    wanted["metadata"] = {"name": "web", "namespace": "tight"}
    told, wrong, unknown = simulate(
        cluster,
        wanted,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Bad"}},
        {"apiVersion": "x.io/v1", "kind": "Boat", "metadata": {"name": "b"}},
    )
    assert told["lines"] == ["2 of 3 pods would be refused: quota q allows pods=1, used: 0"]
    assert (wrong["change"], "a lowercase RFC 1123 subdomain" in str(wrong["lines"])) == ("refused", True)
    assert unknown["lines"] == ["there is no kind Boat in x.io/v1"]


def test_a_drain_is_tried_first(cluster: ClusterProcess) -> None:
    cluster.create(deployment("drained", 1, "100m"))
    (node,) = nodes_of(cluster, "drained", 1)
    told = [one for one in simulate(cluster, drain=node) if str(one["name"]).startswith("drained-")]
    assert [(one["change"], node in one["nodes"], len(one["nodes"])) for one in told] == [
        ("evicted", False, 1)
    ]  # type: ignore[operator,arg-type]
    cluster.kubectl("create", "pdb", "held", "--selector=app=drained", "--min-available=1")
    until(
        lambda: "blocked" in [one["change"] for one in simulate(cluster, drain=node)],
        "a budget forbids it",
        seconds=60,
    )


def test_a_namespace_that_does_not_go_is_explained(cluster: ClusterProcess) -> None:
    cluster.kubectl("create", "namespace", "old")
    held = {"name": "held", "namespace": "old", "finalizers": ["example.com/hold"]}
    value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": held, "data": {"a": "b"}}
    cluster.kubectl("create", "--field-manager=holder", "-f", "-", stdin=json.dumps(value))
    cluster.kubectl("delete", "namespace", "old", "--wait=false")
    found = explain(cluster, "namespace", "old")
    assert found["because"] == (
        "configmap held still has the finalizer example.com/hold, to be removed by whoever has set it, "
        "which was 'holder'"
    )
    cluster.kubectl(
        "-n", "old", "patch", "cm", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )


@pytest.mark.parametrize(
    ("module", "args", "message"),
    [
        ("explain", ["pod", "nosuch"], 'pods "nosuch" not found'),
        ("explain", ["secret", "x"], "cannot be explained"),
        ("simulation", ["-f", "/nosuch"], "cannot read /nosuch"),
        ("simulation", ["--drain", "nosuch"], "there is no node nosuch"),
    ],
)
def test_wrong_questions_are_answered_so(
    cluster: ClusterProcess, module: str, args: list[str], message: str
) -> None:
    done = sampan(cluster, module, *args)
    assert done.returncode in (1, 2) and message in done.stderr


def test_only_who_may_reads_decisions(cluster: ClusterProcess) -> None:
    assert "Forbidden" in cluster.kubectl("get", "--raw", "/decisions?uid=x", "--as", "somebody", check=False)
    assert cluster.kubectl("get", "--raw", "/decisions?uid=x") == "[]"
