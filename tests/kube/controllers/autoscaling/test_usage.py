"""How many replicas what is measured asks for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Failed
from sampan.kube.client.requests import Object
from sampan.kube.controllers.autoscaling.samples import Sample
from sampan.kube.controllers.autoscaling.usage import (
    Proposal,
    Target,
    Tolerance,
    groups,
    propose,
    propose_by_ratio,
    propose_per_pod,
    requests,
    tolerance_of,
)
from sampan.specs.kubernetes import time as times

NOW = 1_800_000_000.0
TOLERANCE = Tolerance()


def pod(name: str, state: str = "ready", cpu: str = "1") -> Object:
    """`state`: ready, unready, pending, failed, going."""
    ready = {"type": "Ready", "status": "True" if state == "ready" else "False"}
    ready["lastTransitionTime"] = times.text(NOW - 3600)
    metadata: Object = {"name": name}
    if state == "going":
        metadata["deletionTimestamp"] = times.text(NOW)
    phase = {"pending": "Pending", "failed": "Failed"}.get(state, "Running")
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    status = {"phase": phase, "conditions": [ready], "startTime": times.text(NOW - 3600)}
    return {"metadata": metadata, "spec": {"containers": [container]}, "status": status}


def pods_of(*states: str) -> list[Object]:
    return [pod(str(number), state) for number, state in enumerate(states)]


def samples_of(*values: int | None) -> dict[str, Sample]:
    """Of the pods by number; None: there is none."""
    return {str(number): Sample(value, NOW) for number, value in enumerate(values) if value is not None}


@pytest.mark.parametrize(
    ("states", "percent", "values", "wanted"),
    [
        (["ready"] * 3, 30, [300, 500, 700], 5),
        (["ready"] * 3, 50, [500, 490, 510], 3),  # on target
        (["ready"] * 3, 50, [540, 540, 540], 3),  # nearly
        (["ready"] * 3, 50, [560, 560, 560], 4),
        (["ready"] * 3, 50, [100, 100, 100], 1),
        # Those that are not ready count for nothing where more would be wanted.
        (["ready", "ready", "pending"], 50, [600, 600, None], 3),
        (["ready", "pending", "pending"], 50, [2000, None, None], 4),
        (["ready", "unready", "unready"], 50, [100, 900, 900], 1),
        # Of those without a sample, the worst is assumed: nothing where more would be wanted ...
        (["ready", "ready", "ready"], 30, [600, 600, None], 4),
        # ... and what is aimed at, or all that they ask for, where fewer would be.
        (["ready", "ready", "ready"], 50, [100, 100, None], 3),
        (["ready", "ready", "failed"], 50, [600, 600, 9000], 3),
        (["ready", "ready", "going"], 50, [600, 600, 9000], 3),
    ],
)
def test_utilization(states: list[str], percent: int, values: list[int | None], wanted: int) -> None:
    pods = pods_of(*states)
    target = Target(percent, requests(pods, "", "cpu"))
    found = propose(len(pods), pods, samples_of(*values), target, TOLERANCE, "cpu", NOW)
    assert found.replicas == wanted


def test_averages_are_told() -> None:
    pods = pods_of("ready", "ready", "ready")
    samples = samples_of(300, 500, 700)
    target = Target(30, requests(pods, "", "cpu"))
    assert propose(3, pods, samples, target, TOLERANCE, "cpu", NOW) == Proposal(5, 500, 50)
    assert propose(3, pods, samples, Target(250), TOLERANCE, "", NOW) == Proposal(6, 500, None)


@pytest.mark.parametrize(
    ("states", "values", "message"),
    [
        ([], [], "no pods returned by selector while calculating replica count"),
        (
            ["pending", "going"],
            [1, 1],
            "did not receive metrics for targeted pods (pods might be unready)",
        ),
    ],
)
def test_where_nothing_can_be_said(states: list[str], values: list[int | None], message: str) -> None:
    pods = pods_of(*states)
    with pytest.raises(Failed) as caught:
        propose(2, pods, samples_of(*values), Target(100), TOLERANCE, "cpu", NOW)
    assert caught.value.message == message


def test_a_pod_that_asks_for_nothing_has_no_utilization() -> None:
    value = pod("p")
    value["spec"]["containers"].append({"name": "d", "resources": {}})
    with pytest.raises(Failed) as caught:
        requests([value], "", "cpu")
    assert caught.value.message == "missing request for cpu in container d of Pod p"
    assert requests([value], "c", "cpu") == {"p": 1000}
    value["spec"]["resources"] = {"requests": {"cpu": "300m"}}
    assert requests([value], "", "cpu") == {"p": 300}
    sidecar = {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}}
    value = pod("p")
    value["spec"]["initContainers"] = [sidecar, {"name": "i", "resources": {}}]
    assert requests([value], "", "cpu") == {"p": 2000}


@pytest.mark.parametrize(
    ("ready", "started", "changed", "at", "starting"),
    [
        ("True", 60, 50, 0, False),  # a sample since it became ready
        ("True", 60, 50, 45, True),  # one of the time before
        ("False", 60, 50, 0, True),
        ("True", 3600, 3500, 0, False),
        ("False", 3600, 3590, 0, True),  # never was ready
        ("False", 3600, 60, 0, False),  # has been, and is not any more
    ],
)
def test_a_start_is_not_counted(ready: str, started: int, changed: int, at: int, starting: bool) -> None:
    value = pod("p")
    value["status"]["startTime"] = times.text(NOW - started)
    value["status"]["conditions"] = [
        {"type": "Ready", "status": ready, "lastTransitionTime": times.text(NOW - changed)}
    ]
    found = groups([value], {"p": Sample(1, NOW - at, 20.0)}, "cpu", NOW)
    assert found.unready == (frozenset("p") if starting else frozenset())
    assert groups([value], {"p": Sample(1, NOW - at, 20.0)}, "memory", NOW).ready == 1


@pytest.mark.parametrize(
    ("current", "value", "target", "ready", "wanted"),
    [(3, 20000, 10000, 3, 6), (3, 10500, 10000, 3, 3), (3, 20000, 10000, 2, 4), (0, 25000, 10000, 0, 3)],
)
def test_one_value_for_all(current: int, value: int, target: int, ready: int, wanted: int) -> None:
    pods = pods_of(*["ready"] * ready, *["unready"] * (current - ready))
    assert propose_by_ratio(current, value, target, pods, TOLERANCE).replicas == wanted


@pytest.mark.parametrize(
    ("replicas", "value", "target", "wanted", "average"),
    [(3, 8600, 2000, 5, 2867), (4, 8600, 2000, 4, 2150), (0, 8600, 2000, 5, 0)],
)
def test_one_value_that_pods_share(replicas: int, value: int, target: int, wanted: int, average: int) -> None:
    assert propose_per_pod(replicas, value, target, TOLERANCE) == Proposal(wanted, average)


def test_each_direction_has_a_tolerance() -> None:
    behavior: dict[str, Any] = {"scaleDown": {"tolerance": "50m"}, "scaleUp": {"tolerance": "0"}}
    found = tolerance_of({"spec": {"behavior": behavior}})
    assert found == Tolerance(0.05, 0.0)
    assert (found.holds(0.96), found.holds(1.01), found.holds(0.94)) == (True, False, False)
    assert tolerance_of({"spec": {}}) == Tolerance(0.1, 0.1)


states = st.lists(st.sampled_from(["ready", "unready", "pending", "failed", "going"]), min_size=1, max_size=6)


@given(
    states,
    st.lists(st.one_of(st.none(), st.integers(0, 5000)), min_size=6, max_size=6),
    st.integers(100, 5000),
)
def test_what_cannot_be_judged_never_speeds_a_change_up(
    found: list[str], values: list[int | None], target: int
) -> None:
    pods, samples = pods_of(*found), samples_of(*values[: len(found)])
    try:
        proposal = propose(len(pods), pods, samples, Target(target), TOLERANCE, "cpu", NOW)
    except Failed:
        return
    judged = groups(pods, samples, "cpu", NOW)
    left_out = judged.ignored | judged.unready
    total = sum(one.value for name, one in samples.items() if name not in left_out)
    # One more or less: averages are rounded down.
    if proposal.replicas > len(pods):
        assert proposal.replicas <= total / target + 1
    if proposal.replicas < len(pods):
        assert proposal.replicas >= total / target - 1
