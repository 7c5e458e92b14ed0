"""Reviews, their refusals in upstream's words."""

import json
import os
from pathlib import Path

import pytest

from sampan.kube.access.authentication import Tokens
from sampan.kube.access.authorization import from_modes
from sampan.kube.access.defaults.roles import objects
from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.rbac import Rbac
from sampan.kube.access.reviews import Asking, Reviews
from sampan.kube.access.tokenchecks import Refused, Verified
from sampan.kube.access.user import User
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.support import Objects

GOLDEN = os.environ.get("SAMPAN_GOLDEN")
ADMIN = User("kubernetes-admin", "admin-1", ("system:masters", "system:authenticated"))
JANE = User("jane", groups=("system:authenticated",))


class Table:
    async def verify(self, token, audiences):
        if token == "expired":
            raise Refused("service account token has expired")
        return Verified(User("jane", "u-1", ("g",), {"k": ("v",)})) if token == "good" else None


def reviews(reader=None):
    reader = reader or Objects(objects())
    rbac = Rbac(reader)
    rbac.load()
    authorizer = from_modes(["Node", "RBAC"], Graph(reader), rbac)
    return Reviews(authorizer, rbac, Tokens([Table()], lambda: 0.0), ("https://k",), nodes=True).table()


async def ask(resource, review, user=ADMIN, namespace="", table=None):
    return await (table or reviews())[resource](review, Asking(user, namespace, "2026-01-02T03:04:05Z"))


SAR = "subjectaccessreviews.authorization.k8s.io"
LOCAL = "localsubjectaccessreviews.authorization.k8s.io"
RULES = "selfsubjectrulesreviews.authorization.k8s.io"


@pytest.mark.skipif(not GOLDEN, reason="SAMPAN_GOLDEN names no folder of recorded conversations")
async def test_recorded_reviews():
    """Each as a real server answered it, after what was made before it."""
    recorded = json.loads((Path(GOLDEN) / "access/subject-access-reviews.json").read_text())
    reader = Objects(objects())
    seen = 0
    for step in recorded["steps"]:
        request = step.get("request")
        if not request or request["method"] != "POST":
            continue
        plural, namespace = request["path"].split("/")[-1], "${NS}" if "${NS}" in request["path"] else ""
        body = json.loads(json.dumps(request["body"]))
        body.setdefault("metadata", {})
        if namespace:
            body["metadata"]["namespace"] = namespace
        if plural in ("roles", "rolebindings"):
            reader.put(f"{plural}.rbac.authorization.k8s.io", body)
            continue
        user = JANE if "Impersonate-User" in (request.get("headers") or {}) else ADMIN
        table = reviews(reader)
        try:
            answer = await ask(f"{plural}.authorization.k8s.io", body, user, namespace, table)
        except StatusError as error:
            assert error.status() == step["answer"]["body"]
            seen += 1
            continue
        expected = step["answer"]["body"]["status"]
        for part in ("resourceRules", "nonResourceRules"):
            if part in expected:
                expected[part].sort(key=lambda rule: json.dumps(rule, sort_keys=True))
                answer["status"][part].sort(key=lambda rule: json.dumps(rule, sort_keys=True))
        if "status.reason" in step.get("ignore", ()):
            expected.pop("reason")
            answer["status"].pop("reason")
        assert answer["status"] == expected, request
        seen += 1
    assert seen > 25


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ({"fieldSelector": {}}, "fieldSelector.requirements", "requirements or rawSelector is required"),
        (
            {"labelSelector": {"rawSelector": "a", "requirements": [{"key": "a", "operator": "Exists"}]}},
            "labelSelector.rawSelector",
            "may not specified at the same time as requirements",
        ),
        (
            {"labelSelector": {"requirements": [{"key": "a", "operator": "In"}]}},
            "labelSelector.requirements[0].values",
            "must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"fieldSelector": {"requirements": [{"operator": "In", "values": ["x"]}]}},
            "fieldSelector.requirements[0].key",
            "must be specified",
        ),
    ],
)
async def test_selectors_that_are_refused(spec, path, message):
    review = {"spec": {"user": "x", "resourceAttributes": {"verb": "get", "resource": "pods", **spec}}}
    with pytest.raises(StatusError) as caught:
        await ask(SAR, review)
    (cause,) = caught.value.details["causes"]
    assert cause["field"] == f"spec.resourceAttributes.{path}"
    assert message in cause["message"]


@pytest.mark.parametrize(
    ("selector", "problem"),
    [
        ({"requirements": [{"key": "a", "operator": "Later"}]}, "ignored"),
        (
            {"requirements": [{"key": "a", "operator": "Later"}, {"key": "b", "operator": "Exists"}]},
            "partially ignored",
        ),
    ],
)
async def test_operators_of_later_versions_are_put_up_with(selector, problem):
    review = {
        "spec": {
            "user": "x",
            "resourceAttributes": {"verb": "get", "resource": "pods", "labelSelector": selector},
        }
    }
    answer = await ask(SAR, review)
    told = f"spec.resourceAttributes.labelSelector {problem} due to parse error"
    assert answer["status"] == {"allowed": False, "evaluationError": told}


async def test_reviews_have_no_metadata():
    spec = {"user": "x", "resourceAttributes": {"verb": "get", "resource": "pods"}}
    for resource, metadata, why in (
        (SAR, {"name": "x"}, "must be empty"),
        (LOCAL, {"name": "x", "namespace": "n"}, "must be empty except for namespace"),
    ):
        with pytest.raises(StatusError) as caught:
            await ask(resource, {"metadata": metadata, "spec": {**spec}}, namespace="n")
        assert why in caught.value.message


async def test_a_nodes_rules_are_incomplete():
    node = User("system:node:n", groups=("system:nodes", "system:authenticated"))
    answer = await ask(RULES, {"spec": {"namespace": "x"}}, node)
    assert answer["status"]["incomplete"]
    told = "node authorizer does not support user rule resolution"
    assert answer["status"]["evaluationError"] == told


async def test_whose_a_token_is():
    resource = "tokenreviews.authentication.k8s.io"
    answer = await ask(resource, {"spec": {"token": "good"}})
    assert answer["status"] == {
        "authenticated": True,
        "user": {
            "username": "jane",
            "uid": "u-1",
            "groups": ["g", "system:authenticated"],
            "extra": {"k": ["v"]},
        },
        "audiences": ["https://k"],
    }
    answer = await ask(resource, {"spec": {"token": "bad"}})
    assert answer["status"] == {"user": {}, "error": "invalid bearer token"}
    answer = await ask(resource, {"spec": {"token": "expired"}})
    assert answer["status"] == {"user": {}, "error": "service account token has expired"}
    with pytest.raises(StatusError, match="token is required for TokenReview in authentication"):
        await ask(resource, {"spec": {}})


async def test_who_am_i():
    answer = await ask("selfsubjectreviews.authentication.k8s.io", {}, JANE)
    assert answer == {
        "metadata": {"creationTimestamp": "2026-01-02T03:04:05Z"},
        "status": {"userInfo": {"username": "jane", "groups": ["system:authenticated"]}},
    }
