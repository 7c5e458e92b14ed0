"""Requests on their way into the audit log."""

import json
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from sampan.kube.access.user import Attributes, User
from sampan.kube.api import auditing
from sampan.kube.api.accessoptions import AccessOptions, AuditLog
from sampan.kube.api.settings import parse

JANE = User("jane", groups=("dev",))


@pytest.fixture
async def log(tmp_path):
    """An auditor that keeps everything, and what it has kept once all is written."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: RequestResponse}]}")
    path = tmp_path / "audit.log"
    options = AccessOptions(policy=str(policy), log=AuditLog(str(path)))
    async with AsyncExitStack() as stack:
        made = await auditing.auditor(options, stack, None)

        async def kept():
            await stack.aclose()
            return [json.loads(line) for line in path.read_text().splitlines()]

        yield made, kept


def begun(auditor, method="POST", sender=None):
    request = make_mocked_request(method, "/api/v1/namespaces/ns/pods?x=y", {"User-Agent": "me"})
    if sender:
        auditing.record(request).sender = sender
    auditor.begin(request, Attributes(JANE, "create", "", "v1", "pods", namespace="ns"))
    return request


async def test_what_was_sent_and_answered_is_kept(log):
    auditor, kept = log
    request = begun(auditor)
    auditing.decided(request, True, "why")
    auditing.record(request).sent = b'{"kind":"Pod"}'
    response = web.json_response({"kind": "Pod", "metadata": {}}, status=201)
    auditor.end(request, response)
    received, complete = await kept()
    assert received["stage"] == "RequestReceived" and complete["stage"] == "ResponseComplete"
    assert complete["requestURI"] == "/api/v1/namespaces/ns/pods?x=y"
    assert (complete["requestObject"], complete["responseObject"]["kind"]) == ({"kind": "Pod"}, "Pod")
    assert complete["annotations"]["authorization.k8s.io/reason"] == "why"
    assert response.headers["Audit-Id"] == complete["auditID"] == received["auditID"]


async def test_who_acts_as_another_is_told_with_both_names(log):
    auditor, kept = log
    auditor.end(begun(auditor, sender=User("root")), web.Response(status=200))
    event = (await kept())[-1]
    assert (event["user"]["username"], event["impersonatedUser"]["username"]) == ("root", "jane")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Authorization": "Bearer x"}, "Authentication failed, attempted: bearer"),
        ({"Authorization": "Basic x"}, "Authentication failed, attempted: basic"),
        ({}, "Authentication failed, no credentials provided"),
    ],
)
async def test_who_is_not_let_in_is_kept(log, headers, said):
    auditor, kept = log
    request = make_mocked_request("GET", "/api/v1/nodes", headers)
    auditor.not_let_in(request, Attributes(User(""), "list", "", "v1", "nodes"))
    auditor.end(request, web.Response(status=401))
    (event,) = await kept()
    assert (event["stage"], event["user"], event["verb"]) == ("ResponseStarted", {}, "list")
    assert event["responseStatus"] == {"metadata": {}, "message": said, "code": 401}


async def test_who_may_not_act_as_another_is_kept_as_himself(log):
    auditor, kept = log
    request = make_mocked_request("GET", "/api/v1/nodes", {"Impersonate-User": "root"})
    auditing.record(request).sender = JANE
    auditor.not_let_in(request, Attributes(User(""), "list", "", "v1", "nodes"))
    auditor.end(request, web.Response(status=403))
    received, complete = await kept()
    assert received["user"]["username"] == "jane" and "impersonatedUser" not in received
    assert complete["responseStatus"]["code"] == 403


async def test_a_client_that_goes_away_ends_its_trail(log):
    auditor, kept = log
    auditor.end(begun(auditor), None)
    assert (await kept())[-1]["stage"] == "ResponseComplete"


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b"\xff", b"7", b"[" * 100_000])
async def test_a_body_that_is_no_object_is_left_out(log, sent):
    auditor, kept = log
    request = begun(auditor)
    auditing.record(request).sent = sent
    auditor.end(request, web.Response(status=400, body=sent, content_type="application/json"))
    event = (await kept())[-1]
    assert "requestObject" not in event and event["responseStatus"]["code"] == 400


async def test_without_a_policy_there_is_no_auditor():
    async with AsyncExitStack() as stack:
        assert await auditing.auditor(AccessOptions(log=AuditLog("x")), stack, None) is None


def test_options_reach_the_settings():
    found = parse(
        ["--audit-log-maxsize", "7", "--oidc-required-claim", "a=b", "--oidc-issuer-url", "https://i"]
    )
    assert found.access.log.largest == 7 << 20
    assert found.access.issuer.required == ("a=b",)
