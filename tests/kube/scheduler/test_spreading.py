"""Which constraints spread pods that have none of their own."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import judge, score
from sampan.kube.scheduler.podinfo import pod_info
from sampan.kube.scheduler.podterms import selector_key
from sampan.kube.scheduler.profile import DEFAULT, Profile
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.spreading import constraints
from sampan.kube.scheduler.surroundings import (
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    SERVICES,
    STATEFUL_SETS,
)
from tests.kube.scheduler.objects import node, pod
from tests.kube.scheduler.storage import Shelf

ZONE = "topology.kubernetes.io/zone"


def named(name: str, selector: Any, namespace: str = "default") -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"selector": selector}}


def owned(api_version: str, kind: str, **more: Any) -> Object:
    found = pod("q", labels={"app": "x", "tier": "y"}, **more)
    owner = {"apiVersion": api_version, "kind": kind, "name": "o", "controller": True}
    found["metadata"]["ownerReferences"] = [owner]
    return found


APP, TIER = ("app", "In", "x"), ("tier", "In", "y")
BY_APP = {"matchLabels": {"app": "x"}}
CASES: list[tuple[str, dict[str, list[Object]], Object, list[Any]]] = [
    ("nothing selects it", {}, owned("apps/v1", "ReplicaSet"), []),
    ("a ReplicaSet", {REPLICA_SETS: [named("o", BY_APP)]}, owned("apps/v1", "ReplicaSet"), [APP]),
    ("a StatefulSet", {STATEFUL_SETS: [named("o", BY_APP)]}, owned("apps/v1", "StatefulSet"), [APP]),
    (
        "a ReplicationController, whose selector is labels",
        {REPLICATION_CONTROLLERS: [named("o", {"tier": "y"})]},
        owned("v1", "ReplicationController"),
        [TIER],
    ),
    ("a Job, which does not count", {REPLICA_SETS: [named("o", BY_APP)]}, owned("batch/v1", "Job"), []),
    (
        "a ReplicaSet of the name elsewhere",
        {REPLICA_SETS: [named("o", BY_APP, "n")]},
        owned("apps/v1", "ReplicaSet"),
        [],
    ),
    (
        "Services, and a ReplicaSet",
        {
            SERVICES: [named("s", {"tier": "y"}), named("t", {"app": "other"}), named("u", None)],
            REPLICA_SETS: [named("o", BY_APP)],
        },
        owned("apps/v1", "ReplicaSet"),
        [APP, TIER],
    ),
    ("a Service that selects everything", {SERVICES: [named("s", {})]}, pod("q"), []),
]


@pytest.mark.parametrize(("objects", "wanted", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_defaults_spread_what_belongs_together(
    objects: dict[str, list[Object]], wanted: Object, expected: list[Any]
) -> None:
    query = Query(Cluster(Shelf(**objects)), pod_info(wanted), DEFAULT)
    found = constraints(query, hard=False)
    assert [one.topology_key for one in found] == (["kubernetes.io/hostname", ZONE] if expected else [])
    assert all(selector_key(one.predicate.selector) == tuple(expected) for one in found)
    assert not constraints(query, hard=True)


def test_a_service_that_comes_is_heard_of() -> None:
    around = Shelf()
    query = Query(Cluster(around), pod_info(pod("q", labels={"app": "x"})), DEFAULT)
    assert not constraints(query, hard=False)
    around.put(SERVICES, named("s", {"app": "x"}))
    assert len(constraints(query, hard=False)) == 2


def test_the_profile_may_have_defaults_of_its_own() -> None:
    own = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
    profile = Profile(args={"PodTopologySpread": {"defaultingType": "List", "defaultConstraints": [own]}})
    cluster = Cluster(Shelf(**{SERVICES: [named("s", {"app": "x"})]}))
    for name, labels in (("a", {ZONE: "1"}), ("b", {ZONE: "2"}), ("c", {})):
        cluster.put_node(node(name, labels=labels))
    cluster.put_pod(pod("p", on="a", labels={"app": "x"}))
    verdict = judge(cluster, pod_info(pod("q", labels={"app": "x"})), profile, explain=True)
    assert [cluster.node_name(int(row)) for row in verdict.feasible.nonzero()[0]] == ["b"]
    none = Profile(args={"PodTopologySpread": {"defaultingType": "List"}})
    assert judge(cluster, pod_info(pod("q", labels={"app": "x"})), none).feasible.sum() == 3
    other = [{**own, "topologyKey": "rack", "whenUnsatisfiable": "ScheduleAnyway"}]
    constrained = pod("q", labels={"app": "x"}, topologySpreadConstraints=other)
    assert not constraints(Query(cluster, pod_info(constrained), profile), hard=True)


def test_pods_of_a_service_go_where_there_are_fewer_of_them() -> None:
    cluster = Cluster(Shelf(**{SERVICES: [named("s", {"app": "x"})]}))
    for name, zone in (("a", "1"), ("b", "1"), ("c", "2")):
        cluster.put_node(node(name, labels={ZONE: zone}))
    cluster.put_pod(pod("p", on="a", labels={"app": "x"}))
    info = pod_info(pod("q", labels={"app": "x"}))
    points = score(cluster, info, DEFAULT, judge(cluster, info, DEFAULT).feasible)
    a, b, c = (points[cluster.row_of(name)] for name in "abc")
    assert a < b < c
