"""What comes out of looking at all nodes at once."""

from collections.abc import Collection

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import judge
from sampan.kube.scheduler.podinfo import pod_info
from sampan.kube.scheduler.profile import DEFAULT
from sampan.kube.scheduler.trials import NodeTrials
from sampan.kube.scheduler.verdict import Mask, Verdict
from tests.kube.scheduler.objects import node, pod


def cluster_of(*nodes: Object, pods: Collection[Object] = ()) -> Cluster:
    cluster = Cluster()
    for one in nodes:
        cluster.put_node(one)
    for one in pods:
        cluster.put_pod(one)
    return cluster


def names(cluster: Cluster, rows: Mask) -> list[str]:
    return sorted(cluster.node_name(int(row)) for row in rows.nonzero()[0])


def told(cluster: Cluster, verdict: Verdict) -> dict[str, list[str]]:
    """The texts, and the nodes of each."""
    return {text: names(cluster, rows) for one in verdict.failures for text, rows in one.texts}


def test_a_pod_fits_where_enough_is_left() -> None:
    cluster = cluster_of(node("a"), node("b"), pods=[pod("p", on="a", requests={"cpu": "3"})])
    verdict = judge(cluster, pod_info(pod("q", requests={"cpu": "2"})), explain=True)
    assert names(cluster, verdict.feasible) == ["b"]
    assert told(cluster, verdict) == {"Insufficient cpu": ["a"]}
    assert not verdict.failures[0].unresolvable.any()


def test_what_no_node_has_at_all_is_not_to_be_had_by_preemption() -> None:
    cluster = cluster_of(node("a", allocatable={"cpu": "2", "example.com/gpu": "1"}), node("b"))
    wanted = pod_info(pod("q", requests={"cpu": "3", "example.com/gpu": "2"}))
    verdict = judge(cluster, wanted)
    assert told(cluster, verdict) == {"Insufficient cpu": ["a"], "Insufficient example.com/gpu": ["a", "b"]}
    assert names(cluster, verdict.failures[0].unresolvable) == ["a", "b"]


def test_a_pod_fits_in_the_place_of_its_victims() -> None:
    busy = [pod("p", on="a", requests={"cpu": "3"}), pod("r", on="a", requests={"cpu": "1"})]
    cluster = cluster_of(node("a"), pods=busy)
    wanted, row = pod_info(pod("q", requests={"cpu": "2"})), cluster.row_of("a")
    assert row is not None
    trials = NodeTrials(cluster, wanted, DEFAULT)
    with trials.without(row, busy[1:]) as emptied:
        assert emptied.reasons() == ["Insufficient cpu"]
    with trials.without(row, busy[:1]) as emptied:
        assert not emptied.reasons()
    assert not judge(cluster, wanted).feasible.any()


def test_what_was_promised_to_a_more_important_pod_is_not_free() -> None:
    cluster = cluster_of(node("a"))
    row = cluster.row_of("a") or 0
    promised = pod_info(pod("p", requests={"cpu": "3"}, priority=7))
    for priority, feasible in ((7, []), (8, ["a"])):
        wanted = pod_info(pod("q", requests={"cpu": "2"}, priority=priority))
        verdict = judge(cluster, wanted, nominated=[(promised, row)])
        assert names(cluster, verdict.feasible) == feasible
