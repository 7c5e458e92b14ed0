"""What a set says of its pods."""

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.replicasets.status import differs, next_look, status

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
LONG_AGO, JUST_NOW = "2026-01-01T00:00:00Z", "2027-01-15T07:59:50Z"
LABELS = {"app": "x", "tier": "a"}


def replica_set(delay: int = 0, *conditions: Object) -> Object:
    return {
        "metadata": {"name": "r", "generation": 3},
        "spec": {
            "replicas": 3,
            "minReadySeconds": delay,
            "template": {"metadata": {"labels": LABELS}, "spec": {}},
        },
        "status": {"replicas": 0, "conditions": list(conditions)},
    }


def pod(since: str | None = LONG_AGO, labels: dict[str, str] = LABELS) -> Object:
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": since}] if since else []
    return {"metadata": {"name": "p", "labels": labels}, "status": {"conditions": conditions}}


@pytest.mark.parametrize(
    "what, pods, delay, wanted",
    [
        ("none", [], 0, {"replicas": 0}),
        ("not ready", [pod(None)], 0, {"replicas": 1, "fullyLabeledReplicas": 1}),
        (
            "ready",
            [pod(), pod(None)],
            0,
            {"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 1, "availableReplicas": 1},
        ),
        (
            "ready for too short a time",
            [pod(), pod(JUST_NOW)],
            30,
            {"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 1},
        ),
        (
            "selected, but without a label of the template",
            [pod(labels={"app": "x"})],
            0,
            {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1},
        ),
    ],
)
def test_pods_are_counted(what: str, pods: list[Object], delay: int, wanted: Object) -> None:
    found = status(replica_set(delay), pods, 2, None, NOW)
    assert found == {**wanted, "terminatingReplicas": 2, "observedGeneration": 3}, what


FAILED = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "first"}
OTHER = {"type": "Other", "status": "True"}


@pytest.mark.parametrize(
    "known, failure, wanted",
    [
        ([], None, None),
        ([], "no", [("ReplicaFailure", "FailedCreate", "no")]),
        ([FAILED], "no", [("ReplicaFailure", "FailedCreate", "first")]),
        ([FAILED], None, None),
        ([OTHER, FAILED], None, [("Other", None, None)]),
    ],
)
def test_a_failure_is_told_until_it_is_over(
    known: list[Object], failure: str | None, wanted: list[tuple[str, str, str]] | None
) -> None:
    found = status(replica_set(0, *known), [], None, failure, NOW).get("conditions")
    rows = [(one["type"], one.get("reason"), one.get("message")) for one in found or ()]
    assert (rows or None) == wanted


def test_too_many_pods_fail_to_be_deleted() -> None:
    (condition,) = status(replica_set(), [pod()] * 5, 0, "no", NOW)["conditions"]
    assert condition["reason"] == "FailedDelete"
    assert condition["lastTransitionTime"] == "2027-01-15T08:00:00Z"


def test_zeros_that_the_server_leaves_out_are_no_news() -> None:
    new = {"replicas": 0, "terminatingReplicas": 0, "observedGeneration": 1}
    assert not differs({**new, "readyReplicas": 0, "conditions": []}, new)
    assert differs({"replicas": 0, "observedGeneration": 1}, new)
    assert differs({}, new)


def test_the_next_look_is_when_a_pod_has_been_ready_for_long_enough() -> None:
    assert next_look(replica_set(30), [pod(), pod(JUST_NOW), pod(None)], NOW) == 20
    assert next_look(replica_set(30), [pod()], NOW) is None
    assert next_look(replica_set(0), [pod(JUST_NOW)], NOW) is None
