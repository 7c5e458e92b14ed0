"""Decisions from roles and bindings, also while these change."""

import json
import os
from pathlib import Path

import pytest

from sampan.kube.access.authorization import Authorizer, from_modes, refusal
from sampan.kube.access.defaults.roles import objects
from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.rbac import GROUP, Rbac
from sampan.kube.access.user import User
from tests.kube.access.support import Objects, asks

JANE = User("jane", groups=("dev", "system:authenticated"))
SA = User("system:serviceaccount:ns:sa", groups=("system:serviceaccounts", "system:authenticated"))


def role(name, *rules, namespace=""):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return (f"{'roles' if namespace else 'clusterroles'}.{GROUP}", {"metadata": metadata, "rules": [*rules]})


def binding(name, reference, *subjects, namespace=""):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    kind, _, of = reference.partition("/")
    found = {"metadata": metadata, "roleRef": {"kind": kind, "name": of}, "subjects": [*subjects]}
    return (f"{'rolebindings' if namespace else 'clusterrolebindings'}.{GROUP}", found)


def pods(*verbs, resource="pods", **rest):
    return {"verbs": [*verbs], "apiGroups": [""], "resources": [resource], **rest}


def user(name):
    return {"kind": "User", "name": name}


def loaded(*found):
    rbac = Rbac(Objects(found))
    rbac.load()
    return rbac


FOUND = (
    role("reader", pods("get", "list")),
    role("named", pods("get", resourceNames=["a"]), namespace="ns"),
    role("logs", pods("*", resource="pods/log")),
    role("statuses", pods("patch", resource="*/status")),
    role("paths", {"verbs": ["get"], "nonResourceURLs": ["/metrics", "/x/*"]}),
    binding("readers", "ClusterRole/reader", {"kind": "Group", "name": "dev"}),
    binding("named", "Role/named", {"kind": "ServiceAccount", "name": "sa"}, namespace="ns"),
    binding("logs", "ClusterRole/logs", user("jane"), namespace="ns"),
    binding("statuses", "ClusterRole/statuses", user("jane"), namespace="ns"),
    binding("paths", "ClusterRole/paths", user("jane")),
)


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        (asks(JANE, "get", "pods", namespace="x"), True),
        (asks(JANE, "list", "pods"), True),
        (asks(JANE, "watch", "pods"), False),
        (asks(JANE, "get", "pods.apps"), False),
        (asks(JANE, "get", "pods/log", namespace="ns"), True),
        (asks(JANE, "get", "pods/log", namespace="x"), False),
        (asks(JANE, "patch", "pods/status", namespace="ns"), True),
        (asks(JANE, "patch", "pods", namespace="ns"), False),
        (asks(JANE, "get", path="/metrics"), True),
        (asks(JANE, "get", path="/x/y"), True),
        (asks(JANE, "get", path="/x"), False),
        (asks(SA, "get", "pods", namespace="ns", name="a"), True),
        (asks(SA, "get", "pods", namespace="ns", name="b"), False),
        (asks(SA, "get", "pods", namespace="ns"), False),
        (asks(SA, "get", "pods", namespace="x", name="a"), False),
    ],
)
def test_decisions(asked, allowed):
    assert loaded(*FOUND).authorize(asked)[0] == allowed


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (
            asks(JANE, "get", "pods"),
            'RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to Group "dev"',
        ),
        (
            asks(SA, "get", "pods", namespace="ns", name="a"),
            'RBAC: allowed by RoleBinding "named/ns" of Role "named" to ServiceAccount "sa/ns"',
        ),
    ],
)
def test_reasons(asked, reason):
    assert loaded(*FOUND).authorize(asked) == (True, reason)


def test_a_role_that_is_missing_is_told():
    rbac = loaded(binding("b", "ClusterRole/nosuch", user("jane")))
    reason = f'RBAC: clusterrole.{GROUP} "nosuch" not found'
    assert rbac.authorize(asks(JANE, "get", "pods")) == (False, reason)
    assert rbac.rules_for(JANE, "ns") == ([], [reason[6:]])


def test_every_change_counts_at_once():
    reader = Objects(FOUND)
    rbac = Rbac(reader)
    rbac.load()
    asked = asks(JANE, "get", "pods")
    assert rbac.authorize(asked)[0]
    for resource, name in ((f"clusterroles.{GROUP}", "reader"), (f"clusterrolebindings.{GROUP}", "readers")):
        kept = reader.by_key.pop((resource, "", name))
        rbac.changed(resource, "", name)
        assert not rbac.authorize(asked)[0]
        reader.put(resource, kept)
        rbac.changed(resource, "", name)
        assert rbac.authorize(asked)[0]
    reader.put(*binding("readers", "ClusterRole/reader", user("joe")))
    rbac.changed(f"clusterrolebindings.{GROUP}", "", "readers")
    assert not rbac.authorize(asked)[0]
    assert rbac.authorize(asks(User("joe"), "get", "pods"))[0]


def authorizer(*found):
    reader = Objects(found)
    rbac = Rbac(reader)
    rbac.load()
    return from_modes(["Node", "RBAC"], Graph(reader), rbac)


async def test_masters_may_do_all():
    decision = await Authorizer([]).authorize(asks(User("x", groups=("system:masters",)), "any", "thing"))
    assert decision.allowed and not decision.reason


GOLDEN = os.environ.get("SAMPAN_GOLDEN")


@pytest.mark.skipif(not GOLDEN, reason="SAMPAN_GOLDEN names no folder of recorded conversations")
async def test_refusals_in_a_real_servers_words():
    """Each recorded refusal that says what it refuses."""
    deciding = authorizer(*objects())
    recorded = json.loads((Path(GOLDEN) / "access/forbidden.json").read_text())
    seen = 0
    for step in recorded["steps"]:
        headers = step["request"].get("headers") or {}
        body = step["answer"].get("body")
        if step["answer"]["status"] != 403 or " cannot " not in body["message"]:
            continue
        name = headers["Impersonate-User"]
        groups = (*headers.get("Impersonate-Group", ()), "system:authenticated")
        asked = parsed(step["request"], User(name, groups=groups), body["message"])
        decision = await deciding.authorize(asked)
        assert not decision.allowed
        assert refusal(asked, decision.reason).status() == body
        seen += 1
    assert seen > 40


def parsed(request, who, message):
    """The attributes, from the path and (for the verb) the message."""
    import re

    verb = re.search(r"cannot (\S+) ", message)[1]
    path, _, query = request["path"].partition("?")
    parts = path.strip("/").split("/")
    if parts[0] not in ("api", "apis") or len(parts) < 3:
        return asks(who, verb, path=path)
    group = "" if parts[0] == "api" else parts[1]
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    rest = rest[1:] if rest[0] == "watch" else rest
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        rest = rest[2:] or rest
    resource, name, subresource = (*rest, "", "", "")[:3]
    if "metadata.name%3D" in query:
        name = query.rpartition("%3D")[2]
    whole = f"{resource}.{group}" if group else resource
    return asks(who, verb, f"{whole}/{subresource}", namespace=namespace, name=name)
