"""What a pod is told that finds no node."""

import numpy as np
import pytest

from sampan.kube.scheduler import messages
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.plugins import PLUGINS
from sampan.kube.scheduler.verdict import Failure, Refusal, Verdict


@pytest.mark.parametrize(
    ("nodes", "refusal", "counts", "more", "text"),
    [
        (
            3,
            "",
            {"node(s) had untolerated taint(s)": 2, "Insufficient cpu": 1},
            "preemption: not eligible due to preemptionPolicy=Never.",
            "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). "
            "preemption: not eligible due to preemptionPolicy=Never.",
        ),
        # Sorted as texts, numbers and all.
        (30, "", {"b": 3, "a": 20, "c": 10}, "", "0/30 nodes are available: 10 c, 20 a, 3 b."),
        # A refusal of all nodes takes the place of the nodes' reasons.
        (
            1,
            'persistentvolumeclaim "c" not found',
            {"Insufficient cpu": 1},
            "x",
            '0/1 nodes are available: persistentvolumeclaim "c" not found. x',
        ),
    ],
)
def test_fit_error(nodes: int, refusal: str, counts: dict[str, int], more: str, text: str) -> None:
    assert messages.fit_error(nodes, refusal, counts, more) == text


def cluster() -> Cluster:
    found = Cluster()
    for number in range(6):
        found.put_node({"metadata": {"name": f"n{number}"}, "spec": {}, "status": {}})
    return found


def rows(size: int, *chosen: int) -> np.ndarray:
    found = np.zeros(size, np.bool_)
    found[list(chosen)] = True
    return found


def verdict(size: int) -> Verdict:
    fit = Failure(
        "NodeResourcesFit",
        rows(size, 0, 1),
        (("Insufficient cpu", rows(size, 0, 1)), ("Insufficient memory", rows(size, 1))),
        rows(size, 1),
    )
    taints = Failure("TaintToleration", rows(size, 2), (("tainted", rows(size, 2)),), rows(size, 2))
    return Verdict(np.zeros(size, np.bool_), (fit, taints))


def test_a_node_counts_for_each_of_its_reasons() -> None:
    found = verdict(64)
    assert messages.counts(found) == {"Insufficient cpu": 2, "Insufficient memory": 1, "tainted": 1}
    assert messages.plugins(found) == {"NodeResourcesFit", "TaintToleration"}


def test_facts_tell_each_filter_with_examples() -> None:
    nodes = cluster()
    found = messages.facts(verdict(nodes.size), 3, nodes)
    assert found["filters"][0] == {
        "plugin": "NodeResourcesFit",
        "text": "Insufficient cpu",
        "count": 2,
        "nodes": [nodes.node_name(0), nodes.node_name(1)],
        "preemptible": 1,
    }
    refused = Verdict(np.zeros(64, np.bool_), refused=Refusal("VolumeBinding", "why"))
    assert messages.facts(refused, 3, nodes)["filters"] == [
        {"plugin": "VolumeBinding", "text": "why", "count": 3, "nodes": [], "preemptible": 0}
    ]


def test_every_filter_has_something_that_would_help() -> None:
    filters = {name for name, plugin in PLUGINS.items() if "filter" in plugin.points}
    assert set(messages.UNBLOCK) == filters
    assert messages.unblock({"VolumeZone", "NodePorts"}) == (
        "free the host ports on a node, or add a node\nadd a node in the zone of the volumes"
    )
