"""Nobody gives away what they do not have."""

import pytest

from sampan.kube.access.admission.escalation import Escalation
from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.access.authorization import from_modes
from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.rbac import Rbac
from sampan.kube.access.user import User
from sampan.kube.kinds.rbac import clusterrole, clusterrolebinding, role, rolebinding
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.support import Objects

GROUP = "rbac.authorization.k8s.io"
JOE = User("joe", groups=("dev", "system:authenticated"))
READ = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "secrets"]}
POD = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
ALL = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def escalation(*rules):
    """Of a cluster in which Joe has these rules."""
    reader = Objects(
        [
            (f"clusterroles.{GROUP}", {"metadata": {"name": "joes"}, "rules": [*rules]}),
            (f"clusterroles.{GROUP}", {"metadata": {"name": "reader"}, "rules": [READ]}),
            (
                f"clusterrolebindings.{GROUP}",
                {
                    "metadata": {"name": "joes"},
                    "roleRef": {"kind": "ClusterRole", "name": "joes"},
                    "subjects": [{"kind": "User", "name": "joe"}],
                },
            ),
        ]
    )
    rbac = Rbac(reader)
    rbac.load()
    return Escalation(from_modes(["RBAC"], Graph(reader), rbac), rbac), reader


async def write(rules, resource, new, old=None, user=JOE):
    plugin, reader = escalation(*rules)
    namespace = "ns" if resource.namespaced else ""
    request = AdmissionRequest("UPDATE" if old else "CREATE", resource, user, reader, namespace, "x")
    request.object, request.old = {"metadata": {"name": "x"}, **new}, old
    await plugin.mutate(request)


async def refused(*args, **rest):
    with pytest.raises(StatusError) as caught:
        await write(*args, **rest)
    return caught.value


async def test_a_role_may_have_what_its_author_has():
    await write([READ], role.RESOURCE, {"rules": [POD]})
    await write([READ], clusterrole.RESOURCE, {"rules": [POD]})
    await write([], role.RESOURCE, {"rules": [ALL]}, user=User("a", groups=("system:masters",)))


async def test_what_is_missing_is_told():
    error = await refused([POD], role.RESOURCE, {"rules": [READ]})
    assert error.code == 403
    assert error.message == (
        'roles.rbac.authorization.k8s.io "x" is forbidden: user "joe" '
        '(groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently '
        "held:\n"
        '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n'
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'
    )


async def test_who_may_escalate_may():
    verb = {"verbs": ["escalate"], "apiGroups": [GROUP], "resources": ["roles"]}
    await write([verb], role.RESOURCE, {"rules": [ALL]})
    assert (await refused([verb], clusterrole.RESOURCE, {"rules": [ALL]})).code == 403


async def test_aggregation_is_for_those_who_may_do_all():
    aggregated = {"aggregationRule": {"clusterRoleSelectors": [{}]}}
    error = await refused([READ], clusterrole.RESOURCE, aggregated)
    assert error.message.endswith("must have cluster-admin privileges to use the aggregationRule")
    everything = [ALL, {"verbs": ["*"], "nonResourceURLs": ["*"]}]
    await write(everything, clusterrole.RESOURCE, aggregated)


def bound(kind, name):
    return {"roleRef": {"apiGroup": GROUP, "kind": kind, "name": name}, "subjects": []}


async def test_a_binding_gives_what_its_author_has():
    await write([READ], rolebinding.RESOURCE, bound("ClusterRole", "reader"))
    error = await refused([POD], clusterrolebinding.RESOURCE, bound("ClusterRole", "reader"))
    assert "not currently held" in error.message


async def test_who_may_bind_may():
    verb = {
        "verbs": ["bind"],
        "apiGroups": [GROUP],
        "resources": ["clusterroles"],
        "resourceNames": ["reader"],
    }
    await write([verb], rolebinding.RESOURCE, bound("ClusterRole", "reader"))
    other = {**verb, "resourceNames": ["other"]}
    assert (await refused([other], rolebinding.RESOURCE, bound("ClusterRole", "reader"))).code == 403


async def test_a_role_that_is_not_there_gives_nothing():
    error = await refused([READ], rolebinding.RESOURCE, bound("Role", "nosuch"))
    assert (error.code, error.message) == (404, f'role.{GROUP} "nosuch" not found')


async def test_what_the_garbage_collector_changes_is_no_escalation():
    old = {"metadata": {"name": "x", "finalizers": ["a"]}, "rules": [ALL]}
    await write([], role.RESOURCE, {"rules": [ALL]}, old)
    assert (await refused([], role.RESOURCE, {"rules": [ALL, POD]}, old)).code == 403


async def test_rules_without_end_are_refused_at_once():
    many = [f"v{number}" for number in range(1000)]
    huge = {"verbs": many, "apiGroups": many, "resources": many}
    error = await refused([POD], role.RESOURCE, {"rules": [huge]})
    assert "too many to check" in error.message
