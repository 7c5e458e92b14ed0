"""What nodes may do: what has to do with their pods."""

import pytest

from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.nodes import NodeAuthorizer, node_of
from sampan.kube.access.user import User
from tests.kube.access.support import Objects, asks

N1 = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
N2 = User("system:node:n2", groups=("system:nodes", "system:authenticated"))

POD = {
    "metadata": {"name": "p", "namespace": "ns"},
    "spec": {
        "nodeName": "n1",
        "serviceAccountName": "sa",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [
            {
                "envFrom": [{"secretRef": {"name": "s1"}}, {"configMapRef": {"name": "c1"}}],
                "env": [
                    {"name": "a", "valueFrom": {"secretKeyRef": {"name": "s2", "key": "k"}}},
                    {"name": "b", "valueFrom": {"configMapKeyRef": {"name": "c2", "key": "k"}}},
                    {"name": "c", "value": "x"},
                ],
            }
        ],
        "initContainers": [{"envFrom": [{"secretRef": {"name": "s3"}}]}],
        "volumes": [
            {"name": "v1", "secret": {"secretName": "s4"}},
            {"name": "v2", "configMap": {"name": "c3"}},
            {"name": "v3", "projected": {"sources": [{"secret": {"name": "s5"}}]}},
            {"name": "v4", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "v5", "ephemeral": {"volumeClaimTemplate": {}}},
            {"name": "v6", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "s6"}}},
        ],
        "resourceClaims": [{"name": "r1", "resourceClaimName": "rc1"}, {"name": "r2"}],
    },
    "status": {"resourceClaimStatuses": [{"name": "r2", "resourceClaimName": "rc2"}]},
}
VOLUME = {
    "metadata": {"name": "pv"},
    "spec": {
        "claimRef": {"namespace": "ns", "name": "claim"},
        "csi": {
            "nodeStageSecretRef": {"name": "stage", "namespace": "secrets"},
            "controllerExpandSecretRef": {"name": "expand", "namespace": "secrets"},
        },
    },
}


def found():
    return Objects([("pods", POD), ("persistentvolumes", VOLUME)])


def authorizer(reader=None):
    graph = Graph(reader or found())
    graph.load()
    return NodeAuthorizer(graph)


REACHED = [
    *(("secrets", name) for name in ("pull", "s1", "s2", "s3", "s4", "s5", "s6")),
    *(("configmaps", name) for name in ("c1", "c2", "c3")),
    *(("persistentvolumeclaims", name) for name in ("claim", "p-v5")),
    *(("resourceclaims.resource.k8s.io", name) for name in ("rc1", "rc2")),
    ("serviceaccounts", "sa"),
    ("pods", "p"),
]


@pytest.mark.parametrize(("resource", "name"), REACHED)
def test_a_node_gets_what_its_pods_refer_to_and_no_other_node_does(resource, name):
    deciding = authorizer()
    assert deciding.authorize(asks(N1, "get", resource, namespace="ns", name=name)) == (True, "")
    for other in (
        asks(N2, "get", resource, namespace="ns", name=name),
        asks(N1, "get", resource, namespace="other", name=name),
    ):
        node = other.user.name[-2:]
        why = f"no relationship found between node '{node}' and this object"
        assert deciding.authorize(other) == (False, why)


def test_a_volume_is_reached_through_its_claim_and_its_secret_through_the_volume():
    deciding = authorizer()
    assert deciding.authorize(asks(N1, "get", "persistentvolumes", name="pv"))[0]
    assert deciding.authorize(asks(N1, "get", "secrets", namespace="secrets", name="stage"))[0]
    assert not deciding.authorize(asks(N1, "get", "secrets", namespace="secrets", name="expand"))[0]
    assert not deciding.authorize(asks(N2, "get", "persistentvolumes", name="pv"))[0]


def test_a_pod_that_is_gone_gives_nothing_any_more():
    reader = found()
    graph = Graph(reader)
    graph.load()
    deciding = NodeAuthorizer(graph)
    asked = asks(N1, "get", "secrets", namespace="ns", name="s1")
    assert deciding.authorize(asked)[0]
    again = {**POD, "metadata": {"name": "q", "namespace": "ns"}}
    reader.put("pods", again)
    graph.changed("pods", "ns", "q")
    del reader.by_key["pods", "ns", "p"]
    graph.changed("pods", "ns", "p")
    assert deciding.authorize(asked)[0]
    del reader.by_key["pods", "ns", "q"]
    graph.changed("pods", "ns", "q")
    assert not deciding.authorize(asked)[0]
    del reader.by_key["persistentvolumes", "", "pv"]
    graph.changed("persistentvolumes", "", "pv")
    assert not graph.leads(("persistentvolumes", "", "pv"), "n1")
    assert not graph._targets and not graph._given


def test_mirror_pods_give_nothing_but_themselves():
    metadata = {**POD["metadata"], "annotations": {"kubernetes.io/config.mirror": "x"}}
    deciding = authorizer(Objects([("pods", {**POD, "metadata": metadata})]))
    assert not deciding.authorize(asks(N1, "get", "secrets", namespace="ns", name="s1"))[0]
    assert deciding.authorize(asks(N1, "get", "pods", namespace="ns", name="p"))[0]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (asks(N1, "list", "pods", field_selector="spec.nodeName=n1"), (True, "")),
        (
            asks(N1, "list", "pods", field_selector="spec.nodeName=n2"),
            (False, "can only list/watch pods with spec.nodeName field selector"),
        ),
        (asks(N1, "update", "pods/status", namespace="ns", name="p"), (True, "")),
        (asks(N1, "update", "pods", namespace="ns", name="p"), (False, "")),
        (asks(N1, "get", "nodes", name="n1"), (True, "")),
        (
            asks(N1, "get", "nodes", name="n2"),
            (False, "node 'n1' cannot read 'n2', only its own Node object"),
        ),
        (asks(N1, "list", "nodes"), (False, "node 'n1' cannot read all nodes, only its own Node object")),
        (asks(N1, "delete", "nodes", name="n1"), (False, "")),
        (asks(N1, "get", "leases.coordination.k8s.io", namespace="kube-node-lease", name="n1"), (True, "")),
        (
            asks(N1, "get", "leases.coordination.k8s.io", namespace="x", name="n1"),
            (False, 'can only access leases in the "kube-node-lease" system namespace'),
        ),
        (asks(N1, "create", "csinodes.storage.k8s.io"), (True, "")),
        (
            asks(N1, "update", "csinodes.storage.k8s.io", name="n2"),
            (False, "can only access CSINode with the same name as the requesting node"),
        ),
        (asks(N1, "create", "serviceaccounts/token", namespace="ns", name="sa"), (True, "")),
        (asks(N1, "create", "events", namespace="ns"), (True, "")),
        (asks(N1, "list", "services"), (True, "")),
        (asks(N1, "delete", "services", name="x"), (False, "")),
        (asks(N1, "list", "secrets", namespace="ns"), (False, "No Object name found")),
        (asks(N1, "create", "secrets", namespace="ns"), (False, "can only read resources of this type")),
    ],
)
def test_answers(asked, answer):
    assert authorizer().authorize(asked) == answer


def test_who_is_a_node():
    assert node_of(N1) == "n1"
    assert node_of(User("system:node:n1")) is None
    assert node_of(User("jane", groups=("system:nodes",))) is None
    nameless = User("system:node:", groups=("system:nodes",))
    why = 'unknown node for user "system:node:"'
    assert authorizer().authorize(asks(nameless, "list", "services")) == (False, why)
