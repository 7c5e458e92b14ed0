"""Trying a node with pods taken away: it leaves no trace, and agrees with evaluation."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import judge
from sampan.kube.scheduler.podinfo import pod_info
from sampan.kube.scheduler.profile import DEFAULT
from sampan.kube.scheduler.trials import NodeTrials, refusals

Object = dict[str, Any]


def node(name: str, cpu: int) -> Object:
    allocatable = {"cpu": str(cpu), "memory": "8Gi", "pods": "10"}
    labels = {"kubernetes.io/hostname": name}
    return {"metadata": {"name": name, "labels": labels}, "status": {"allocatable": allocatable}}


def pod(name: str, cpu: int, node_name: str = "", app: str = "", apart: str = "") -> Object:
    spec: Object = {"containers": [{"name": "c", "resources": {"requests": {"cpu": str(cpu)}}}]}
    if apart:
        term = {
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchLabels": {"app": apart}},
        }
        spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    if node_name:
        spec["nodeName"] = node_name
    metadata = {"name": name, "namespace": "n", "uid": name, "labels": {"app": app} if app else {}}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Running"}}


def world(sizes: list[tuple[int, str]]) -> tuple[Cluster, list[Object], int]:
    cluster = Cluster()
    cluster.put_node(node("a", 4))
    there = [pod(f"p{at}", cpu, "a", app) for at, (cpu, app) in enumerate(sizes)]
    for one in there:
        cluster.put_pod(one)
    row = cluster.row_of("a")
    assert row is not None
    return cluster, there, row


def fits(there: list[Object], new: Object, gone: set[str]) -> bool:
    """By evaluation, on a node that has never known those that are gone."""
    cluster = Cluster()
    cluster.put_node(node("a", 4))
    for one in there:
        if one["metadata"]["uid"] not in gone:
            cluster.put_pod(one)
    return bool(judge(cluster, pod_info(new), DEFAULT).feasible.any())


PODS = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["", "x"])), min_size=1, max_size=5)


@settings(max_examples=100, deadline=None)
@given(PODS, st.integers(1, 4), st.sampled_from(["", "x"]))
def test_trials_agree_with_evaluation_and_leave_no_trace(
    sizes: list[tuple[int, str]], cpu: int, apart: str
) -> None:
    cluster, there, row = world(sizes)
    before = cluster.amounts.used.copy()
    new = pod("new", cpu, apart=apart)
    info = pod_info(new)
    trials = NodeTrials(cluster, info, DEFAULT)
    gone = {one["metadata"]["uid"] for one in there}
    with trials.without(row, there) as emptied:
        assert not emptied.reasons()
        for one in there:
            uid = one["metadata"]["uid"]
            if emptied.spares(one):
                gone.discard(uid)
    assert np.array_equal(cluster.amounts.used, before)
    assert fits(there, new, gone)
    for uid in gone:
        assert not fits(there, new, gone - {uid})


def test_a_promised_pod_counts() -> None:
    cluster, there, row = world([(2, "")])
    info = pod_info(pod("new", 2))
    promised = pod_info(pod("promised", 3))
    with NodeTrials(cluster, info, DEFAULT).without(row, there) as emptied:
        assert not emptied.reasons()
    with NodeTrials(cluster, info, DEFAULT, [(promised, row)]).without(row, there) as emptied:
        assert list(emptied.reasons()) == ["Insufficient cpu"]


def test_one_filter_is_asked_of_one_row() -> None:
    cluster, _, row = world([(3, "")])
    info = pod_info(pod("new", 2))
    assert list(refusals(cluster, info, DEFAULT, "NodeResourcesFit", row)) == ["Insufficient cpu"]
    assert not refusals(cluster, info, DEFAULT, "TaintToleration", row)
    assert not refusals(cluster, info, DEFAULT, "NoSuchFilter", row)
