"""Authorizers that ask other servers, and the file that says which."""

import base64
import json
import ssl
from datetime import UTC, datetime

import pytest
from aiohttp import web

from sampan.errors import Invalid
from sampan.kube.access import authorizationconfig
from sampan.kube.access.authorizationwebhook import Rules, Webhook, review_spec
from sampan.kube.access.expressions import Expression
from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.rbac import Rbac
from sampan.kube.access.remote import Remote, from_kubeconfig
from sampan.kube.access.user import User
from sampan.kube.pki.certificates import CLUSTER, Pki
from tests.kube.access.support import Objects, asks

JANE = User("jane", groups=("dev",))
GET = asks(JANE, "get", "pods", namespace="ns")


class Server:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def ask(self, body):
        self.asked.append(json.loads(body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return json.dumps({"status": answer}).encode() if isinstance(answer, dict) else answer


async def decide(answer, rules=None, asked=GET):
    return await Webhook(Server(answer).ask, rules or Rules(), lambda: 0.0).decide(asked)


@pytest.mark.parametrize(
    ("answer", "allowed", "denied"),
    [
        ({"allowed": True, "reason": "r"}, True, False),
        ({"allowed": False}, False, False),
        ({"allowed": False, "denied": True}, False, True),
        ({"allowed": True, "denied": True}, False, False),
        (OSError("no"), False, False),
        (TimeoutError(), False, False),
        (b"rubbish", False, False),
        (b"[]", False, False),
        ({"allowed": "true"}, False, False),
    ],
)
async def test_answers(answer, allowed, denied):
    decision = await decide(answer)
    assert (decision.allowed, decision.denied) == (allowed, denied)


async def test_a_failure_may_deny():
    decision = await decide(OSError("no"), Rules(denies_on_failure=True))
    assert decision.denied and decision.error == "no"


async def test_answers_are_remembered_each_for_its_time():
    time = [0.0]
    server = Server({"allowed": True}, {"allowed": False}, {"allowed": True})
    webhook = Webhook(server.ask, Rules(10, 5), lambda: time[0])
    for at, allowed, asked in ((0, True, 1), (9, True, 1), (10, False, 2), (14, False, 2), (15, True, 3)):
        time[0] = at
        assert (await webhook.decide(GET)).allowed == allowed
        assert len(server.asked) == asked


async def test_conditions_say_what_is_asked_about():
    def rules(source, **rest):
        return Rules(conditions=[Expression(source, "request", "x")], **rest)

    allowed = {"allowed": True}
    namespace = "request.resourceAttributes.namespace"
    assert (await decide(allowed, rules(f"{namespace} == 'ns'"))).allowed
    assert not (await decide(allowed, rules(f"{namespace} == 'other'"))).allowed
    failing = rules("request.nosuch == 'x'", denies_on_failure=True)
    assert (await decide(allowed, failing)).denied


def test_what_is_asked():
    asked = asks(
        JANE,
        "list",
        "deployments.apps/scale",
        namespace="ns",
        label_selector="a in (b),!c",
        field_selector="metadata.name=x",
    )
    spec = review_spec(asked)
    assert spec == {
        "user": "jane",
        "groups": ["dev"],
        "resourceAttributes": {
            "namespace": "ns",
            "verb": "list",
            "group": "apps",
            "resource": "deployments",
            "subresource": "scale",
            "fieldSelector": {"requirements": [{"key": "metadata.name", "operator": "In", "values": ["x"]}]},
            "labelSelector": {
                "requirements": [
                    {"key": "a", "operator": "In", "values": ["b"]},
                    {"key": "c", "operator": "DoesNotExist"},
                ]
            },
        },
    }
    path = review_spec(asks(JANE, "get", path="/x"))
    assert path["nonResourceAttributes"] == {"path": "/x", "verb": "get"}


def kubeconfig(path, url, ca, certificate=b"", key=b""):
    def text(data):
        return base64.b64encode(data).decode()

    user = {"client-certificate-data": text(certificate), "client-key-data": text(key)} if key else {}
    document = {
        "kind": "Config",
        "apiVersion": "v1",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url, "certificate-authority-data": text(ca)}}],
        "users": [{"name": "u", "user": {**user, "token": "t"}}],
    }
    path.write_text(json.dumps(document))


async def test_a_server_is_asked_over_tls(tmp_path):
    now = datetime.now(UTC)
    pki = Pki(tmp_path / "pki", ["localhost"])
    pki.renew(now)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    pki.load(context)
    seen = []

    async def answer(request):
        seen.append((request.headers["Authorization"], await request.json()))
        if len(seen) == 2:
            return web.Response(status=500)
        return web.json_response({"status": {"allowed": True}})

    app = web.Application()
    app.router.add_post("/authorize", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=context)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    path = tmp_path / "kubeconfig"
    certificate, key = pki.path("admin").read_bytes(), pki.path("admin", "key").read_bytes()
    kubeconfig(path, f"https://localhost:{port}/authorize", pki.bundle(CLUSTER), certificate, key)
    remote = Remote(from_kubeconfig(path), 5)
    webhook = Webhook(remote.post, Rules(), lambda: 0.0)
    assert (await webhook.decide(GET)).allowed
    assert seen[0][0] == "Bearer t" and seen[0][1]["spec"]["user"] == "jane"
    other = await webhook.decide(asks(JANE, "list", "pods"))
    assert not other.allowed and "answered 500" in other.error
    await remote.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clusters": []}, "there is no cluster 'c'"),
        ({"current-context": "x"}, "there is no context 'x'"),
        ({"clusters": [{"name": "c", "cluster": {"server": "http://x"}}]}, "must be an https:// address"),
        (
            {
                "clusters": [
                    {"name": "c", "cluster": {"server": "https://x", "certificate-authority-data": "eA=="}}
                ]
            },
            "no certificates of authorities",
        ),
    ],
)
def test_kubeconfigs_that_are_refused(tmp_path, change, message):
    path = tmp_path / "kubeconfig"
    kubeconfig(path, "https://x", b"")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(Invalid) as caught:
        from_kubeconfig(path)
    assert message in str(caught.value)


def configured(tmp_path, *authorizers):
    path = tmp_path / "authorization.yaml"
    document = {"kind": "AuthorizationConfiguration", "apiVersion": "apiserver.config.k8s.io/v1"}
    path.write_text(json.dumps({**document, "authorizers": [*authorizers]}))
    reader = Objects()
    return authorizationconfig.from_file(path, Graph(reader), Rbac(reader))


WEBHOOK = {
    "timeout": "3s",
    "subjectAccessReviewVersion": "v1",
    "failurePolicy": "Deny",
    "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": "kubeconfig"},
}


def hook(**change):
    return {"type": "Webhook", "name": "hook", "webhook": {**WEBHOOK, **change}}


async def test_a_file_names_authorizers_in_their_order(tmp_path):
    kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", b"")
    made = configured(tmp_path, {"type": "Node", "name": "node"}, hook(), {"type": "RBAC", "name": "rbac"})
    decision = await made.authorize(GET)
    assert decision.denied
    await made.close()


@pytest.mark.parametrize(
    ("authorizers", "message"),
    [
        ([], "at least one authorizer is needed"),
        ([{"type": "ABAC", "name": "a"}], "no type 'ABAC'"),
        ([{"type": "RBAC", "name": "a"}, {"type": "RBAC", "name": "b"}], "RBAC is there twice"),
        ([{"type": "RBAC", "name": "A_"}], "must be a DNS name"),
        ([{"type": "RBAC", "name": "a"}, {"type": "Node", "name": "a"}], "no other authorizer's"),
        ([{"type": "Webhook", "name": "a"}], "webhook is for the type Webhook"),
        ([hook(failurePolicy="Maybe")], "failurePolicy must be NoOpinion or Deny"),
        ([hook(timeout="31s")], "at most 30s"),
        ([hook(timeout="soon")], "invalid duration"),
        ([hook(subjectAccessReviewVersion="v1beta1")], "must be v1"),
        ([hook(matchConditions=[{"expression": "x"}])], "matchConditionSubjectAccessReviewVersion"),
        (
            [hook(matchConditions=[{"expression": "x"}], matchConditionSubjectAccessReviewVersion="v1")],
            "undeclared reference",
        ),
        ([hook(connectionInfo={"type": "InClusterConfig"})], "connectionInfo must be of type"),
    ],
)
def test_files_that_are_refused(tmp_path, authorizers, message):
    kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", b"")
    with pytest.raises(Invalid) as caught:
        configured(tmp_path, *authorizers)
    assert message in str(caught.value)
