"""The controllers' process among odd objects and forged owners, and killed at any moment."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.kube.attacks.client import Hostile
from tests.kube.attacks.peculiar import ODDITIES, Object, made, template
from tests.support.cluster import ClusterProcess
from tests.support.poll import until

MERGE = "application/merge-patch+json"
MEMORY = 400  # MiB
QUIET = 5.0  # seconds for which nobody writes more than leases


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """A cluster of its own: the number of writes is looked at."""
    found = ClusterProcess(tmp_path_factory.mktemp("control"))
    found.up()
    yield found
    found.down()


@pytest.fixture
def client(control: ClusterProcess) -> Hostile:
    return Hostile(control)


def ok(client: Hostile, method: str, path: str, value: Any, media: str = "application/json") -> Object:
    answer = client.json(method, path, value, media)
    assert answer.code < 300, (path, answer.body)
    found: Object = answer.json
    return found


def namespace(client: Hostile, name: str) -> None:
    ok(client, "POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    until(lambda: client.send("GET", account).code == 200, "the namespace has an account")


def place(version: str, plural: str, name: str, namespace: str) -> str:
    root = "apis" if "/" in version else "api"
    return f"/{root}/{version}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def process(cluster: ClusterProcess) -> int:
    """The pid of the controllers' process, a child of the server's."""
    parent = (cluster.directory / "exec" / "api.pid").read_text().strip()
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    running = [one for one in children if b"controllers.main" in Path(f"/proc/{one}/cmdline").read_bytes()]
    return int(running[0]) if running else 0


def memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) >> 10


def check_well(cluster: ClusterProcess, pid: int) -> None:
    """It is the same process, of a bounded size, and has met nothing that nobody expected."""
    log = (cluster.data / "logs" / "kube-control.log").read_text()
    assert "Traceback" not in log, log[log.find("Traceback") - 500 :][:4000]
    assert process(cluster) == pid and memory(pid) < MEMORY


def revision(client: Hostile) -> int:
    return int(client.send("GET", "/api/v1/nodes?limit=1").json["metadata"]["resourceVersion"])


def quiet(client: Hostile) -> bool:
    """Has hardly anything been written for a while? Two leases are renewed every other second."""
    before = revision(client)
    end = time.monotonic() + QUIET
    until(lambda: time.monotonic() > end, "time passes")
    return revision(client) - before <= 3 * QUIET


def test_odd_objects_stop_nobody_and_come_to_rest(control: ClusterProcess, client: Hostile) -> None:
    pid = process(control)
    namespace(client, "odd")
    for version, plural, name, more, status in ODDITIES:
        ok(client, "POST", place(version, plural, "", "odd"), made(name, more))
        if status:
            ok(client, "PATCH", place(version, plural, f"{name}/status", "odd"), {"status": status}, MERGE)
    namespace(client, "even")
    spec = {"selector": {"matchLabels": {"app": "x"}}, "template": template(), "replicas": 3}
    ok(client, "POST", place("apps/v1", "deployments", "", "even"), {"metadata": {"name": "d"}, "spec": spec})
    until(lambda: len(items(client, "v1", "pods", "even")) == 3, "others get on")
    until(lambda: quiet(client), "it comes to rest", seconds=120)
    check_well(control, pid)


def items(client: Hostile, version: str, plural: str, where: str) -> list[Object]:
    found: list[Object] = client.send("GET", place(version, plural, "", where)).json["items"]
    return found


def owner(kind: str, name: str, uid: str, **more: bool) -> Object:
    version = {"ReplicaSet": "apps/v1", "Deployment": "apps/v1", "Job": "batch/v1"}.get(kind, "v1")
    return {"apiVersion": version, "kind": kind, "name": name, "uid": uid, **more}


def config_map(client: Hostile, where: str, name: str, *owners: Object, **more: Any) -> Object:
    metadata = {"name": name, "ownerReferences": [*owners], **more}
    return ok(client, "POST", place("v1", "configmaps", "", where), {"metadata": metadata})


def names(client: Hostile, plural: str, where: str) -> set[str]:
    return {one["metadata"]["name"] for one in items(client, "v1", plural, where)}


def test_forged_owners_reach_nothing_of_others(control: ClusterProcess, client: Hostile) -> None:
    """Who writes in one namespace makes the collector neither delete nor hold up what is in another."""
    pid = process(control)
    for name in ("mine", "theirs"):
        namespace(client, name)
    victim = config_map(client, "theirs", "victim")["metadata"]["uid"]
    config_map(client, "theirs", "child", owner("ConfigMap", "victim", victim))
    config_map(client, "mine", "forged", owner("ConfigMap", "victim", victim, blockOwnerDeletion=True))
    config_map(client, "mine", "elsewhere", owner("ConfigMap", "nowhere", victim))
    config_map(client, "mine", "path", owner("ConfigMap", "../../theirs/configmaps/victim", victim))
    config_map(client, "mine", "cluster", owner("Namespace", "theirs", victim))
    gone = {"forged", "elsewhere", "path", "cluster"}
    until(lambda: not gone & names(client, "configmaps", "mine"), "what has no owner goes")
    assert {"victim", "child"} <= names(client, "configmaps", "theirs")
    blocking = owner("ConfigMap", "victim", victim, blockOwnerDeletion=True)
    config_map(client, "mine", "held", blocking, finalizers=["example.com/x"])
    path = place("v1", "configmaps", "victim", "theirs")
    ok(client, "DELETE", path, {"propagationPolicy": "Foreground"})
    until(lambda: not {"victim", "child"} & names(client, "configmaps", "theirs"), "its owner may delete it")
    ok(client, "PATCH", place("v1", "configmaps", "held", "mine"), {"metadata": {"finalizers": None}}, MERGE)
    check_well(control, pid)


def test_pods_of_others_are_not_adopted_and_circles_go(control: ClusterProcess, client: Hostile) -> None:
    namespace(client, "circle")
    first = config_map(client, "circle", "a")["metadata"]["uid"]
    second = config_map(client, "circle", "b", owner("ConfigMap", "a", first, blockOwnerDeletion=True))
    back = [owner("ConfigMap", "b", second["metadata"]["uid"], blockOwnerDeletion=True)]
    path = place("v1", "configmaps", "a", "circle")
    ok(client, "PATCH", path, {"metadata": {"ownerReferences": back}}, MERGE)
    ok(client, "DELETE", path, {"propagationPolicy": "Foreground"})
    until(lambda: not {"a", "b"} & names(client, "configmaps", "circle"), "a circle goes")


def test_dependents_outlive_a_change_of_version(control: ClusterProcess, client: Hostile) -> None:
    """A custom resource gets a newer version, which is another path to the same objects."""
    namespace(client, "versions")
    kinds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}

    def version(name: str, **more: bool) -> Object:
        return {"name": name, "served": True, "storage": False, "schema": schema, **more}

    spec = {
        "group": "example.com",
        "names": {"plural": "things", "kind": "Thing"},
        "scope": "Namespaced",
        "versions": [version("v1beta1", storage=True)],
    }
    ok(client, "POST", kinds, {"metadata": {"name": "things.example.com"}, "spec": spec})
    things = place("example.com/v1beta1", "things", "", "versions")
    until(lambda: client.send("GET", things).code == 200, "the kind is served")
    body = {"apiVersion": "example.com/v1beta1", "kind": "Thing", "metadata": {"name": "t"}}
    uid = ok(client, "POST", things, body)["metadata"]["uid"]
    refers = {"apiVersion": "example.com/v1beta1", "kind": "Thing", "name": "t", "uid": uid}
    config_map(client, "versions", "child", refers)
    both = {"spec": {"versions": [version("v1"), version("v1beta1", storage=True)]}}
    ok(client, "PATCH", f"{kinds}/things.example.com", both, MERGE)
    log = control.data / "logs" / "kube-control.log"
    # The collector looks at what there is every half a minute.
    end = time.monotonic() + 33
    until(lambda: time.monotonic() > end, "it has looked", seconds=60)
    assert "child" in names(client, "configmaps", "versions"), log.read_text()[-2000:]
    ok(client, "DELETE", f"{things}/t", {})
    until(lambda: "child" not in names(client, "configmaps", "versions"), "its owner has gone", seconds=60)


def test_killed_at_any_moment_all_comes_about_once(control: ClusterProcess, client: Hostile) -> None:
    """Twelve kills while jobs and sets are made: each index and number has one pod in the end."""
    namespace(client, "killed")
    job = {"completionMode": "Indexed", "completions": 6, "parallelism": 6, "template": template("Never")}
    chosen = {"selector": {"matchLabels": {"app": "x"}}, "template": template(), "replicas": 6}
    parallel = {**chosen, "serviceName": "s", "podManagementPolicy": "Parallel"}
    for number in range(4):
        name = {"metadata": {"name": f"w{number}"}}
        for version, plural, spec in (
            ("batch/v1", "jobs", job),
            ("apps/v1", "statefulsets", labelled(parallel, f"s{number}")),
            ("apps/v1", "deployments", labelled(chosen, f"d{number}")),
        ):
            ok(client, "POST", place(version, plural, "", "killed"), {**name, "spec": spec})
            kill(control)
    until(lambda: len(live(client)) == 4 * 18, "every pod is there once", seconds=60)
    until(lambda: quiet(client), "it comes to rest", seconds=120)
    assert len(live(client)) == 4 * 18


def labelled(spec: Object, label: str) -> Object:
    own = {"metadata": {"labels": {"app": label}}, "spec": spec["template"]["spec"]}
    return {**spec, "selector": {"matchLabels": {"app": label}}, "template": own}


def live(client: Hostile) -> list[str]:
    pods = items(client, "v1", "pods", "killed")
    return [one["metadata"]["name"] for one in pods if "deletionTimestamp" not in one["metadata"]]


def kill(cluster: ClusterProcess) -> None:
    pid = until(lambda: process(cluster), "the controllers run")
    until(leads(cluster, pid), "it has begun", seconds=30)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def leads(cluster: ClusterProcess, pid: int) -> Callable[[], bool]:
    """Has the process been busy for a moment?"""
    return lambda: sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])) > 60
