"""Nodes of the built-in kinds."""

import pytest

from sampan.kube.schema import builtin, gofields, gonames
from sampan.kube.schema.node import MISSING

CORE = "io.k8s.api.core.v1."


def test_definitions_are_found_by_group_version_and_kind() -> None:
    for group, version, kind, package in (
        ("", "v1", "Pod", "io.k8s.api.core"),
        ("apps", "v1", "Deployment", "io.k8s.api.apps"),
        ("rbac.authorization.k8s.io", "v1", "Role", "io.k8s.api.rbac"),
        ("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "io.k8s.api.flowcontrol"),
        ("apiregistration.k8s.io", "v1", "APIService", "io.k8s.kube-aggregator.pkg.apis.apiregistration"),
        ("apps", "v1", "DeleteOptions", "io.k8s.apimachinery.pkg.apis.meta"),
    ):
        assert builtin.definition_of(group, version, kind) == f"{package}.{version}.{kind}"
    assert builtin.definition_of("apps", "v1", "Nosuch") == ""


def test_only_what_is_served_is_there() -> None:
    names = builtin.definitions()
    assert len(names) > 500
    assert not [name for name in names if "alpha" in name or "beta" in name]


def test_fields_have_list_types_merge_keys_and_names_in_go() -> None:
    containers = builtin.node(CORE + "PodSpec").fields["containers"]
    assert (containers.list_type, containers.list_keys) == ("map", ("name",))
    assert (containers.patch_strategy, containers.patch_merge_key) == ("merge", "name")
    assert containers.go_type == "[]v1.Container"
    assert builtin.node(CORE + "ConfigMap").fields["data"].go_type == "map[string]string"
    assert builtin.node(CORE + "ObjectReference").map_type == "atomic"


def test_definitions_may_contain_themselves() -> None:
    schema = builtin.node(builtin.definition_of("apiextensions.k8s.io", "v1", "JSONSchemaProps"))
    inner = schema.fields["properties"].items
    assert inner is not None and inner.fields is schema.fields


def test_the_same_node_each_time() -> None:
    assert builtin.node(CORE + "Pod") is builtin.node(CORE + "Pod")
    with pytest.raises(KeyError):
        builtin.node(CORE + "Nosuch")


def test_prose() -> None:
    assert builtin.description("io.k8s.api.apps.v1.Deployment", "spec.replicas").startswith(
        "Number of desired pods."
    )
    assert "volume" in builtin.description(CORE + "Pod", "spec.volumes.name").lower()
    assert builtin.description(CORE + "Pod").startswith("Pod is a collection of containers")


def shorts() -> dict[str, set[str]]:
    return {
        ".".join(name.rsplit(".", 3)[1:]): set(builtin.node(name).fields)
        for name in builtin.definitions()
        if builtin.node(name).type == "object"
    }


def test_tables_name_fields_that_there_are() -> None:
    """A row about a field of another name would say nothing."""
    known = shorts()
    tables = (
        gofields.POINTERS,
        gofields.REQUIRED_POINTERS,
        gofields.WRITTEN,
        gofields.LEFT_OUT,
        gofields.STRUCTS,
        gofields.TIME_POINTERS,
        gofields.GATED_OFF,
    )
    wrong = [
        f"{short} {sorted(fields - known.get(short, set()))}"
        for table in tables
        for short, fields in table.items()
        if short and not fields <= known.get(short, set())
    ]
    wrong += [f"{short} {field}" for short, field in gonames.table() if field not in known.get(short, set())]
    assert wrong == []


def test_structs_by_value_are_written_with_what_they_always_have() -> None:
    assert builtin.node(CORE + "Node").fields["status"].always["daemonEndpoints"] == {
        "kubeletEndpoint": {"Port": 0}
    }
    assert builtin.node(CORE + "PodSpec").fields["securityContext"].always is MISSING
    assert builtin.node("io.k8s.api.apps.v1.DeploymentSpec").fields["selector"].always is None
