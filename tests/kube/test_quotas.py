"""Quotas through kubectl: what is used is counted, refused beyond, and given back."""

import json
import random
import threading
import time
from collections.abc import Iterator

import pytest

from tests.kube.attacks.client import Hostile
from tests.support.cluster import ClusterProcess, running
from tests.support.poll import until

BOATS = "boats.quotas.example.com"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    with running(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def used(cluster: ClusterProcess) -> dict[str, str]:
    status = cluster.get("resourcequota", "q").get("status") or {}
    found: dict[str, str] = status.get("used") or {}
    return found


def becomes(cluster: ClusterProcess, **amounts: str) -> None:
    wanted = {name.replace("_", "/"): amount for name, amount in amounts.items()}
    until(lambda: wanted.items() <= used(cluster).items(), f"{wanted} of {used(cluster)}")


def create(cluster: ClusterProcess, value: object, check: bool = True) -> str:
    return cluster.create(value, check=check)


def pod(name: str) -> object:
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "300m"}}}
    spec = {"schedulerName": "none", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_pods_count_until_they_go_or_are_over(cluster: ClusterProcess) -> None:
    cluster.kubectl("create", "quota", "q", "--hard=pods=2,requests.cpu=1,count/pods=9,count/secrets=2")
    becomes(cluster, pods="0", count_pods="0", count_secrets="0")
    for name in ("a", "b"):
        create(cluster, pod(name))
    assert used(cluster)["requests.cpu"] == "600m"
    assert "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2" in create(
        cluster, pod("c"), check=False
    )
    cluster.kubectl("delete", "pod", "a", "--grace-period=0", "--force")
    becomes(cluster, pods="1", count_pods="1")
    cluster.kubectl(
        "patch", "pod", "b", "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Failed"}}'
    )
    becomes(cluster, pods="0", count_pods="1")
    create(cluster, pod("c"))
    cluster.kubectl("delete", "quota", "q")


def test_what_a_quota_counts_may_change(cluster: ClusterProcess) -> None:
    cluster.kubectl("create", "secret", "generic", "s")
    cluster.kubectl("create", "quota", "q", "--hard=services=1")
    becomes(cluster, services="1")  # the cluster's own
    change = {"spec": {"hard": {"services": None, "count/secrets": "1"}}}
    cluster.kubectl("patch", "quota", "q", "--type=merge", "-p", json.dumps(change))
    becomes(cluster, count_secrets="1")
    assert used(cluster) == {"count/secrets": "1"}
    assert "exceeded quota" in cluster.kubectl("create", "secret", "generic", "t", check=False)
    cluster.kubectl("delete", "secret", "s")
    becomes(cluster, count_secrets="0")
    cluster.kubectl("delete", "quota", "q")


def test_custom_resources_count(cluster: ClusterProcess) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "boats", "kind": "Boat", "singular": "boat"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": BOATS},
        "spec": {
            "group": "quotas.example.com",
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    }
    create(cluster, definition)
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{BOATS}")
    boat = {"apiVersion": "quotas.example.com/v1", "kind": "Boat", "metadata": {"name": "a"}}
    create(cluster, boat)
    cluster.kubectl("create", "quota", "q", f"--hard=count/{BOATS}=1")
    becomes(cluster, **{f"count_{BOATS}": "1"})
    assert "exceeded quota" in create(cluster, {**boat, "metadata": {"name": "b"}}, check=False)
    cluster.kubectl("delete", BOATS, "a")
    becomes(cluster, **{f"count_{BOATS}": "0"})
    create(cluster, {**boat, "metadata": {"name": "b"}})
    cluster.kubectl("delete", "quota", "q")


def test_many_who_create_at_once_never_exceed_a_quota(cluster: ClusterProcess) -> None:
    """While pods come and go, and the quota's controller counts anew all the time."""
    cluster.kubectl("create", "namespace", "crowd")
    stress = Stress(cluster)
    threads = [threading.Thread(target=stress.create, args=(number,)) for number in range(CREATORS)]
    threads += [threading.Thread(target=work) for work in (stress.delete, stress.change)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stress.made > 4 * MOST, "pods came and went"
    assert stress.highest() == MOST
    stress.settle()


CREATORS, MOST = 8, 5
SECONDS = 6.0
CROWD = "/api/v1/namespaces/crowd"


class Stress:
    """Works for some seconds in a namespace with a quota of MOST pods."""

    def __init__(self, cluster: ClusterProcess) -> None:
        self.cluster = cluster
        client = Hostile(cluster)
        quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": str(MOST)}}}
        begun = client.json("POST", f"{CROWD}/resourcequotas", quota)
        assert begun.code == 201, begun.body
        self.version = begun.json["metadata"]["resourceVersion"]
        self.limit(client, 0)
        self.end = time.monotonic() + SECONDS
        self.made = 0

    def create(self, number: int) -> None:
        client, at = Hostile(self.cluster), 0
        while time.monotonic() < self.end:
            at += 1
            answer = client.json("POST", f"{CROWD}/pods", pod(f"p-{number}-{at}"))
            assert answer.code in (201, 403, 409), answer.body
            self.made += answer.code == 201

    def delete(self) -> None:
        """Once no more may be created: one of them, or more."""
        client, chance = Hostile(self.cluster), random.Random()
        while time.monotonic() < self.end:
            there = client.send("GET", f"{CROWD}/pods").json["items"]
            if len(there) >= MOST:
                for one in chance.sample(there, chance.randrange(1, MOST)):
                    client.send("DELETE", f"{CROWD}/pods/{one['metadata']['name']}?gracePeriodSeconds=0")

    def change(self) -> None:
        """A change of what it counts has the controller count; the next comes when that has been written."""
        client, at = Hostile(self.cluster), 0
        while time.monotonic() < self.end:
            at += 1
            self.limit(client, at)

    def limit(self, client: Hostile, at: int) -> None:
        hard = {"pods": str(MOST), "count/secrets": str(100 + at)}
        patch = {"spec": {"hard": hard}}
        client.json("PATCH", f"{CROWD}/resourcequotas/q", patch, "application/merge-patch+json")

        def counted() -> bool:
            status = client.send("GET", f"{CROWD}/resourcequotas/q").json.get("status") or {}
            return bool(status.get("hard") == hard)

        until(counted, "the controller has counted")

    def highest(self) -> int:
        """How many pods there were at once, at most, by the events of all of them."""
        query = f"watch=1&resourceVersion={self.version}&timeoutSeconds=2"
        there: set[str] = set()
        most = 0
        for line in Hostile(self.cluster).send("GET", f"{CROWD}/pods?{query}").body.splitlines():
            event = json.loads(line)
            name = event["object"]["metadata"]["name"]
            there.discard(name)
            if event["type"] != "DELETED":
                there.add(name)
            most = max(most, len(there))
        return most

    def settle(self) -> None:
        """In the end the quota says what there is."""
        client = Hostile(self.cluster)

        def agrees() -> bool:
            pods = len(client.send("GET", f"{CROWD}/pods").json["items"])
            used = client.send("GET", f"{CROWD}/resourcequotas/q").json["status"]["used"]
            return bool(used["pods"] == str(pods))

        until(agrees, "the quota says what there is")
