"""Where daemons run, and what they are made of."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.daemonsets.placement import is_moved, placements
from sampan.kube.controllers.daemonsets.template import (
    generation,
    is_updated,
    pinned,
    target_node,
    template_of,
    tolerations,
)
from tests.kube.controllers.daemonsets.daemons import NEW, daemon_set, node, pod

TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}
EVICTING = {**TAINT, "effect": "NoExecute"}
PREFERRED = {**TAINT, "effect": "PreferNoSchedule"}
CORDONED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
OFFLINE = {"key": "node.kubernetes.io/network-unavailable", "effect": "NoSchedule"}
GONE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}


def required(*terms: Object) -> Object:
    selector = {"nodeSelectorTerms": list(terms)}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}}


def expression(key: str, operator: str, *values: str) -> Object:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("template", "labels", "tainted", "wanted"),
    [
        ({}, {}, [], (True, True)),
        ({"nodeName": "a"}, {}, [], (True, True)),
        ({"nodeName": "b"}, {}, [], (False, False)),
        ({"nodeSelector": {"x": "1"}}, {"x": "1", "y": "2"}, [], (True, True)),
        ({"nodeSelector": {"x": "1"}}, {"x": "2"}, [], (False, False)),
        (required(expression("x", "In", "1", "2")), {"x": "2"}, [], (True, True)),
        (required(expression("x", "Gt", "3")), {"x": "3"}, [], (False, False)),
        (required(expression("x", "Exists"), expression("y", "Exists")), {"y": ""}, [], (True, True)),
        (required(expression("x", "Nonsense")), {"x": "2"}, [], (False, False)),
        (required(), {}, [], (False, False)),
        ({}, {}, [TAINT], (False, True)),
        ({}, {}, [PREFERRED], (True, True)),
        ({}, {}, [EVICTING], (False, False)),
        ({}, {}, [CORDONED, GONE], (True, True)),
        ({}, {}, [OFFLINE], (False, True)),
        ({"hostNetwork": True}, {}, [OFFLINE], (True, True)),
        ({"tolerations": [{"key": "k", "operator": "Exists"}]}, {}, [TAINT, EVICTING], (True, True)),
    ],
)
def test_which_nodes_have_a_pod(
    template: Object, labels: dict[str, str], tainted: list[Object], wanted: tuple[bool, bool]
) -> None:
    assert placements(daemon_set(template), [node("a", labels, *tainted)]) == {"a": wanted}


def test_a_change_of_a_node_matters_if_the_set_cares() -> None:
    owner = daemon_set({"nodeSelector": {"x": "1"}})
    assert is_moved(owner, node("a"), node("a", {"x": "1"}))
    assert not is_moved(owner, node("a"), node("a", {"y": "1"}))


def test_daemons_tolerate_what_others_do_not() -> None:
    own = {"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"}
    given = [{"key": "k", "operator": "Exists"}, {**own, "tolerationSeconds": 5}]
    found = tolerations({"tolerations": given})
    assert found[:2] == [given[0], own]
    assert [one["key"].rpartition("/")[2] for one in found[2:]] == [
        "not-ready",
        "unreachable",
        "memory-pressure",
        "pid-pressure",
        "unschedulable",
    ]


def test_a_pod_is_pinned_to_its_node() -> None:
    template = template_of(daemon_set({**required(expression("x", "Exists")), "containers": []}), "h")
    found: dict[str, Any] = pinned(template, "a")
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}
    assert found["spec"]["affinity"] == required(term)["affinity"]
    assert target_node(found) == "a"
    assert template["spec"]["affinity"] != found["spec"]["affinity"]  # the template is not changed


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"affinity": None},
        required(expression("x", "Exists")),
        required({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a", "b"]}]}),
        required({"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["a"]}]}),
    ],
)
def test_a_pod_that_nobody_pinned_has_no_node(spec: Object) -> None:
    assert target_node({"spec": spec}) is None


@pytest.mark.parametrize(("annotation", "updated"), [("2", True), ("3", False), ("x", False)])
def test_pods_are_known_by_hash_or_by_generation(annotation: str, updated: bool) -> None:
    owner = daemon_set()
    owner["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": annotation}
    labels = {"pod-template-generation": "2", "controller-revision-hash": "other"}
    assert is_updated({"metadata": {"labels": labels}}, NEW, generation(owner)) is updated
    assert is_updated(pod(owner, "a"), NEW, None)
