"""Webhooks: who is asked, what they may answer, and what becomes of it."""

import asyncio
import base64
import json
from copy import deepcopy
from typing import Any

import pytest

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.access.admission.webhooks import MUTATING, VALIDATING, MutatingWebhooks, ValidatingWebhooks
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.admission.cluster import NEW, OLD, Cluster, allow_get, rules


def webhook(name: str = "a.example.com", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "clientConfig": {"url": f"https://{name}/"},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 2,
        "rules": rules(),
        **more,
    }


def cluster_with(resource: str, *webhooks: dict[str, Any]) -> Cluster:
    cluster = Cluster()
    cluster.put(resource, {"metadata": {"name": "c"}, "webhooks": list(webhooks)})
    return cluster


class Servers:
    """What each webhook answers, by its URL; and what it was asked."""

    def __init__(self, answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def call(self, config: dict[str, Any], review: dict[str, Any], seconds: int) -> Any:
        assert seconds == 2
        name = config["url"].removeprefix("https://").removesuffix("/")
        self.asked.append((name, deepcopy(review["request"])))
        answer = self.answers(name, review) if callable(self.answers) else self.answers
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict) and "response" not in answer:
            response = {"uid": review["request"]["uid"], **answer}
            return {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}
        return answer


def validate(cluster: Cluster, answer: Any, request: AdmissionRequest | None = None) -> Any:
    """The Servers, or what was raised."""
    servers = Servers(answer)
    try:
        plugin = ValidatingWebhooks(cluster, allow_get, servers.call)
        asyncio.run(plugin.validate(request or cluster.request()))
    except StatusError as error:
        return error
    return servers


def mutate(cluster: Cluster, answer: Any, request: AdmissionRequest) -> Any:
    servers = Servers(answer)
    try:
        plugin = MutatingWebhooks(cluster, allow_get, servers.call, lambda _resource, value: deepcopy(value))
        asyncio.run(plugin.mutate(request))
    except StatusError as error:
        return error
    return servers


def patch(*operations: Any) -> dict[str, Any]:
    text = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": text}


def test_what_a_webhook_is_asked() -> None:
    servers = validate(cluster_with(VALIDATING, webhook()), {"allowed": True})
    [(_, request)] = servers.asked
    assert request == {
        "uid": request["uid"],
        "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "resource": {"group": "", "version": "v1", "resource": "configmaps"},
        "requestKind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "requestResource": {"group": "", "version": "v1", "resource": "configmaps"},
        "name": "x",
        "namespace": "ns",
        "operation": "CREATE",
        "userInfo": {"username": "jane", "groups": ["devs"]},
        "object": {"metadata": {"name": "x", "namespace": "ns"}, "data": {"a": "1"}},
        "oldObject": None,
        "dryRun": False,
        "options": None,
    }


def test_a_webhook_for_another_version_sees_that_one() -> None:
    cluster = cluster_with(VALIDATING, webhook(rules=rules(apiGroups=["example.com"])))
    servers = validate(cluster, {"allowed": True}, cluster.request(OLD))
    [(_, request)] = servers.asked
    assert request["resource"]["group"] == NEW.group
    assert request["requestResource"]["group"] == OLD.group
    assert request["object"]["apiVersion"] == "example.com/v1"


DENIED = 'admission webhook "a.example.com" denied the request'
FAILED = 'Internal error occurred: failed calling webhook "a.example.com": '


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        ({"allowed": False}, 400, f"{DENIED} without explanation"),
        ({"allowed": False, "status": {"message": "no", "code": 403}}, 403, f"{DENIED}: no"),
        ({"allowed": False, "status": {"reason": "Forbidden", "code": 200}}, 400, f"{DENIED}: Forbidden"),
        ({}, 400, f"{DENIED} without explanation"),
        (OSError("EOF"), 500, f"{FAILED}failed to call webhook: EOF"),
        (TimeoutError(), 500, f"{FAILED}failed to call webhook: context deadline exceeded"),
        ("text", 500, f"{FAILED}received invalid webhook response: webhook response was absent"),
        ({"response": None}, 500, f"{FAILED}received invalid webhook response: webhook response was absent"),
        (
            {"uid": "other", "allowed": True},
            500,
            f"{FAILED}received invalid webhook response: expected response.uid=",
        ),
        (
            {"apiVersion": "v9", "kind": "AdmissionReview", "response": {"uid": "", "allowed": True}},
            500,
            f"{FAILED}received invalid webhook response: expected response.uid=",
        ),
        (patch({}), 500, "validating webhook may not return response.patch"),
    ],
)
def test_answers_that_do_not_let_a_request_pass(answer: Any, code: int, message: str) -> None:
    error = validate(cluster_with(VALIDATING, webhook()), answer)
    assert isinstance(error, StatusError)
    assert (error.code, message in error.message) == (code, True), error.message


def test_a_webhook_that_may_fail_is_done_without_but_may_refuse() -> None:
    cluster = cluster_with(VALIDATING, webhook(failurePolicy="Ignore"))
    assert isinstance(validate(cluster, OSError("EOF")), Servers)
    assert isinstance(validate(cluster, {"allowed": False}), StatusError)


def test_warnings_and_annotations_reach_the_client_and_the_log() -> None:
    cluster = cluster_with(VALIDATING, webhook())
    request = cluster.request()
    validate(cluster, {"allowed": True, "warnings": ["w"], "auditAnnotations": {"k": "v"}}, request)
    assert request.warnings == ["w"]
    assert request.annotations == {"a.example.com/k": "v"}


def test_dry_runs_need_webhooks_without_side_effects() -> None:
    cluster = cluster_with(VALIDATING, webhook(sideEffects="Some"))
    error = validate(cluster, {"allowed": True}, cluster.request(dry_run=True))
    assert isinstance(error, StatusError)
    assert (error.reason, error.message) == (
        "BadRequest",
        'admission webhook "a.example.com" does not support dry run',
    )
    quiet = cluster_with(VALIDATING, webhook(sideEffects="NoneOnDryRun"))
    assert isinstance(validate(quiet, {"allowed": True}, quiet.request(dry_run=True)), Servers)


@pytest.mark.parametrize(
    ("expression", "policy", "asked"),
    [
        ("object.data.a == '1'", "Fail", True),
        ("object.data.a == '2'", "Fail", False),
        ("object.data.z == '2'", "Ignore", False),
        ("authorizer.requestResource.check('get').allowed()", "Fail", True),
    ],
)
def test_match_conditions_decide_who_is_asked(expression: str, policy: str, asked: bool) -> None:
    conditions = [{"name": "c", "expression": expression}]
    cluster = cluster_with(VALIDATING, webhook(matchConditions=conditions, failurePolicy=policy))
    assert bool(validate(cluster, {"allowed": True}).asked) is asked


def test_a_match_condition_without_a_value_refuses() -> None:
    conditions = [{"name": "c", "expression": "object.data.z == ''"}]
    error = validate(cluster_with(VALIDATING, webhook(matchConditions=conditions)), {"allowed": True})
    assert isinstance(error, StatusError)
    assert error.message == (
        "configmaps \"x\" is forbidden: expression 'object.data.z == ''' resulted in error: no such key: z"
    )


# --- mutating


def test_patches_are_applied_one_after_the_other() -> None:
    cluster = cluster_with(MUTATING, webhook("a.example.com"), webhook("b.example.com"))
    request = cluster.request()

    def answer(name: str, review: dict[str, Any]) -> Any:
        seen = review["request"]["object"]["data"]
        return patch({"op": "add", "path": f"/data/{name[0]}{len(seen)}", "value": "new"})

    assert isinstance(mutate(cluster, answer, request), Servers)
    assert request.object is not None
    assert request.object["data"] == {"a": "1", "a1": "new", "b2": "new"}


def test_who_wants_to_is_asked_once_more_after_others_have_changed_something() -> None:
    first = webhook("a.example.com", reinvocationPolicy="IfNeeded")
    cluster = cluster_with(MUTATING, first, webhook("b.example.com"))

    def answer(name: str, _review: dict[str, Any]) -> Any:
        if name.startswith("b"):
            return patch({"op": "add", "path": "/data/b", "value": "1"})
        return {"allowed": True}

    servers = mutate(cluster, answer, cluster.request())
    assert [name for name, _ in servers.asked] == ["a.example.com", "b.example.com", "a.example.com"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"allowed": True, "patch": "W10="}, "webhook returned response.patch but not response.patchType"),
        (
            {"allowed": True, "patchType": "JSONPatch"},
            "webhook returned response.patchType but not response.patch",
        ),
        ({**patch({}), "patchType": "Other"}, 'unsupported patch type "Other"'),
        ({**patch({}), "patch": "%"}, "response.patch is no base64"),
        ({**patch({}), "patch": "e30="}, "received undecodable patch in webhook response"),
        (patch({"op": "remove", "path": "/nosuch/deep"}), "Internal error occurred"),
    ],
)
def test_patches_that_cannot_be(answer: Any, message: str) -> None:
    cluster = cluster_with(MUTATING, webhook())
    error = mutate(cluster, answer, cluster.request())
    assert isinstance(error, StatusError)
    assert error.code == 500
    assert message in error.message, error.message


def test_what_is_deleted_cannot_be_changed() -> None:
    cluster = cluster_with(MUTATING, webhook())
    gone = cluster.request(operation="DELETE", object=None, old={"metadata": {"name": "x"}})
    error = mutate(cluster, patch({"op": "add", "path": "/a", "value": 1}), gone)
    assert isinstance(error, StatusError)
    assert "attempted to modify the object, which is not supported for this operation" in error.message
