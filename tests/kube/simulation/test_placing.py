"""Pods put somewhere in thought, by the scheduler's own rules."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.simulation.placing import Placing
from sampan.kube.simulation.workloads import grouped, pods_of, size, steps

NOW = 1_800_000_000.0


def node(name: str, cpu: str = "4") -> Object:
    allocatable = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
    return {
        "metadata": {"name": name},
        "spec": {},
        "status": {"allocatable": allocatable, "capacity": allocatable},
    }


def pod(name: str, cpu: str, at: str = "", **spec: Any) -> Object:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    where = {"nodeName": at} if at else {}
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}", "labels": {"app": "a"}},
        "spec": {"containers": [container], **where, **spec},
    }


def placing(*pods: Object, nodes: int = 2) -> Placing:
    return Placing([node(f"n{number}") for number in range(nodes)], pods, (), clock=lambda: NOW)


def test_what_was_placed_stays() -> None:
    found = placing()
    assert [found.place(pod(name, "3")).node for name in "ab"] == ["n0", "n1"]
    assert found.place(pod("c", "3")).message == "0/2 nodes are available: 2 Insufficient cpu."


def test_what_goes_leaves_room() -> None:
    there = pod("a", "4", at="n0")
    found = placing(there, nodes=1)
    assert not found.place(pod("b", "1")).node
    found.remove(there)
    assert found.place(pod("b", "1")).node == "n0"


def test_a_closed_node_takes_no_more() -> None:
    found = placing(nodes=1)
    found.close(node("n0"))
    assert found.place(pod("a", "1")).message == "0/1 nodes are available: 1 node(s) were unschedulable."


def test_whom_it_would_drive_away_is_told() -> None:
    low = pod("low", "4", at="n0", priority=1)
    landing = placing(low, nodes=1).place(pod("high", "4", priority=10))
    assert (landing.node, landing.victims) == ("", ("ns/low",))


def test_without_nodes_nothing_lands() -> None:
    assert placing(nodes=0).place(pod("a", "1")).message == "no nodes available to schedule pods"


TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c"}]}}


def owner(kind: str, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "o", "namespace": "ns"},
        "spec": {"template": TEMPLATE, **spec},
    }


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (owner("Deployment", replicas=3), 3),
        (owner("StatefulSet"), 1),
        (owner("DaemonSet"), 2),
        (owner("Job", completions=5, parallelism=3), 3),
        (owner("Job", completions=2, parallelism=3), 2),
        (owner("Job", suspend=True), 0),
        ({**owner("CronJob"), "spec": {"jobTemplate": {"spec": {"template": TEMPLATE}}}}, 1),
        (pod("p", "1"), 0),
        ({**pod("p", "1"), "kind": "Pod"}, 1),
        (owner("ConfigMap", template=None), 0),
    ],
)
def test_each_kind_makes_its_pods(value: Object, count: int) -> None:
    assert len(pods_of(value, [node("a"), node("b")])) == count


def test_a_daemon_sets_pods_ask_for_their_nodes() -> None:
    found = placing()
    pods = pods_of(owner("DaemonSet"), [node("n0"), node("n1")])
    assert [found.place(one).node for one in pods] == ["n0", "n1"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({}, (1, 1)),
        ({"type": "Recreate"}, (0, 4)),
        ({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}, (0, 1)),
        ({"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}}, (2, 0)),
    ],
)
def test_steps_of_an_update(strategy: Object, expected: tuple[int, int]) -> None:
    assert steps(owner("Deployment", replicas=4, strategy=strategy)) == expected
    assert size(owner("Deployment", replicas=4)) == 4


def test_nodes_are_counted() -> None:
    assert grouped(["b", "a", "b"]) == "a, b x2"
