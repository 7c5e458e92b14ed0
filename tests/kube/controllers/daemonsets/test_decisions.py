"""What is done for a DaemonSet's pods: kept, made way, followed by new ones."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.controllers.daemonsets.manage import manage
from sampan.kube.controllers.daemonsets.rollout import roll
from sampan.kube.controllers.daemonsets.status import status_of
from sampan.kube.controllers.daemonsets.view import Plan
from tests.kube.controllers.daemonsets.daemons import NOW, daemon_set, node, pod, view

NAMES = "abcd"
NODES = [node(name) for name in NAMES]
SURGE = {"maxSurge": 1, "maxUnavailable": 0}


def pods_of(owner: Object, states: Mapping[str, str]) -> list[Object]:
    """Of each node, states with commas between them."""
    return [
        pod(owner, name, state.strip()) for name, text in states.items() for state in text.split(",") if text
    ]


def done(plan: Plan) -> list[str]:
    names = [one["metadata"]["name"].removeprefix("d-") for one in plan.delete]
    return [*(f"+{node}" for node in plan.create), *(f"-{name}" for name in names)]


ALL = dict.fromkeys(NAMES, "ready")


@pytest.mark.parametrize(
    ("states", "strategy", "steps"),
    [
        ({}, None, ["+a", "+b", "+c", "+d"]),
        (ALL, None, []),
        ({**ALL, "b": "going"}, None, []),  # its successor waits until it has gone
        ({**ALL, "b": "going"}, SURGE, ["+b"]),  # or does not
        ({**ALL, "b": "failed"}, None, ["-b-new"]),
        ({**ALL, "b": "done"}, None, ["-b-new"]),
        ({**ALL, "z": "ready"}, None, ["-z-new"]),  # one that is not bound, of a node that is not there
        ({**ALL, "b": "old ready, ready"}, None, ["-b-old"]),
        ({**ALL, "b": "old ready, running"}, SURGE, []),  # one follows the other
        ({**ALL, "b": "old ready, ready"}, SURGE, ["-b-old"]),
        ({**ALL, "b": "old running, running"}, SURGE, ["-b-old"]),
    ],
)
def test_one_pod_on_each_node(states: dict[str, str], strategy: Object | None, steps: list[str]) -> None:
    owner = daemon_set(strategy=strategy)
    pods = pods_of(owner, states)
    for one in pods:
        if one["spec"]["nodeName"] == "z":
            del one["spec"]["nodeName"]
    assert done(manage(view(owner, NODES, pods))) == steps


def test_pods_leave_nodes_that_they_are_not_to_be_on() -> None:
    owner = daemon_set({"nodeSelector": {"x": "1"}})
    tainted = node("b", {"x": "1"}, {"key": "k", "effect": "NoSchedule"})
    nodes = [node("a"), tainted, node("c", {"x": "1"})]
    pods = pods_of(owner, {"a": "ready", "b": "ready", "c": "ready"})
    assert done(manage(view(owner, nodes, pods))) == ["-a-new"]


def test_failed_pods_are_deleted_no_faster_than_the_back_off() -> None:
    owner = daemon_set()
    pods = pods_of(owner, {**ALL, "b": "failed"})
    found = manage(view(owner, NODES, pods))
    text = "Found failed daemon pod n/d-b-new on node b, will try to kill it"
    assert (found.events, found.killed) == ((("Warning", "FailedDaemonPod", text),), ("b",))
    held = manage(view(owner, NODES, pods, b=4.0))
    assert (done(held), held.events, held.again) == ([], (), 4.0)


@pytest.mark.parametrize(
    ("states", "strategy", "steps"),
    [
        (dict.fromkeys(NAMES, "old ready"), None, ["-a-old"]),
        (dict.fromkeys(NAMES, "old ready"), {"maxUnavailable": "50%"}, ["-a-old", "-b-old"]),
        ({**dict.fromkeys(NAMES, "old ready"), "a": "ready"}, None, ["-b-old"]),
        ({**dict.fromkeys(NAMES, "old ready"), "a": "running"}, None, []),
        ({**dict.fromkeys(NAMES, "old ready"), "a": "old going"}, None, []),
        ({**dict.fromkeys(NAMES, "old ready"), "a": ""}, None, []),
        # What is not available anyway need not be spared.
        ({**dict.fromkeys(NAMES, "old running"), "a": "running"}, None, ["-b-old", "-c-old", "-d-old"]),
        ({**ALL, "c": "old running", "d": "old ready"}, None, ["-c-old"]),
        ({**ALL, "c": "old running", "d": "old ready"}, {"maxUnavailable": 2}, ["-c-old", "-d-old"]),
        (dict.fromkeys(NAMES, "old ready"), SURGE, ["+a"]),
        (dict.fromkeys(NAMES, "old ready"), {"maxSurge": "50%"}, ["+a", "+b"]),
        ({**dict.fromkeys(NAMES, "old ready"), "a": "old ready, running"}, SURGE, []),
        ({**dict.fromkeys(NAMES, "old ready"), "a": "old ready, ready"}, SURGE, ["+b", "-a-old"]),
        ({**dict.fromkeys(NAMES, "old ready"), "a": "old running"}, SURGE, ["+a", "+b"]),
        (ALL, None, []),
        (ALL, SURGE, []),
    ],
)
def test_old_pods_make_way_step_by_step(
    states: dict[str, str], strategy: Object | None, steps: list[str]
) -> None:
    owner = daemon_set(strategy=strategy)
    assert done(roll(view(owner, NODES, pods_of(owner, states)))) == steps


def test_with_a_surge_a_misplaced_pod_waits_for_others() -> None:
    owner = daemon_set({"nodeSelector": {"x": "1"}}, SURGE)
    tainted = node("a", {"x": "1"}, {"key": "k", "effect": "NoSchedule"})
    nodes = [tainted, node("b", {"x": "1"})]
    waiting = view(owner, nodes, pods_of(owner, {"a": "old ready", "b": "running"}))
    assert done(roll(waiting)) == []
    there = view(owner, nodes, pods_of(owner, {"a": "old ready", "b": "ready"}))
    assert done(roll(there)) == ["-a-old"]


def test_status_counts_nodes() -> None:
    owner = daemon_set({"nodeSelector": {"x": "1"}}, minReadySeconds=60)
    nodes = [node(name, {"x": "1"}) for name in "abcd"] + [node("e")]
    pods = pods_of(owner, {"a": "ready", "b": "running", "c": "old ready", "e": "ready"})
    pods.append(pod(owner, "d", "going", since=30.0))
    assert status_of(view(owner, nodes, pods), True) == {
        "desiredNumberScheduled": 4,
        "currentNumberScheduled": 4,
        "numberMisscheduled": 1,
        "numberReady": 3,
        "updatedNumberScheduled": 3,
        "numberAvailable": 2,
        "numberUnavailable": 2,
        "observedGeneration": 3,
    }
    assert "observedGeneration" not in status_of(view(owner, nodes, pods), False)


STATES = ("ready", "running", "failed", "done", "going")
states = st.lists(st.sampled_from([*STATES, *(f"old {one}" for one in STATES)]), max_size=4)


@given(st.dictionaries(st.sampled_from(NAMES), states), st.sampled_from([None, SURGE]), st.booleans())
def test_what_goes_was_there_and_goes_once(
    there: dict[str, list[str]], strategy: Object | None, tainted: bool
) -> None:
    owner = daemon_set(strategy=strategy)
    nodes = [*NODES[:3], node("d", {}, {"key": "k", "effect": "NoExecute"})] if tainted else NODES
    pods = [
        pod(owner, name, state, f"{name}-{at}", NOW - at)
        for name, found in there.items()
        for at, state in enumerate(found)
    ]
    seen = view(owner, nodes, pods)
    for found in (manage(seen), roll(seen)):
        names = [one["metadata"]["name"] for one in found.delete]
        assert len(set(names)) == len(names)
        assert not [one for one in found.delete if "deletionTimestamp" in one["metadata"]]
        assert len(set(found.create)) == len(found.create)
        assert all(seen.placement(one).run for one in found.create)
