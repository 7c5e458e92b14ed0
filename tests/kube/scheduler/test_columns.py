"""The columns after nodes and pods have come, changed and gone."""

import copy
from typing import Any

import numpy as np
import pytest

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import FIRST, Cluster
from sampan.kube.scheduler.evaluation import judge, score
from sampan.kube.scheduler.interning import Column, Recent, Stamped
from sampan.kube.scheduler.podinfo import pod_info
from sampan.kube.scheduler.podterms import Predicate
from sampan.kube.scheduler.profile import DEFAULT, Profile
from sampan.kube.scheduler.verdict import ALL
from sampan.specs.kubernetes.labels import EVERYTHING, NOTHING
from tests.kube.scheduler.objects import node, pod


def feasible(cluster: Cluster, wanted: Object) -> list[str]:
    rows = judge(cluster, pod_info(wanted), DEFAULT).feasible
    return sorted(cluster.node_name(int(row)) for row in rows.nonzero()[0])


def test_a_heartbeat_changes_nothing() -> None:
    cluster = Cluster()
    cluster.put_node(node("a"))
    epoch = cluster.epoch
    beat = copy.deepcopy(node("a"))
    beat["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastHeartbeatTime": "later"}]
    cluster.put_node(beat)
    assert cluster.epoch == epoch and cluster.node(cluster.row_of("a") or 0) is beat


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("capacity", {"allocatable": {"cpu": "500m"}}),
    ("taints", {"taints": [{"key": "k", "effect": "NoSchedule"}]}),
    ("cordon", {"unschedulable": True}),
    ("labels", {"labels": {"disk": "hdd"}}),
]


@pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[name for name, _ in CHANGES])
def test_a_node_that_changes_is_looked_at_again(change: dict[str, Any]) -> None:
    cluster, wanted = Cluster(), pod("q", requests={"cpu": "1"}, nodeSelector={"disk": "ssd"})
    cluster.put_node(node("a", labels={"disk": "ssd"}))
    assert feasible(cluster, wanted) == ["a"]
    cluster.put_node(node("a", **{"labels": {"disk": "ssd"}, **change}))
    assert feasible(cluster, wanted) == []
    cluster.put_node(node("a", labels={"disk": "ssd"}))
    assert feasible(cluster, wanted) == ["a"]


def test_more_nodes_than_there_were_rows_for() -> None:
    cluster = Cluster()
    apart = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "kubernetes.io/hostname"}
            ]
        }
    }
    wanted = pod("q", labels={"app": "x"}, affinity=apart)
    cluster.put_node(node("n0"))
    cluster.put_pod(pod("p", on="n0", labels={"app": "x"}, affinity=apart))
    assert feasible(cluster, wanted) == []
    for at in range(1, 3 * FIRST):
        cluster.put_node(node(f"n{at}"))
    assert len(feasible(cluster, wanted)) == cluster.nodes - 1 == 3 * FIRST - 1
    found = score(cluster, pod_info(wanted), DEFAULT, judge(cluster, pod_info(wanted), DEFAULT).feasible)
    assert (found >= 0).sum() == cluster.nodes - 1


def test_pods_come_before_their_node_and_stay_when_it_goes() -> None:
    cluster, wanted = Cluster(), pod("q", requests={"cpu": "2"})
    cluster.put_pod(pod("p", on="a", requests={"cpu": "3"}))
    cluster.put_node(node("a"))
    assert feasible(cluster, wanted) == []
    cluster.remove_node("a")
    cluster.put_node(node("b"))
    assert feasible(cluster, wanted) == ["b"]
    cluster.put_node(node("a"))
    assert feasible(cluster, wanted) == ["b"]
    assert [info.name for info in cluster.pods_on(cluster.row_of("a") or 0)] == ["p"]
    cluster.remove_pod("default-p")
    assert feasible(cluster, wanted) == ["a", "b"]


def test_a_pod_that_has_finished_uses_nothing() -> None:
    cluster, busy = Cluster(), pod("p", on="a", requests={"cpu": "3"})
    cluster.put_node(node("a"))
    cluster.put_pod(busy)
    assert feasible(cluster, pod("q", requests={"cpu": "2"})) == []
    cluster.put_pod({**busy, "status": {"phase": "Succeeded"}})
    assert feasible(cluster, pod("q", requests={"cpu": "2"})) == ["a"]
    cluster.put_pod({**busy, "status": {"phase": "Failed"}})  # told once more


def test_nothing_is_left_of_pods_that_are_gone() -> None:
    cluster = Cluster()
    cluster.put_node(node("a"))
    before = [
        copy.copy(one) for one in (cluster.amounts.used, cluster.amounts.assumed, cluster.claims.number)
    ]
    for at in range(3):
        volumes = [
            {"name": "v", "persistentVolumeClaim": {"claimName": "c"}},
            {"name": "w", "iscsi": {"iqn": "x"}},
        ]
        cluster.put_pod(pod(f"p{at}", on="a", requests={"cpu": "1"}, volumes=volumes))
    for at in range(3):
        cluster.remove_pod(f"default-p{at}")
    for was, now in zip(
        before, (cluster.amounts.used, cluster.amounts.assumed, cluster.claims.number), strict=True
    ):
        assert np.array_equal(was, now)
    assert not cluster.claims.used("default/c")
    assert not cluster.disks.rows_against([("iscsi", {"iqn": "x"})])


RESIZES = [
    ("as it was made", {}, [], "1"),
    ("it has more than it wants now", {"resources": {"requests": {"cpu": "3"}}}, [], "3"),
    ("it was given more", {"resources": {}, "allocatedResources": {"cpu": "2"}}, [], "2"),
    ("it wants more than it has", {"resources": {"requests": {"cpu": "500m"}}}, [], "1"),
    (
        "what it wants cannot be given",
        {"resources": {"requests": {"cpu": "500m"}}},
        [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}],
        "500m",
    ),
]


@pytest.mark.parametrize(
    ("status", "conditions", "cpu"), [case[1:] for case in RESIZES], ids=[case[0] for case in RESIZES]
)
def test_a_pod_that_was_resized_in_place_counts_for_the_most(
    status: Object, conditions: list[Object], cpu: str
) -> None:
    resized = pod("p", on="a", requests={"cpu": "1"})
    resized["status"] = {"containerStatuses": [{"name": "c", **status}], "conditions": conditions}
    cluster = Cluster()
    cluster.put_node(node("a"))
    cluster.put_pod(resized)
    thousandths = {"500m": 500, "1": 1000, "2": 2000, "3": 3000}[cpu]
    assert cluster.amounts.used[:, cluster.row_of("a")].max() == thousandths


ODD: list[Object] = [
    {"metadata": {"name": "q"}},
    {"metadata": {"name": "q", "labels": None}, "spec": None},
    pod("q", affinity={"nodeAffinity": None, "podAffinity": {}, "podAntiAffinity": None}),
    pod("q", affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}),
    pod("q", requests={"cpu": "nonsense", "memory": "9" * 50, "example.com/x": "-1"}),
    pod("q", topologySpreadConstraints=[{}], tolerations=[{}], volumes=[{}], resourceClaims=[{}]),
    pod("q", nodeSelector={"a": ""}, overhead={"cpu": "x"}),
]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_pod_stops_nobody(odd: Object) -> None:
    cluster = Cluster()
    cluster.put_node({"metadata": {"name": "bare"}})
    cluster.put_node(node("a"))
    info = pod_info(odd)
    verdict = judge(cluster, info, DEFAULT, explain=True)
    score(cluster, info, DEFAULT, cluster.rows())
    placed = {
        **odd,
        "metadata": {**odd["metadata"], "uid": "u"},
        "spec": {**(odd.get("spec") or {}), "nodeName": "a"},
    }
    cluster.put_pod(placed)
    cluster.remove_pod("u")
    assert verdict.refused or len(verdict.feasible) == cluster.size


def test_profiles_may_leave_plugins_out() -> None:
    cluster = Cluster()
    cluster.put_node(node("a", unschedulable=True))
    profile = Profile(filters=("NodeResourcesFit", "Unknown"), scores={"NodeResourcesFit": 5})
    info = pod_info(pod("q", requests={"cpu": "2", "memory": "4Gi"}))
    verdict = judge(cluster, info, profile)
    assert verdict.feasible[cluster.row_of("a")]
    assert score(cluster, info, profile, verdict.feasible)[cluster.row_of("a")] == 5 * 50
    assert not judge(cluster, info, DEFAULT).feasible.any()


def test_pods_of_a_template_share_a_shape() -> None:
    one, other = pod("p", labels={"app": "x"}), pod("q", labels={"app": "x"})
    one["spec"]["volumes"] = [{"name": "kube-api-access-abcde", "projected": {}}]
    assert pod_info(one).shape is pod_info(other).shape
    assert pod_info(pod("r", labels={"app": "y"})).shape is not pod_info(one).shape


def test_counts_that_were_dropped_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sampan.kube.scheduler.counting.KEPT", 2)
    cluster = Cluster()
    cluster.put_node(node("a"))
    everybody = [(Predicate(frozenset((name,)), NOTHING, EVERYTHING),) for name in ("default", "x", "y", "z")]
    for _ in range(2):
        for predicates in everybody:
            cluster.counting.counts(predicates, living=False)
        cluster.put_pod(pod(f"p{cluster.epoch}", on="a"))
    row = cluster.row_of("a")
    assert cluster.counting.counts(everybody[0], living=False)[row] == 2
    assert cluster.counting.counts(everybody[1], living=False)[row] == 0


def test_a_column_forgets_values_that_no_row_has() -> None:
    column: Column[str] = Column(4)
    for at in range(1000):
        column.set(at % 3, f"value-{at}")
    assert len(column.values) < 100
    assert column.among(("value-999",), ALL).tolist() == [True, False, False, False]
    assert column.has(ALL).tolist() == [True, True, True, False]


def test_what_is_kept_with_a_stamp_is_made_anew_when_it_changes() -> None:
    kept, made = Stamped(2), list(range(9))
    assert [kept.get("a", stamp, lambda: made.pop(0)) for stamp in (1, 1, 2, 1)] == [0, 0, 1, 2]


def test_recent_tells_what_it_lost() -> None:
    lost: list[str] = []
    recent: Recent[str] = Recent(2, lost.append)
    for key in ("a", "b", "a", "c"):
        recent.get(key, lambda key=key: key)
    assert lost == ["b"]
