"""The default roles and bindings, against what a real 1.35 lists."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from sampan.kube.access.defaults.flowcontrol import objects as flow_objects
from sampan.kube.access.defaults.objects import Cluster, default_objects, reconciled
from sampan.kube.access.defaults.roles import objects

GOLDEN = os.environ.get("SAMPAN_GOLDEN")
CLUSTER = Cluster(
    now="2026-01-02T03:04:05Z",
    service_cidrs=("10.96.0.0/12",),
    service_address="10.96.0.1",
    advertise_address="192.0.2.10",
    port=6443,
    client_ca="CA",
    front_proxy_ca="FRONT",
)


def clean(value):
    for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
        value["metadata"].pop(field, None)
    for field in ("kind", "apiVersion"):
        value.pop(field, None)
    return value


@pytest.mark.skipif(not GOLDEN, reason="SAMPAN_GOLDEN names no folder of recorded conversations")
def test_roles_and_bindings_are_those_of_a_real_cluster():
    recorded = json.loads((Path(GOLDEN) / "access/default-roles.json").read_text())
    expected = {}
    for step in recorded["steps"]:
        body = step["answer"]["body"]
        for item in body["items"]:
            key = (body["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
            expected[key] = clean(item)
    made = {
        (f"{one['kind']}List", one["metadata"].get("namespace"), one["metadata"]["name"]): one
        for _, one in objects()
    }
    assert {key: clean(one) for key, one in made.items()} == expected


@pytest.mark.skipif(not GOLDEN, reason="SAMPAN_GOLDEN names no folder of recorded conversations")
def test_flow_control_is_that_of_a_real_cluster():
    recorded = json.loads((Path(GOLDEN) / "access/default-objects.json").read_text())
    bodies = [step["answer"]["body"] for step in recorded["steps"] if step["answer"]["status"] == 200]
    expected = {
        (one["kind"], one["metadata"]["name"]): clean(one)
        for one in bodies
        if one["kind"] in ("FlowSchema", "PriorityLevelConfiguration")
    }
    made = {(one["kind"], one["metadata"]["name"]): clean(one) for _, one in flow_objects("<time>")}
    assert made == expected


def test_every_object_has_a_name_and_comes_once():
    keys = [
        (resource, one["metadata"].get("namespace"), one["metadata"]["name"])
        for resource, one in default_objects(CLUSTER)
    ]
    assert len(set(keys)) == len(keys) > 180


def test_a_server_on_the_loopback_has_no_endpoints():
    local = [resource for resource, _ in default_objects(replace(CLUSTER, advertise_address="127.0.0.1"))]
    assert "services" in local and "endpoints" not in local
    assert "endpointslices.discovery.k8s.io" not in local


def found(resource, name):
    return next(
        one for of, one in default_objects(CLUSTER) if of == resource and one["metadata"]["name"] == name
    )


def test_a_start_changes_nothing_that_is_as_it_should_be():
    for resource, one in default_objects(CLUSTER):
        assert reconciled(resource, json.loads(json.dumps(one)), one) is None
        assert reconciled(resource, None, one) is one


ROLES = "clusterroles.rbac.authorization.k8s.io"
BINDINGS = "clusterrolebindings.rbac.authorization.k8s.io"


def test_a_start_brings_back_rules_that_are_missing_and_keeps_further_ones():
    wanted = found(ROLES, "system:kube-dns")
    live = json.loads(json.dumps(wanted))
    further = {"verbs": ["get"], "apiGroups": ["x"], "resources": ["y"]}
    live["rules"] = [further]
    changed = reconciled(ROLES, live, wanted)
    assert changed["rules"][0] == further
    parts = {(rule["verbs"][0], rule["resources"][0]) for rule in changed["rules"][1:]}
    assert parts == {(verb, what) for verb in ("list", "watch") for what in ("endpoints", "services")}


def test_a_role_that_opted_out_stays_as_it_is():
    wanted = found(ROLES, "system:kube-dns")
    live = json.loads(json.dumps(wanted))
    live["rules"] = []
    live["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] = "false"
    assert reconciled(ROLES, live, wanted) is None


def test_a_start_brings_back_subjects_that_are_missing():
    wanted = found(BINDINGS, "system:kube-dns")
    live = json.loads(json.dumps(wanted))
    live["subjects"] = [{"kind": "User", "name": "jane"}]
    assert reconciled(BINDINGS, live, wanted)["subjects"] == [live["subjects"][0], *wanted["subjects"]]


def test_a_binding_to_another_role_is_to_be_made_anew():
    wanted = found(BINDINGS, "system:kube-dns")
    live = json.loads(json.dumps(wanted))
    live["roleRef"]["name"] = "other"
    live["metadata"]["resourceVersion"] = "7"
    assert "resourceVersion" not in reconciled(BINDINGS, live, wanted)["metadata"]


def test_flow_schemas_that_somebody_took_over_stay_but_for_the_mandatory_ones():
    resource = "flowschemas.flowcontrol.apiserver.k8s.io"
    for name, ours in (("service-accounts", False), ("exempt", True)):
        wanted = found(resource, name)
        live = json.loads(json.dumps(wanted))
        live["spec"]["matchingPrecedence"] = 77
        live["metadata"]["annotations"]["apf.kubernetes.io/autoupdate-spec"] = "false"
        assert (reconciled(resource, live, wanted) is not None) == ours


def test_the_own_service_follows_the_port_and_its_endpoints_the_address():
    wanted = found("services", "kubernetes")
    live = json.loads(json.dumps(wanted))
    live["spec"]["ports"][0]["targetPort"] = 1
    assert reconciled("services", live, wanted)["spec"] == wanted["spec"]
    wanted = found("endpoints", "kubernetes")
    live = json.loads(json.dumps(wanted))
    live["subsets"] = []
    assert reconciled("endpoints", live, wanted)["subsets"] == wanted["subsets"]
