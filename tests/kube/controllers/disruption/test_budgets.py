"""What a budget allows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.controllers.disruption.budgets import (
    amounts,
    disrupted,
    failed,
    is_news,
    needs_scale,
    status_of,
    unmanaged_message,
)
from sampan.kube.controllers.disruption.stale import stale_in, withdrawn
from sampan.specs.kubernetes import time as times

NOW = 1_800_000_000.0


def budget(status: Object | None = None, **spec: Any) -> Object:
    metadata = {"name": "b", "namespace": "n", "uid": "b", "generation": 2}
    return {
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": {"app": "x"}}, **spec},
        "status": status or {},
    }


def pod(name: str, ready: bool = True, **metadata: Any) -> Object:
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {"metadata": {"name": name, **metadata}, "status": {"phase": "Running", "conditions": [condition]}}


@pytest.mark.parametrize(
    ("spec", "pods", "scale", "wanted"),
    [
        ({"minAvailable": 2}, 5, 0, (5, 2)),
        ({"minAvailable": "50%"}, 1, 5, (5, 3)),
        ({"minAvailable": "0%"}, 1, 5, (5, 0)),
        ({"maxUnavailable": 2}, 1, 5, (5, 3)),
        ({"maxUnavailable": "30%"}, 1, 5, (5, 3)),
        ({"maxUnavailable": 9}, 1, 5, (5, 0)),
        ({}, 3, 3, (0, 0)),
    ],
)
def test_how_many_must_be_healthy(spec: Object, pods: int, scale: int, wanted: tuple[int, int]) -> None:
    assert amounts(budget(**spec), pods, scale) == wanted
    assert needs_scale(budget(**spec)) == (spec.get("minAvailable") != 2 and bool(spec))


def told(of: Object, pods: list[Object], expected: int, desired: int) -> Object:
    return status_of(of, expected, desired, pods, disrupted(of, pods, NOW).awaited, NOW)


def test_what_may_go() -> None:
    found = told(budget(), [pod("a"), pod("b"), pod("c", False), pod("d", deletionTimestamp="x")], 4, 1)
    assert found == {
        "observedGeneration": 2,
        "disruptionsAllowed": 1,
        "currentHealthy": 2,
        "desiredHealthy": 1,
        "expectedPods": 4,
        "conditions": [
            {
                "type": "DisruptionAllowed",
                "status": "True",
                "lastTransitionTime": times.text(NOW),
                "reason": "SufficientPods",
                "message": "",
                "observedGeneration": 2,
            }
        ],
    }
    assert told(budget(), [pod("a")], 0, 0)["disruptionsAllowed"] == 0  # nobody is expected yet


def test_an_evicted_pod_does_not_count_until_its_time_is_over() -> None:
    since = {"a": times.text(NOW - 100), "b": times.text(NOW - 121), "gone": times.text(NOW)}
    of = budget({"disruptedPods": since})
    pods = [pod("a"), pod("b"), pod("c")]
    found = disrupted(of, pods, NOW)
    assert (found.awaited, [one["metadata"]["name"] for one in found.stayed], found.again) == (
        {"a": since["a"]},
        ["b"],
        20.0,
    )
    assert told(of, pods, 3, 1)["currentHealthy"] == 2
    assert disrupted(budget({"disruptedPods": {"a": "nonsense"}}), pods, NOW).awaited == {}


def test_a_condition_keeps_its_time_while_it_stays() -> None:
    first = told(budget(), [pod("a")], 1, 1)
    of = budget(first)
    again = told(of, [pod("a")], 1, 1)
    assert not is_news(of, again)
    later = status_of(of, 1, 0, [pod("a")], {}, NOW + 60)
    assert is_news(of, later)
    assert later["conditions"][0]["lastTransitionTime"] == times.text(NOW + 60)


def test_where_nothing_is_known_nothing_is_allowed() -> None:
    before = {"disruptionsAllowed": 3, "expectedPods": 5, "observedGeneration": 1, "conditions": []}
    found = failed(budget(before), "no scale", NOW)
    assert (found["disruptionsAllowed"], found["expectedPods"]) == (0, 5)
    condition = found["conditions"][0]
    assert (condition["reason"], condition["message"], condition["observedGeneration"]) == (
        "SyncFailed",
        "no scale",
        1,
    )


def test_pods_without_a_controller_are_told_of() -> None:
    assert (
        "(selector: &LabelSelector{MatchLabels:map[string]string{app: x,},"
        "MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged"
    ) in unmanaged_message(budget())


@pytest.mark.parametrize(
    ("condition", "metadata", "phase", "seconds"),
    [
        ({}, {}, "Running", 20.0),
        ({"status": "False"}, {}, "Running", None),
        ({"reason": "TerminationByKubelet"}, {}, "Running", None),
        ({"lastTransitionTime": times.text(NOW - 500)}, {}, "Running", 0.0),
        ({}, {"deletionTimestamp": "x"}, "Running", None),
        ({}, {}, "Failed", None),
    ],
)
def test_a_disruption_that_did_not_come_is_taken_back(
    condition: Object, metadata: Object, phase: str, seconds: float | None
) -> None:
    since = times.text(NOW - 100)
    conditions = [{"type": "DisruptionTarget", "status": "True", "lastTransitionTime": since, **condition}]
    value = {"metadata": {"name": "p", **metadata}, "status": {"phase": phase, "conditions": conditions}}
    assert stale_in(value, NOW) == seconds
    assert withdrawn(value, NOW)["status"]["conditions"][0]["status"] == "False"


@given(st.lists(st.booleans(), max_size=6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))
def test_no_more_may_go_than_leaves_what_must_stay(
    ready: list[bool], expected: int, desired: int, evicted: int
) -> None:
    pods = [pod(str(number), one) for number, one in enumerate(ready)]
    of = budget({"disruptedPods": {str(one): times.text(NOW) for one in range(evicted)}})
    found = told(of, pods, expected, desired)
    allowed = found["disruptionsAllowed"]
    assert 0 <= allowed <= sum(ready[evicted:])
    assert allowed == 0 or sum(ready[evicted:]) - allowed >= desired
    assert (found["conditions"][0]["status"] == "True") == (allowed > 0)
