"""Cases that random clusters seldom come to, each by hand."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import judge, score
from sampan.kube.scheduler.podinfo import pod_info
from sampan.kube.scheduler.profile import DEFAULT, Profile
from sampan.kube.scheduler.surroundings import NAMESPACES, SERVICES
from tests.kube.scheduler.objects import node, pod
from tests.kube.scheduler.storage import Shelf

ZONE = "topology.kubernetes.io/zone"
OWN = {"matchLabels": {"app": "x"}}
X = {"app": "x"}


def cluster_of(zones: dict[str, dict[str, str]], around: Shelf | None = None) -> Cluster:
    cluster = Cluster(around or Shelf())
    for name, labels in zones.items():
        cluster.put_node(node(name, labels=labels))
    return cluster


def feasible(cluster: Cluster, wanted: Object) -> str:
    rows = judge(cluster, pod_info(wanted), DEFAULT).feasible
    return "".join(sorted(cluster.node_name(int(row)) for row in rows.nonzero()[0]))


def spread(**more: Any) -> list[Object]:
    return [
        {
            "maxSkew": 1,
            "topologyKey": ZONE,
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": OWN,
            **more,
        }
    ]


@pytest.mark.parametrize(("least", "expected"), [(1, "b"), (2, "b"), (3, "")])
def test_fewer_domains_than_there_must_be_are_as_if_one_were_empty(least: int, expected: str) -> None:
    """Two pods in one zone and one in the other."""
    cluster = cluster_of({"a": {ZONE: "1"}, "b": {ZONE: "2"}})
    for at, on in enumerate("aab"):
        cluster.put_pod(pod(f"p{at}", on=on, labels=X))
    assert (
        feasible(cluster, pod("q", labels=X, topologySpreadConstraints=spread(minDomains=least))) == expected
    )


def test_pods_that_are_being_deleted_do_not_count_for_spread_but_for_affinity() -> None:
    cluster = cluster_of({"a": {ZONE: "1"}, "b": {ZONE: "2"}})
    going = pod("p", on="a", labels=X)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster.put_pod(going)
    assert feasible(cluster, pod("q", labels=X, topologySpreadConstraints=spread())) == "ab"
    assert feasible(cluster, pod("q", labels=X, affinity=apart())) == "b"
    del going["metadata"]["deletionTimestamp"]
    cluster.put_pod(going)
    assert feasible(cluster, pod("q", labels=X, topologySpreadConstraints=spread())) == "b"


def test_a_selector_of_everything_counts_nobody_but_the_pod_itself() -> None:
    cluster = cluster_of({"a": {ZONE: "1"}, "b": {ZONE: "2"}})
    for at in range(3):
        cluster.put_pod(pod(f"p{at}", on="a", labels=X))
    assert feasible(cluster, pod("q", topologySpreadConstraints=spread(labelSelector={}))) == "ab"
    assert feasible(cluster, pod("q", topologySpreadConstraints=spread(labelSelector=None))) == "ab"


def apart(**more: Any) -> Object:
    term = {"topologyKey": ZONE, "labelSelector": OWN, **more}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def named(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}}


def test_labels_of_namespaces_that_change_are_heard_of() -> None:
    """Of both sides: what the pod means, and what pods out there mean."""
    around = Shelf(**{NAMESPACES: [named("default", team="s"), named("other")]})
    cluster = cluster_of({"a": {ZONE: "1"}, "b": {ZONE: "2"}}, around)
    by_team = apart(namespaceSelector={"matchLabels": {"team": "t"}})
    cluster.put_pod(pod("p", on="a", labels=X))
    cluster.put_pod(pod("r", on="b", namespace="other", affinity=by_team))
    mine, theirs = pod("q", namespace="other", affinity=by_team), pod("q", labels=X)
    assert (feasible(cluster, mine), feasible(cluster, theirs)) == ("ab", "ab")
    around.put(NAMESPACES, named("default", team="t"))
    assert (feasible(cluster, mine), feasible(cluster, theirs)) == ("b", "a")
    around.put(NAMESPACES, named("default"))
    assert (feasible(cluster, mine), feasible(cluster, theirs)) == ("ab", "ab")


def test_nodes_without_the_label_are_in_no_domain() -> None:
    cluster = cluster_of({"a": {}, "b": {}, "c": {ZONE: "1"}})
    cluster.put_pod(pod("p", on="a", labels=X, affinity=apart()))
    assert feasible(cluster, pod("q", labels=X, affinity=apart())) == "abc"
    near = {"podAffinity": apart()["podAntiAffinity"]}
    assert feasible(cluster, pod("q", labels=X, affinity=near)) == "c", "the first of its kind in any domain"


def test_pods_that_want_to_be_near_each_other_have_a_first() -> None:
    near = {"podAffinity": apart()["podAntiAffinity"]}
    cluster = cluster_of({"a": {ZONE: "1"}, "b": {ZONE: "2"}})
    assert feasible(cluster, pod("q", affinity=near)) == "", "it is none of them itself"
    assert feasible(cluster, pod("q", labels=X, affinity=near)) == "ab"
    cluster.put_pod(pod("p", on="b", labels=X, affinity=near))
    assert feasible(cluster, pod("q", labels=X, affinity=near)) == "b"


def points(cluster: Cluster, wanted: Object, profile: Profile) -> dict[str, int]:
    info = pod_info(wanted)
    found = score(cluster, info, profile, judge(cluster, info, profile).feasible)
    return {cluster.node_name(row): int(found[row]) for row in range(cluster.size) if found[row] >= 0}


def test_a_resource_that_gets_no_points_by_the_curve_does_not_count() -> None:
    shape = [{"utilization": 50, "score": 0}, {"utilization": 100, "score": 10}]
    resources = [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 3}]
    strategy = {
        "type": "RequestedToCapacityRatio",
        "resources": resources,
        "requestedToCapacityRatio": {"shape": shape},
    }
    profile = Profile(
        scores={"NodeResourcesFit": 1}, args={"NodeResourcesFit": {"scoringStrategy": strategy}}
    )
    cluster = cluster_of({"a": {}})
    assert points(cluster, pod("q", requests={"cpu": "3", "memory": "1Gi"}), profile) == {"a": 50}
    assert points(cluster, pod("q", requests={"cpu": "3", "memory": "8Gi"}), profile) == {"a": 88}  # 87.5
    assert points(cluster, pod("q", requests={"cpu": "1", "memory": "1Gi"}), profile) == {"a": 0}


def test_an_empty_zone_is_where_nodes_without_one_are() -> None:
    """Which makes two domains, not three: the fewer there are, the less a pod in one weighs."""
    service = {"metadata": {"name": "s", "namespace": "default"}, "spec": {"selector": X}}
    cluster = cluster_of({"a": {ZONE: ""}, "b": {}, "c": {ZONE: "1"}}, Shelf(**{SERVICES: [service]}))
    for at in range(9):
        cluster.put_pod(pod(f"p{at}", on="b", labels=X))
    for at in range(4):
        cluster.put_pod(pod(f"r{at}", on="c", labels=X))
    found = points(cluster, pod("q", labels=X), Profile(scores={"PodTopologySpread": 1}))
    # a: 0 * ln 5 + 2 + 9 * ln 4 + 4 = 18; b: 9 * ln 5 + 2 = 16; c: 4 * ln 5 + 2 + 4 * ln 4 + 4 = 18
    assert found == {"a": 100 * 16 // 18, "b": 100, "c": 100 * 16 // 18}


def test_one_node_of_many_is_named() -> None:
    cluster = cluster_of({name: {} for name in "abc"})

    def on(*names: str) -> Object:
        terms = [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]} for name in names
        ]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        return pod("q", affinity={"nodeAffinity": required})

    assert feasible(cluster, on("b")) == "b"
    assert feasible(cluster, on("c", "a", "unknown")) == "ac"
    verdict = judge(cluster, pod_info(on("unknown")), DEFAULT)
    assert [one.reasons for one in verdict.failures] == [("node(s) didn't satisfy plugin(s) [NodeAffinity]",)]
    assert verdict.failures[0].unresolvable.sum() == 3
