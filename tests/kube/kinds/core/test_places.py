"""Nodes, namespaces and service accounts."""

from sampan.kube.kinds.core import namespace, node, serviceaccount
from tests.kube.kinds.core.checks import CONTEXT, cells, changed, errors, made

NODE, SPACE, ACCOUNT = node.RESOURCE, namespace.RESOURCE, serviceaccount.RESOURCE


def test_defaults_of_a_node() -> None:
    value = made(NODE, spec={"podCIDRs": ["10.0.0.0/24"]}, status={"capacity": {"cpu": "0.0001"}})
    assert value["spec"]["podCIDR"] == "10.0.0.0/24"
    assert value["status"]["allocatable"] == {"cpu": "1m"}
    assert made(NODE, spec={"podCIDR": "10.0.0.0/24"})["spec"]["podCIDRs"] == ["10.0.0.0/24"]


def test_ranges_of_a_node() -> None:
    assert errors(NODE, spec={"podCIDRs": ["10.0.0.0/24", "2001:db8::/64"]}) == []
    assert errors(NODE, spec={"podCIDRs": ["10.0.0.0/24", "10.0.0.0/24"]}) == [
        'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.0.0/24"]: '
        "may specify no more than one CIDR for each IP family",
        'spec.podCIDRs[1]: Duplicate value: "10.0.0.0/24"',
    ]


def test_what_of_a_node_is_set_once() -> None:
    old = {"spec": {"podCIDR": "10.0.0.0/24", "providerID": "a"}}
    assert changed(NODE, {"spec": {}}, old) == []
    assert changed(NODE, old, {"spec": {"podCIDR": "10.1.0.0/24", "providerID": "b", "externalID": "c"}}) == [
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
        'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
        "spec.externalID: Forbidden: may not be updated",
    ]


def test_the_configuration_of_a_node_that_nobody_reads() -> None:
    assert changed(NODE, {}, {"spec": {"configSource": {}}}) == [
        'spec.configSource: Invalid value: {"ConfigMap":null}: exactly one reference subfield must be non-nil'
    ]
    config = {"namespace": "n", "name": "c", "kubeletConfigKey": "k", "uid": "u"}
    assert changed(NODE, {}, {"spec": {"configSource": {"configMap": config}}}) == [
        "spec.configSource.configMap.uid: Forbidden: uid must not be set in spec"
    ]


def test_addresses_of_a_node_once() -> None:
    address = {"type": "InternalIP", "address": "192.0.2.1"}
    status = {"addresses": [address, address]}
    assert changed(NODE, {}, {"status": status}, "status") == [
        'status.addresses[1]: Duplicate value: {"Type":"InternalIP","Address":"192.0.2.1"}'
    ]


def test_what_kubectl_shows_of_a_node() -> None:
    value = made(
        NODE,
        spec={"unschedulable": True},
        status={
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1", "osImage": "Linux"},
            "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}],
        },
    )
    value["metadata"]["labels"] = {"node-role.kubernetes.io/b": "", "kubernetes.io/role": "a"}
    assert cells(NODE, value) == [
        "Ready,SchedulingDisabled",
        "a,b",
        "<unknown>",
        "v1",
        "192.0.2.1",
        "<none>",
        "Linux",
        "<unknown>",
        "<unknown>",
    ]
    assert cells(NODE, made(NODE))[:2] == ["Unknown", "<none>"]


def test_a_namespace_is_labelled_held_and_active() -> None:
    value = made(SPACE, spec={"finalizers": ["a.b/c"]})
    assert value["metadata"]["labels"] == {"kubernetes.io/metadata.name": "x"}
    assert value["spec"]["finalizers"] == ["a.b/c", "kubernetes"]
    assert value["status"] == {"phase": "Active"}
    assert SPACE.held is not None and SPACE.held(value)
    SPACE.mark_deleted(value, CONTEXT)
    assert value["status"] == {"phase": "Terminating"}


def test_only_finalize_takes_a_namespaces_finalizers_away() -> None:
    old = made(SPACE)
    new = made(SPACE) | {"spec": {}}
    SPACE.prepare_update(new, old, CONTEXT)
    assert new["spec"] == {"finalizers": ["kubernetes"]}
    part = next(one for one in SPACE.subresources if one.name == "finalize")
    assert part.prepare_update is not None and part.validate_update is not None
    new = made(SPACE) | {"spec": {"finalizers": ["odd"]}}
    part.prepare_update(new, old, CONTEXT)
    assert [str(error) for error in part.validate_update(new, old, CONTEXT)] == [
        'spec.finalizers[0]: Invalid value: "odd": '
        "name is neither a standard finalizer name nor is it fully qualified"
    ]


def test_the_phase_of_a_namespace_follows_its_deletion() -> None:
    assert changed(SPACE, {}, {"status": {"phase": "Active"}}, "status") == []
    assert changed(SPACE, {}, {"status": {"phase": "Terminating"}}, "status") == [
        "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"
    ]


def test_a_service_account_keeps_the_names_of_its_secrets() -> None:
    value = made(ACCOUNT, secrets=[{"name": "a", "namespace": "b", "kind": "Secret"}])
    assert value["secrets"] == [{"name": "a"}]


def test_a_service_account_is_warned_of_once() -> None:
    value = made(ACCOUNT)
    value["metadata"]["annotations"] = {"kubernetes.io/enforce-mountable-secrets": "true"}
    assert len(ACCOUNT.warnings(value, None, CONTEXT)) == 1
    assert ACCOUNT.warnings(value, value, CONTEXT) == []
