"""What is done for a StatefulSet, and what it waits for."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.controllers.statefulsets.plan import MOST_MISSING, Plan, plan
from tests.kube.controllers.statefulsets.sets import NEW, OLD, pod, stateful_set, view

STATES = ("ready", "running", "pending", "failed", "going")


def done(found: Plan) -> list[str]:
    """Every step as a word: "+2" creates w-2, "-2" deletes it, "*2" makes it right."""
    steps = []
    for stage in found.stages:
        for step in stage:
            sign = "+" if step.create else "-" if step.delete else "*"
            steps.append(f"{sign}{step.pod['metadata']['name'].removeprefix('w-')}")
    if found.outdated is not None:
        steps.append(f"-{found.outdated['metadata']['name'].removeprefix('w-')}")
    return steps


def check(owner: Object, states: Sequence[str | None], steps: list[str], **more: str) -> None:
    """`states` by number, "old ..." for a pod of the old revision, None for one that is missing."""
    pods = [
        pod(owner, number, state.removeprefix("old "), OLD if state.startswith("old ") else NEW)
        for number, state in enumerate(states)
        if state is not None
    ]
    assert done(plan(view(owner, pods, **more))) == steps  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("states", "steps"),
    [
        ([], ["+0"]),  # one at a time
        (["pending"], []),  # the next waits for it
        (["running"], []),
        (["ready"], ["+1"]),
        (["ready", "going"], []),  # gone first, then made again
        (["ready", None, "ready"], ["+1"]),
        (["ready", "failed", "ready"], ["-1"]),  # made anew
        (["ready", "done", "ready"], ["-1"]),
        (["ready", "ready", "ready"], []),
        (["ready", "ready", "ready", "ready", "ready"], ["-4"]),  # the highest goes first
        (["ready", "ready", "ready", "ready", "going"], []),
        (["ready", "ready", "ready", "running", "ready"], ["-4"]),
        (
            ["ready", "ready", "ready", "running", "running"],
            [],
        ),  # of several that are not well the lowest first
        (["ready", "ready", "ready", "ready", "running"], ["-4"]),
        (["ready", "running", "ready", "ready"], []),
        (["old ready", "old ready", "old ready"], ["-2"]),
        (["old ready", "old ready", "running"], []),
        (["old ready", "old ready", "ready"], ["-1"]),
        (["old ready", "old going", "ready"], []),
        (["old ready", "ready", "ready"], ["-0"]),
        (["old ready", "old ready", "old ready", "old ready"], ["-3"]),  # scaling comes before updating
    ],
)
def test_pods_come_and_go_in_order(states: list[str | None], steps: list[str]) -> None:
    check(stateful_set(), states, steps)


@pytest.mark.parametrize(
    ("states", "steps"),
    [
        ([], ["+0", "+1", "+2"]),
        (["pending", None, "failed"], ["+1", "-2"]),
        (["ready", "running", "going", "running", "ready"], ["-4", "-3"]),
        (["old ready", "old ready", None], ["+2"]),
        (["old ready", "old ready", "pending"], []),
        (["old running", "old ready", "ready"], ["-1"]),
    ],
)
def test_a_parallel_set_waits_for_nothing_but_its_update(states: list[str | None], steps: list[str]) -> None:
    check(stateful_set(podManagementPolicy="Parallel"), states, steps)


def test_pods_below_the_partition_stay_as_they_are() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    owner = stateful_set(updateStrategy=strategy)
    check(owner, ["old ready", "old ready", "old ready"], ["-2"], current=OLD)
    check(owner, ["old ready", "old ready", "ready"], [], current=OLD)
    found = plan(view(owner, [], current=OLD))
    assert found.stages[0][0].pod["metadata"]["labels"]["controller-revision-hash"] == OLD
    assert found.stages[0][0].pod["spec"]["v"] == OLD


def test_on_delete_nothing_is_replaced() -> None:
    owner = stateful_set(updateStrategy={"type": "OnDelete"})
    check(owner, ["old ready", "old ready", "old ready"], [])
    found = plan(view(owner, [pod(owner, 0, revision=OLD)], current=OLD))
    assert found.stages[0][0].pod["metadata"]["labels"]["controller-revision-hash"] == NEW


def test_numbers_may_start_anywhere() -> None:
    owner = stateful_set(2, ordinals={"start": 5}, podManagementPolicy="Parallel")
    pods = [pod(owner, number) for number in (4, 5, 7)]
    assert done(plan(view(owner, pods))) == ["+6", "-7", "-4"]


def test_a_pod_must_have_been_ready_for_long_enough() -> None:
    owner = stateful_set(2, minReadySeconds=10)
    waiting = plan(view(owner, [pod(owner, 0, since=9.0)]))
    assert (done(waiting), waiting.waits) == ([], "w-0 has not been ready for 10 s")
    assert done(plan(view(owner, [pod(owner, 0, since=10.0)]))) == ["+1"]


def test_a_set_on_its_way_out_does_nothing_more() -> None:
    owner = stateful_set()
    owner["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z"
    check(owner, ["failed"], [])


def test_what_it_waits_for_is_told() -> None:
    owner = stateful_set()
    assert plan(view(owner, [pod(owner, 0, "running")])).waits == "w-0 is not running and ready"
    assert plan(view(owner, [pod(owner, one) for one in range(3)])).waits == ""


def test_status_counts() -> None:
    owner = stateful_set(5, minReadySeconds=10)
    pods = [
        pod(owner, 0, revision=OLD, since=11.0),
        pod(owner, 1, since=5.0),
        pod(owner, 2, "going", revision=OLD, since=11.0),
        pod(owner, 3, "pending"),
    ]
    assert plan(view(owner, pods, current=OLD)).status == {
        "observedGeneration": 2,
        "replicas": 4,
        "readyReplicas": 3,
        "availableReplicas": 2,
        "currentReplicas": 1,
        "updatedReplicas": 2,
        "currentRevision": OLD,
        "updateRevision": NEW,
        "collisionCount": 0,
    }


states = st.lists(
    st.one_of(st.none(), st.tuples(st.sampled_from(STATES), st.sampled_from((OLD, NEW)))), max_size=7
)


@given(st.integers(0, 5), states, st.booleans())
def test_in_order_no_more_than_one_pod_is_touched(
    replicas: int, found: list[tuple[str, str] | None], parallel: bool
) -> None:
    owner = stateful_set(replicas, podManagementPolicy="Parallel" if parallel else "OrderedReady")
    pods = [pod(owner, number, *one) for number, one in enumerate(found) if one is not None]
    steps = done(plan(view(owner, pods, current=OLD)))
    there = {str(number): one for number, one in enumerate(found) if one is not None}
    assert all((step[1:] in there) == (step[0] == "-") for step in steps)
    assert not [step for step in steps if step[0] == "-" and there[step[1:]][0] == "going"]
    assert len(set(steps)) == len(steps)
    if not parallel:
        assert len(steps) <= 1
    if not steps and all(one is not None and one[0] == "ready" for one in found):
        assert len(found) == replicas and all(one is not None and one[1] == NEW for one in found)


def test_two_billion_pods_are_made_little_by_little() -> None:
    most = (1 << 31) - 1
    check(stateful_set(most), ["ready"] * 3, ["+3"])
    wide = stateful_set(most, podManagementPolicy="Parallel")
    check(wide, ["ready", None, "old ready"], [f"+{one}" for one in (1, *range(3, 3 + MOST_MISSING - 1))])
    far = stateful_set(3, ordinals={"start": most - 3})
    check(far, [], [f"+{most - 3}"])
