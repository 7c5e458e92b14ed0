"""What a Deployment says of itself."""

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.deployments import status
from sampan.kube.controllers.deployments.status import (
    condition,
    counted,
    next_check,
    pausing,
    rolled,
    with_condition,
)

NOW = 1_800_000_000.0


def deployment(reason: str = "", ago: float = 0, known: Object | None = None, **spec: object) -> Object:
    """With a Progressing condition of that reason and age."""
    state = {"True": "True", "ProgressDeadlineExceeded": "False", "DeploymentPaused": "Unknown"}
    conditions = []
    if reason:
        conditions = [condition("Progressing", state.get(reason, "True"), reason, "", NOW - ago)]
    fixed = {"replicas": 4, "strategy": {"type": "Recreate"}, "progressDeadlineSeconds": 60}
    return {
        "metadata": {"name": "d", "generation": 2},
        "spec": {**fixed, **spec},
        "status": {**(known or {}), "conditions": conditions},
    }


def replica_set(name: str, size: int, ready: int = 0, available: int = 0, **more: object) -> Object:
    counts = {"replicas": size, "readyReplicas": ready, "availableReplicas": available}
    return {"metadata": {"name": name}, "spec": {"replicas": size}, "status": {**counts, **more}}


def progressing(found: Object) -> tuple[str, str, str]:
    one = next(one for one in found["conditions"] if one["type"] == "Progressing")
    return one["status"], one["reason"], one["message"]


def test_the_counts_are_those_of_its_sets() -> None:
    old = [replica_set("old", 2, 2, 1, terminatingReplicas=1, observedGeneration=1)]
    new = replica_set("new", 3, 1, 0, terminatingReplicas=0, observedGeneration=1)
    found = counted(deployment(), old, new, NOW)
    del found["conditions"]
    assert found == {
        "observedGeneration": 2,
        "replicas": 5,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 1,
        "unavailableReplicas": 4,
        "terminatingReplicas": 1,
    }


@pytest.mark.parametrize(
    "statuses, wanted",
    [
        ([], 0),
        ([{}], 0),  # quite new
        ([{"observedGeneration": 1, "terminatingReplicas": 2}, {}], 2),
        ([{"observedGeneration": 1}, {"observedGeneration": 1, "terminatingReplicas": 2}], None),
    ],
)
def test_terminating_pods_are_counted_once_all_sets_tell(statuses: list[Object], wanted: int | None) -> None:
    sets = [replica_set("s", 0, **one) for one in statuses]
    assert counted(deployment(), sets, None, NOW).get("terminatingReplicas") == wanted


@pytest.mark.parametrize(
    "what, value, new, wanted",
    [
        ("done", deployment("ReplicaSetUpdated"), replica_set("new", 4, 4, 4), "NewReplicaSetAvailable"),
        ("more new pods", deployment("NewReplicaSetCreated"), replica_set("new", 1), "ReplicaSetUpdated"),
        (
            "nothing for a while",
            deployment("ReplicaSetUpdated", 59, {"updatedReplicas": 1, "replicas": 1}),
            replica_set("new", 1),
            "ReplicaSetUpdated",
        ),
        (
            "nothing for too long",
            deployment("ReplicaSetUpdated", 61, {"updatedReplicas": 1, "replicas": 1}),
            replica_set("new", 1),
            "ProgressDeadlineExceeded",
        ),
        (
            "late, but it gets on again",
            deployment("ProgressDeadlineExceeded", 99, {"updatedReplicas": 1, "replicas": 1}),
            replica_set("new", 2),
            "ReplicaSetUpdated",
        ),
        (
            "a pod is lost after the end",
            deployment("NewReplicaSetAvailable", 999, {"updatedReplicas": 4, "replicas": 4}),
            replica_set("new", 4, 3, 3),
            "NewReplicaSetAvailable",
        ),
    ],
)
def test_how_a_rollout_gets_on(what: str, value: Object, new: Object, wanted: str) -> None:
    assert progressing(rolled(value, [], new, NOW))[1] == wanted, what


def test_messages_name_the_set() -> None:
    new = replica_set("d-1", 4, 4, 4)
    row = progressing(rolled(deployment("ReplicaSetUpdated"), [], new, NOW))
    assert row == ("True", "NewReplicaSetAvailable", 'ReplicaSet "d-1" has successfully progressed.')


@pytest.mark.parametrize("deadline", [None, 2147483647])
def test_without_a_deadline_nothing_is_said_of_progress(deadline: int | None) -> None:
    value = deployment("ReplicaSetUpdated", progressDeadlineSeconds=deadline)
    found = rolled(value, [], replica_set("new", 1), NOW)
    assert [one["type"] for one in found["conditions"]] == ["Available"]
    assert next_check(value, found, NOW) is None


def test_the_failure_of_a_set_is_the_deployments_and_goes_with_it() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no"}
    failure["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    new = replica_set("new", 1, conditions=[failure])
    value = deployment("ReplicaSetUpdated")
    found = rolled(value, [], new, NOW)
    told = next(one for one in found["conditions"] if one["type"] == "ReplicaFailure")
    assert told == {**failure, "lastUpdateTime": "2026-01-01T00:00:00Z"}
    found = rolled({**value, "status": found}, [], replica_set("new", 1), NOW)
    assert "ReplicaFailure" not in [one["type"] for one in found["conditions"]]


def test_a_condition_moves_to_the_end_and_keeps_its_time_as_long_as_it_holds() -> None:
    first = {"conditions": [condition("A", "True", "x", "", 0), condition("B", "True", "x", "", 0)]}
    assert with_condition(first, condition("A", "True", "x", "new", NOW)) is first
    found = with_condition(first, condition("A", "True", "y", "", NOW))["conditions"]
    assert [one["type"] for one in found] == ["B", "A"]
    assert found[1]["lastTransitionTime"] == "1970-01-01T00:00:00Z"
    assert found[1]["lastUpdateTime"] == "2027-01-15T08:00:00Z"
    found = with_condition(first, condition("A", "False", "x", "", NOW))["conditions"]
    assert found[1]["lastTransitionTime"] == "2027-01-15T08:00:00Z"


@pytest.mark.parametrize(
    "value, wanted",
    [
        (deployment("ReplicaSetUpdated", paused=True), "DeploymentPaused"),
        (deployment("DeploymentPaused", paused=True), None),
        (deployment("DeploymentPaused"), "DeploymentResumed"),
        (deployment("ReplicaSetUpdated"), None),
        (deployment("ProgressDeadlineExceeded", paused=True), None),
        (deployment("", paused=True, progressDeadlineSeconds=None), None),
    ],
)
def test_a_pause_and_its_end_are_told(value: Object, wanted: str | None) -> None:
    found = pausing(value, NOW)
    assert (found or {}).get("reason") == wanted


@pytest.mark.parametrize(
    "value, seconds",
    [
        (deployment("ReplicaSetUpdated", 20), 41),
        (deployment("ReplicaSetUpdated", 90), 1),
        (deployment("ProgressDeadlineExceeded", 20), None),
        (deployment("NewReplicaSetAvailable", 20), None),
        (deployment("ReplicaSetUpdated", 20, paused=True), None),
    ],
)
def test_the_deadline_is_looked_at_when_it_has_passed(value: Object, seconds: float | None) -> None:
    assert next_check(value, value["status"], NOW) == seconds


@pytest.mark.parametrize(
    "value, old, new, reason, message",
    [
        (deployment(paused=True), [], None, "DeploymentPaused", "it is paused"),
        (deployment(), [], replica_set("n", 4, 2, 2), "WaitsForPods", "2 of 4 new pods are available"),
        (
            deployment("ProgressDeadlineExceeded"),
            [replica_set("o", 1)],
            replica_set("n", 4),
            "ProgressDeadlineExceeded",
            "0 of 4 new pods are available, 1 old ones remain",
        ),
    ],
)
def test_it_says_what_it_waits_for(
    value: Object, old: list[Object], new: Object | None, reason: str, message: str
) -> None:
    found = status.waits_for(value, old, new)
    assert found is not None
    assert found[:2] == (reason, message)


def test_conditions_that_say_little_are_borne() -> None:
    """The API takes a condition with a type and a status only."""
    odd = deployment()
    for stamp in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        known = {"type": "Progressing", "status": "True", "lastUpdateTime": stamp}
        odd["status"] = {"conditions": [known, {"type": "Available", "status": "False"}]}
        found = rolled(odd, [], replica_set("new", 1), NOW)
        assert {one["type"] for one in found["conditions"]} == {"Progressing", "Available"}
        next_check(odd, odd["status"], NOW)
