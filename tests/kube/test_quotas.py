"""Quotas through kubectl: what is used is counted, refused beyond, and given back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import ClusterProcess
from tests.support.poll import until

BOATS = "boats.quotas.example.com"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    directory: Path = tmp_path_factory.mktemp("cluster")
    found = ClusterProcess(directory)
    found.up()
    yield found
    found.down()


def used(cluster: ClusterProcess) -> dict[str, str]:
    status = cluster.get("resourcequota", "q").get("status") or {}
    found: dict[str, str] = status.get("used") or {}
    return found


def becomes(cluster: ClusterProcess, **amounts: str) -> None:
    wanted = {name.replace("_", "/"): amount for name, amount in amounts.items()}
    until(lambda: wanted.items() <= used(cluster).items(), f"{wanted} of {used(cluster)}")


def create(cluster: ClusterProcess, value: object, check: bool = True) -> str:
    return cluster.kubectl("create", "-f", "-", stdin=json.dumps(value), check=check)


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
