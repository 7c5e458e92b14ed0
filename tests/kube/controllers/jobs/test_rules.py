"""What a job's fields mean: policies, limits, back-off, and which pods are wanted."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.jobs import policies, reasons, templates, tracking
from sampan.kube.controllers.jobs.backoff import Backoff
from sampan.kube.controllers.jobs.ending import Ending, ending
from sampan.kube.controllers.jobs.facts import FINALIZER, INDEX, ended_at
from sampan.kube.controllers.jobs.plan import Plan, plan
from sampan.kube.controllers.jobs.view import View, look
from sampan.specs.kubernetes import time

NOW = 1_800_000_000.0


def job(status: Object | None = None, **spec: Any) -> Object:
    given = {"parallelism": 2, "completions": 3, "backoffLimit": 6, "template": {"spec": {}}, **spec}
    metadata = {"name": "j", "namespace": "n", "uid": "job"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": given,
        "status": status or {},
    }


def pod(name: str, phase: str = "Running", index: int | None = None, **status: Any) -> Object:
    metadata: Object = {"name": name, "namespace": "n", "uid": name, "finalizers": [FINALIZER]}
    metadata["creationTimestamp"] = time.text(NOW - 100)
    if index is not None:
        metadata["annotations"] = {INDEX: str(index)}
    return {"metadata": metadata, "spec": {}, "status": {"phase": phase, **status}}


def going(value: Object) -> Object:
    return {**value, "metadata": {**value["metadata"], "deletionTimestamp": time.text(NOW - 20)}}


def seen(value: Object, *pods: Object) -> View:
    return look(value, pods, (), Backoff(), NOW)


def exited(code: int, name: str = "c", at: float = NOW - 50) -> Object:
    return {"name": name, "state": {"terminated": {"exitCode": code, "finishedAt": time.text(at)}}}


CODES: list[tuple[str, Object, int, bool]] = [
    ("a code that is listed", {"operator": "In", "values": [3, 42]}, 42, True),
    ("a code that is not", {"operator": "In", "values": [3]}, 42, False),
    ("any other code", {"operator": "NotIn", "values": [3]}, 42, True),
    ("but not success", {"operator": "NotIn", "values": [3]}, 0, False),
    ("of this container", {"operator": "In", "values": [42], "containerName": "c"}, 42, True),
    ("of another container", {"operator": "In", "values": [42], "containerName": "d"}, 42, False),
    ("by an operator that nobody knows", {"operator": "Near", "values": [42]}, 42, False),
]


@pytest.mark.parametrize(("_what", "rule", "code", "fits"), CODES, ids=[case[0] for case in CODES])
def test_a_rule_fits_exit_codes(_what: str, rule: Object, code: int, fits: bool) -> None:
    policy = {"rules": [{"action": "FailJob", "onExitCodes": rule}]}
    found = policies.failure(policy, pod("p", "Failed", containerStatuses=[exited(code)]))
    message = "Container c for pod n/p failed with exit code 42 matching FailJob rule at index 0"
    assert found == (policies.Failure("FailJob", message) if fits else policies.Failure())


def test_the_first_rule_that_fits_decides() -> None:
    disrupted = [{"type": "DisruptionTarget", "status": "True"}]
    rules = [
        {"action": "Count", "onExitCodes": {"operator": "In", "values": [1]}},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]
    failed = pod("p", "Failed", conditions=disrupted, containerStatuses=[exited(137)])
    assert policies.failure({"rules": rules}, failed) == policies.Failure("Ignore")
    assert not policies.failure({"rules": rules}, failed).counts
    message = "Pod n/p has condition DisruptionTarget matching FailJob rule at index 0"
    assert policies.failure({"rules": rules[2:]}, failed) == policies.Failure("FailJob", message)
    assert policies.failure({"rules": rules[:1]}, failed).counts


@pytest.mark.parametrize(
    ("rules", "succeeded", "met"),
    [
        ([{"succeededIndexes": "1,3"}], [(0, 2)], ""),
        ([{"succeededIndexes": "1,3"}], [(1, 3)], "Matched rules at index 0"),
        ([{"succeededIndexes": "0-5", "succeededCount": 2}], [(1, 1), (4, 4)], "Matched rules at index 0"),
        (
            [{"succeededIndexes": "0-5", "succeededCount": 3}, {"succeededCount": 2}],
            [(1, 2)],
            "Matched rules at index 1",
        ),
        ([{"succeededIndexes": "x"}], [(0, 9)], ""),
        ([{"succeededCount": 1}], [], ""),
    ],
)
def test_success_may_take_a_few_indexes(
    rules: list[Object], succeeded: list[tuple[int, int]], met: str
) -> None:
    assert policies.success({"rules": rules}, 10, succeeded) == met


@pytest.mark.parametrize(
    ("failures", "last", "left"),
    [
        (0, None, 0.0),
        (1, 0, 10.0),
        (1, 4, 6.0),
        (2, 0, 20.0),
        (4, 80, 0.0),
        (7, 0, 600.0),
        (10_000, 0, 600.0),
    ],
)
def test_the_wait_doubles(failures: int, last: float | None, left: float) -> None:
    assert Backoff(failures, None if last is None else NOW - last).left(NOW) == left


def test_a_success_ends_the_wait_for_what_failed_before() -> None:
    early, late = (pod(str(at), "Failed", containerStatuses=[exited(1, at=NOW - at)]) for at in (30, 10))
    good = pod("good", "Succeeded", containerStatuses=[exited(0, at=NOW - 20)])
    assert Backoff(5, NOW - 90).after([good], [early, late]) == Backoff(1, NOW - 10)
    assert Backoff(5, NOW - 90).after([], [early, late]) == Backoff(7, NOW - 10)
    assert Backoff(5, NOW - 90).after([good], []) == Backoff()


def test_a_pod_ended_when_its_last_container_did() -> None:
    told = [exited(0, "a", NOW - 9), exited(1, "b", NOW - 4)]
    assert ended_at(pod("p", containerStatuses=told)) == NOW - 4
    unready = {"type": "Ready", "status": "False", "lastTransitionTime": time.text(NOW - 7)}
    running = [exited(0), {"name": "b", "state": {"running": {}}}]
    assert ended_at(pod("p", containerStatuses=running, conditions=[unready])) == NOW - 7
    assert ended_at(going(pod("p"))) == NOW - 20
    assert ended_at(pod("p")) == NOW - 100


ENDINGS: list[tuple[str, Object, list[Object], str]] = [
    ("it runs", job(), [pod("a")], ""),
    ("too many failed", job({"failed": 5}, backoffLimit=5), [pod("a", "Failed")], "BackoffLimitExceeded"),
    ("not too many", job({"failed": 4}, backoffLimit=5), [pod("a", "Failed")], ""),
    (
        "uncounted ones count",
        job({"failed": 4, "uncountedTerminatedPods": {"failed": ["x", "y"]}}, backoffLimit=5),
        [],
        "BackoffLimitExceeded",
    ),
    (
        "restarts count where containers are restarted",
        job(backoffLimit=3, template={"spec": {"restartPolicy": "OnFailure"}}),
        [
            pod("a", containerStatuses=[{"restartCount": 2}]),
            pod("b", initContainerStatuses=[{"restartCount": 1}]),
        ],
        "BackoffLimitExceeded",
    ),
    (
        "its time is over",
        job({"startTime": time.text(NOW - 9)}, activeDeadlineSeconds=9),
        [],
        "DeadlineExceeded",
    ),
    ("its time is not", job({"startTime": time.text(NOW - 8)}, activeDeadlineSeconds=9), [], ""),
    (
        "time does not run while it is suspended",
        job({"startTime": time.text(NOW - 9)}, activeDeadlineSeconds=9, suspend=True),
        [],
        "",
    ),
    (
        "too many indexes failed",
        job(
            {"failedIndexes": "0,1"},
            completionMode="Indexed",
            completions=5,
            backoffLimitPerIndex=0,
            maxFailedIndexes=1,
        ),
        [],
        "MaxFailedIndexesExceeded",
    ),
    (
        "all indexes are done, and one failed",
        job(
            {"failedIndexes": "0", "completedIndexes": "1"},
            completionMode="Indexed",
            completions=2,
            backoffLimitPerIndex=0,
        ),
        [],
        "FailedIndexes",
    ),
    (
        "enough indexes succeeded",
        job(completionMode="Indexed", successPolicy={"rules": [{"succeededCount": 1}]}),
        [pod("a", "Succeeded", 2)],
        "SuccessPolicy",
    ),
    (
        "what was said stays said",
        job({"conditions": [{"type": "FailureTarget", "status": "True", "reason": "Mine"}]}),
        [pod("a")],
        "Mine",
    ),
]


@pytest.mark.parametrize(("_what", "value", "pods", "reason"), ENDINGS, ids=[case[0] for case in ENDINGS])
def test_a_job_ends(_what: str, value: Object, pods: list[Object], reason: str) -> None:
    found = ending(seen(value, *pods))
    assert (found.reason if found is not None else "") == reason


def test_a_pod_that_matters_fails_the_job() -> None:
    policy = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}
    bad = pod("b", "Failed", containerStatuses=[exited(42)])
    found = ending(seen(job(podFailurePolicy=policy), pod("a"), bad))
    message = "Container c for pod n/b failed with exit code 42 matching FailJob rule at index 0"
    assert found == Ending(False, "PodFailurePolicy", message)


def names(found: Plan) -> list[str]:
    return [one["metadata"]["name"] for one in found.delete]


PLANS: list[tuple[str, Object, list[Object], list[str], tuple[int | None, ...]]] = [
    ("as many as run at once", job(), [], [], (None, None)),
    ("no more than are still wanted", job({"succeeded": 2}), [], [], (None,)),
    ("nothing is missing", job(), [pod("a"), pod("b")], [], ()),
    ("without a number, until one succeeds", job(completions=None), [pod("a")], [], (None,)),
    ("and none after that", job(completions=None), [pod("a"), pod("b", "Succeeded")], [], ()),
    ("too many run: the youngest state goes", job(parallelism=1), [pod("a"), pod("b", "Pending")], ["b"], ()),
    ("suspended", job(suspend=True), [pod("a"), pod("b", "Succeeded")], ["a"], ()),
    ("a pod on its way out is replaced", job(), [pod("a"), going(pod("b"))], [], (None,)),
    (
        "unless it is to be waited for",
        job(podReplacementPolicy="Failed"),
        [pod("a"), going(pod("b"))],
        [],
        (),
    ),
    ("the lowest indexes first", job(completionMode="Indexed"), [pod("a", index=1)], [], (0,)),
    ("an index twice", job(completionMode="Indexed"), [pod("a", index=1), pod("b", "Pending", 1)], ["b"], ()),
    (
        "an index that there is not",
        job(completionMode="Indexed"),
        [pod("a", index=3), pod("b", index=0)],
        ["a"],
        (),
    ),
    ("no index at all", job(completionMode="Indexed"), [pod("a"), pod("b", index=0)], ["a"], ()),
]


@pytest.mark.parametrize(
    ("_what", "value", "pods", "delete", "create"), PLANS, ids=[case[0] for case in PLANS]
)
def test_pods_are_wanted(
    _what: str, value: Object, pods: list[Object], delete: list[str], create: tuple[int | None, ...]
) -> None:
    found = plan(seen(value, *pods))
    assert (names(found), found.create) == (delete, create)


def test_what_failed_is_replaced_after_a_while() -> None:
    failed = pod("a", "Failed", containerStatuses=[exited(1, at=NOW - 4)])
    view = seen(job(), failed)
    assert plan(view) == Plan(wait=6.0)
    why = reasons.why(view, plan(view), None)
    assert why is not None and why.message == "1 pods failed in a row; the next is made in 6 s."


def test_a_pod_is_told_its_index() -> None:
    containers = [{"name": "a"}, {"name": "b", "env": [{"name": "JOB_COMPLETION_INDEX", "value": "mine"}]}]
    template = {"metadata": {"labels": {"x": "y"}}, "spec": {"containers": containers}}
    failed = pod("old", "Failed", 7)
    failed["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] = "2"
    value = job(completionMode="Indexed", backoffLimitPerIndex=5, template=template)
    found = templates.pod_of({**value, "metadata": {**value["metadata"], "name": "j" * 60}}, 7, failed)
    metadata = found["metadata"]
    assert metadata["generateName"] == "j" * 55 + "-7-"
    assert metadata["finalizers"] == [FINALIZER]
    assert metadata["labels"] == {"x": "y", INDEX: "7"}
    assert metadata["annotations"] == {INDEX: "7", "batch.kubernetes.io/job-index-failure-count": "3"}
    path = f"metadata.labels['{INDEX}']"
    told = {"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": {"fieldPath": path}}}
    assert [one["env"] for one in found["spec"]["containers"]] == [[told], containers[1]["env"]]
    assert found["spec"]["hostname"] == "j" * 60 + "-7"
    assert "env" not in containers[0]


def test_a_count_stays_what_the_api_can_write() -> None:
    """Whoever may write a status may say that two billion pods have failed."""
    status = {
        "failed": tracking.LARGEST,
        "uncountedTerminatedPods": {"failed": ["a", "b"], "succeeded": ["c"]},
    }
    found = tracking.settle(status, {"b"})
    assert (found["failed"], found["succeeded"]) == (tracking.LARGEST, 1)
    assert found["uncountedTerminatedPods"] == {"failed": ["b"]}
