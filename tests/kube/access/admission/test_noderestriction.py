"""What nodes may not write, in upstream's words."""

import pytest

from sampan.kube.access.admission.noderestriction import NodeRestriction
from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.access.authorization import Authorizer
from sampan.kube.access.user import User
from sampan.kube.kinds.resource import Resource
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.support import Objects

NODE = User("system:node:n1", groups=("system:nodes",))
KINDS = {
    name: Resource(name, name, group=group)
    for name, group in (
        ("pods", ""),
        ("nodes", ""),
        ("persistentvolumeclaims", ""),
        ("serviceaccounts", ""),
        ("leases", "coordination.k8s.io"),
        ("csinodes", "storage.k8s.io"),
        ("resourceslices", "resource.k8s.io"),
        ("configmaps", ""),
    )
}
OWNER = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u-1", "controller": True}


def meta(name="x", **rest):
    return {"name": name, **rest}


def pod(name="p", node="n1", owners=(OWNER,), mirror=True, **spec):
    annotations = {"kubernetes.io/config.mirror": "x"} if mirror else {}
    metadata = meta(name, namespace="ns", uid="u-p", annotations=annotations, ownerReferences=[*owners])
    return {"metadata": metadata, "spec": {"nodeName": node, **spec}}


READER = Objects(
    [
        ("nodes", {"metadata": meta("n1", uid="u-1")}),
        ("pods", pod()),
        (
            "pods",
            pod("q", volumes=[{"projected": {"sources": [{"serviceAccountToken": {"audience": "vault"}}]}}]),
        ),
        ("pods", pod("other", node="n2")),
    ]
)


async def write(operation, plural, new=None, old=None, subresource="", name="x", namespace="ns", user=NODE):
    request = AdmissionRequest(operation, KINDS[plural], user, READER, namespace, name, subresource, new, old)
    await NodeRestriction(Authorizer([])).mutate(request)


def node(name="n1", labels=None, **spec):
    return {"metadata": meta(name, labels=labels or {}), "spec": spec}


def token(name, uid, audiences=()):
    reference = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}
    return {"metadata": {}, "spec": {"boundObjectRef": reference, "audiences": [*audiences]}}


SECRET = [{"name": "v", "secret": {"secretName": "s"}}]
ALLOWED = [
    ("CREATE", "pods", pod("m")),
    ("DELETE", "pods", None, None, "", "p"),
    ("UPDATE", "pods", pod(), pod(), "status"),
    ("CREATE", "pods", {"metadata": {}}, None, "eviction", "p"),
    ("CREATE", "nodes", node(labels={"kubernetes.io/hostname": "n1", "a": "b"}), None, "", "n1"),
    ("UPDATE", "nodes", node(labels={"node.kubernetes.io/x": "y"}), node(), "", "n1"),
    ("CREATE", "serviceaccounts", token("q", "u-p", ["vault"]), None, "token"),
    ("CREATE", "leases", {"metadata": meta("n1")}, None, "", "", "kube-node-lease"),
    ("CREATE", "csinodes", {"metadata": meta("n1")}, None, "", ""),
    ("CREATE", "resourceslices", node(nodeName="n1")),
    ("DELETE", "resourceslices", None, node(nodeName="n1")),
    ("UPDATE", "configmaps", {}),
]


@pytest.mark.parametrize("args", ALLOWED)
async def test_what_a_node_may_write(args):
    await write(*args)


REFUSED = [
    (
        ("CREATE", "pods", pod(mirror=False)),
        'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    ),
    (
        ("CREATE", "pods", pod(node="n2")),
        'node "n1" can only create pods with spec.nodeName set to itself',
    ),
    (
        ("CREATE", "pods", pod(owners=[])),
        'node "n1" can only create pods with an owner reference set to itself',
    ),
    (
        ("CREATE", "pods", pod(owners=[{**OWNER, "uid": "u-2"}])),
        "node n1 UID mismatch: expected u-2 got u-1",
    ),
    (("CREATE", "pods", pod(volumes=SECRET)), 'node "n1" can not create pods that reference secrets'),
    (
        ("CREATE", "pods", pod(serviceAccountName="sa")),
        'node "n1" can not create pods that reference a service account',
    ),
    (
        ("DELETE", "pods", None, None, "", "other"),
        'node "n1" can only delete pods with spec.nodeName set to itself',
    ),
    (
        ("UPDATE", "pods", pod(), pod()),
        'unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
    ),
    (
        ("UPDATE", "pods", pod(node="n2"), pod(node="n2"), "status"),
        'node "n1" can only update pod status for pods with spec.nodeName set to itself',
    ),
    (
        ("CREATE", "pods", {}, None, "binding"),
        "unexpected pod subresource \"binding\", only 'status' and 'eviction' are allowed",
    ),
    (
        ("CREATE", "nodes", node("n2"), None, "", "n2"),
        'node "n1" is not allowed to modify node "n2"',
    ),
    (
        ("CREATE", "nodes", node(labels={"node-restriction.kubernetes.io/a": "b"}), None, "", "n1"),
        'node "n1" is not allowed to set the following labels: node-restriction.kubernetes.io/a',
    ),
    (
        ("UPDATE", "nodes", node(labels={"foo.k8s.io/a": "b"}), node(), "", "n1"),
        "is not allowed to modify labels: foo.k8s.io/a",
    ),
    (
        ("UPDATE", "nodes", node(taints=[]), node(taints=[{"key": "a"}]), "", "n1"),
        'node "n1" is not allowed to modify taints',
    ),
    (("UPDATE", "persistentvolumeclaims", {}), "may only update PVC status"),
    (
        ("CREATE", "serviceaccounts", {"metadata": {}, "spec": {}}, None, "token"),
        "node requested token not bound to a pod",
    ),
    (
        ("CREATE", "serviceaccounts", token("other", "u-p"), None, "token"),
        "node requested token bound to a pod scheduled on a different node",
    ),
    (
        ("CREATE", "serviceaccounts", token("q", "u-p", ["else"]), None, "token"),
        'audience "else" not found in pod spec volume, system:node:n1 is not authorized to request tokens '
        "for this audience",
    ),
    (
        ("CREATE", "leases", {"metadata": meta("n2")}, None, "", "", "kube-node-lease"),
        "can only access node lease with the same name as the requesting node",
    ),
    (
        ("UPDATE", "csinodes", {}, {}, "", "n2"),
        "can only access CSINode with the same name as the requesting node",
    ),
    (
        ("CREATE", "resourceslices", node(nodeName="n2")),
        "can only create ResourceSlice with the same NodeName as the requesting node",
    ),
]


@pytest.mark.parametrize(("args", "message"), REFUSED)
async def test_what_a_node_may_not_write(args, message):
    with pytest.raises(StatusError) as caught:
        await write(*args)
    assert caught.value.code == 403
    assert caught.value.message.partition(" is forbidden: ")[2] == message
    await write(*args, user=User("jane"))


async def test_a_node_without_a_name_may_nothing():
    with pytest.raises(StatusError, match='could not determine node from user "system:node:"'):
        await write("UPDATE", "configmaps", {}, user=User("system:node:", groups=("system:nodes",)))
