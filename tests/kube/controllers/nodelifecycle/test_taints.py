"""Which taints follow from what a node says of itself."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.nodelifecycle import taints

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
STAMP = "2027-01-15T08:00:00Z"
NEW = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}  # what admission gives a new node
ALIEN = {"key": "example.com/mine", "effect": "NoSchedule", "value": "x"}


def node(*conditions: tuple[str, str], have: list[Object] | None = None, **spec: Any) -> Object:
    told = [{"type": kind, "status": status} for kind, status in conditions]
    if have:
        spec["taints"] = have
    return {"metadata": {"name": "n", "uid": "u"}, "spec": spec, "status": {"conditions": told}}


def added(key: str, effect: str = "NoSchedule") -> Object:
    return {"key": f"node.kubernetes.io/{key}", "effect": effect, "timeAdded": STAMP}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (node(("Ready", "True"), have=[NEW]), []),
        (node(have=[NEW]), []),  # nothing is said against it
        (node(("Ready", "False"), have=[NEW]), None),
        (node(("Ready", "False")), [added("not-ready")]),
        (node(("Ready", "Unknown"), have=[NEW, ALIEN]), [ALIEN, added("unreachable")]),
        (
            node(("MemoryPressure", "True"), ("DiskPressure", "True"), ("PIDPressure", "True")),
            [added("memory-pressure"), added("disk-pressure"), added("pid-pressure")],
        ),
        (node(("MemoryPressure", "Unknown"), ("NetworkUnavailable", "False")), None),
        (node(("NetworkUnavailable", "True")), [added("network-unavailable")]),
        (node(("Ready", "True"), unschedulable=True), [added("unschedulable")]),
        (node(("Ready", "True"), have=[added("unschedulable"), ALIEN]), [ALIEN]),
        (node(("Ready", "True"), have=[added("not-ready", "NoExecute")]), None),
        (node(("Ready", "False"), ("Ready", "False")), [added("not-ready")]),
        ({"metadata": {"name": "bare", "uid": "u"}}, None),
    ],
)
def test_taints_against_scheduling(value: Object, expected: list[Object] | None) -> None:
    assert taints.scheduling(value, NOW) == expected


def test_one_evicting_taint_at_a_time() -> None:
    away = [added("not-ready", "NoExecute")]
    assert taints.evicting(node(("Ready", "False")), NOW) == away
    assert taints.evicting(node(("Ready", "False"), have=away), NOW) is None
    assert taints.evicting(node(("Ready", "Unknown"), have=away), NOW) == [added("unreachable", "NoExecute")]
    assert taints.evicting(node(("Ready", "True"), have=[*away, ALIEN]), NOW) == [ALIEN]
    assert taints.reachable(node(have=[*away, ALIEN])) == [ALIEN]
    assert taints.reachable(node(have=[NEW])) is None


def test_a_patch_holds_only_for_the_taints_it_was_made_from() -> None:
    identity = {"op": "test", "path": "/metadata/uid", "value": "u"}
    assert taints.patch(node(have=[NEW]), []) == [
        identity,
        {"op": "test", "path": "/spec/taints", "value": [NEW]},
        {"op": "remove", "path": "/spec/taints"},
    ]
    assert taints.patch(node(), [ALIEN]) == [
        identity,
        {"op": "test", "path": "/spec/taints", "value": None},
        {"op": "add", "path": "/spec/taints", "value": [ALIEN]},
    ]
