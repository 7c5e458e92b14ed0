"""What pods say of themselves, and which of them may go first."""

from typing import Any

import pytest

from sampan.specs.kubernetes.pods import (
    deletion_cost,
    deletion_order,
    is_active,
    is_available,
    is_ready,
    is_terminating,
    restarts,
)

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
Object = dict[str, Any]


def pod(name: str, phase: str = "Running", ready: str = "", node: str = "n", **metadata: Any) -> Object:
    """`ready`: since when, if it is."""
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": ready}] if ready else []
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": "2027-01-15T07:00:00Z", **metadata},
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": phase, "conditions": conditions},
    }


@pytest.mark.parametrize(
    ("since", "seconds", "available"),
    [
        ("2027-01-15T07:59:50Z", 10, True),
        ("2027-01-15T07:59:51Z", 10, False),
        ("2027-01-15T08:00:00Z", 0, True),
        ("", 0, False),
        ("no time", 5, False),
    ],
)
def test_a_pod_is_available_when_it_has_been_ready_for_long_enough(
    since: str, seconds: int, available: bool
) -> None:
    assert is_available(pod("a", ready=since), seconds, NOW) is available
    assert is_ready(pod("a", ready=since)) is bool(since)


def test_pods_that_have_ended_or_are_to_end_are_not_active() -> None:
    going = {"deletionTimestamp": "2027-01-15T07:59:00Z"}
    rows = [
        (pod("a"), True, False),
        (pod("b", "Failed"), False, False),
        (pod("c", "Succeeded", **going), False, False),
        (pod("d", **going), False, True),
    ]
    assert [(is_active(one), is_terminating(one)) for one, _, _ in rows] == [row[1:] for row in rows]


OLD, OLDER = "2027-01-15T07:00:00Z", "2027-01-15T02:00:00Z"


@pytest.mark.parametrize(
    ("why", "first", "second"),
    [
        ("it has no node", pod("x", node="", phase="Pending"), pod("a", phase="Pending")),
        ("it waits", pod("x", "Pending"), pod("a", "Unknown")),
        ("nobody knows of it", pod("x", "Unknown"), pod("a")),
        ("it is not ready", pod("x"), pod("a", ready=OLD)),
        (
            "it costs less",
            pod("x", annotations={"controller.kubernetes.io/pod-deletion-cost": "-1"}),
            pod("a"),
        ),
        ("it is ready for a shorter while", pod("x", ready=OLD), pod("a", ready=OLDER)),
        ("it is younger", pod("x"), pod("a", creationTimestamp=OLDER)),
        (
            "their ages are alike, and its uid is lower",
            pod("a", ready=OLD),
            pod("b", ready="2027-01-15T06:59:00Z"),
        ),
    ],
)
def test_one_goes_before_the_other(why: str, first: Object, second: Object) -> None:
    for both in ([first, second], [second, first]):
        assert [one["metadata"]["name"] for one in deletion_order(both, None, NOW)] == [
            first["metadata"]["name"],
            second["metadata"]["name"],
        ], why


def test_of_those_on_a_crowded_node_one_goes_first() -> None:
    order = deletion_order([pod("a"), pod("b"), pod("c")], [1, 2, 2], NOW)
    assert [one["metadata"]["name"] for one in order] == ["b", "c", "a"]


def test_one_that_was_restarted_more_often_goes_first() -> None:
    restless = pod("x")
    restless["status"]["containerStatuses"] = [{"name": "c", "restartCount": 3}]
    assert restarts(restless) == (3, 0)
    assert deletion_order([pod("a"), restless], None, NOW)[0] is restless


@pytest.mark.parametrize(
    ("text", "cost"),
    [("7", 7), ("-7", -7), ("", 0), ("07", 0), ("+7", 0), ("--7", 0), ("2147483648", 0), ("x", 0), ("٣", 0)],
)
def test_costs_that_cannot_be_read_are_none(text: str, cost: int) -> None:
    assert deletion_cost(pod("a", annotations={"controller.kubernetes.io/pod-deletion-cost": text})) == cost
