"""Which requests rules and selectors mean."""

from typing import Any

import pytest

from sampan.kube.access.admission.matching import matched
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.admission.cluster import CONFIG_MAPS, NEW, NODES, OLD, Cluster, rules


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({}, True),
        ({"operations": ["CREATE"]}, True),
        ({"operations": ["UPDATE", "DELETE"]}, False),
        ({"apiGroups": ["apps"]}, False),
        ({"apiGroups": [""]}, True),
        ({"apiVersions": ["v2"]}, False),
        ({"resources": ["configmaps"]}, True),
        ({"resources": ["configmaps/*"]}, True),
        ({"resources": ["configmaps/status"]}, False),
        ({"resources": ["*/*"]}, True),
        ({"scope": "Cluster"}, False),
        ({"scope": "Namespaced"}, True),
        ({"resourceNames": ["y"]}, False),
        ({"resourceNames": ["x"]}, True),
    ],
)
def test_rules(rule: dict[str, Any], found: bool) -> None:
    cluster = Cluster()
    match = {"resourceRules": rules(**rule)}
    assert (matched(match, cluster.request(), cluster) is CONFIG_MAPS) is found


def test_a_star_does_not_mean_subresources() -> None:
    cluster = Cluster()
    request = cluster.request(NEW, subresource="status")
    assert matched({"resourceRules": rules()}, request, cluster) is None
    assert matched({"resourceRules": rules(resources=["*/status"])}, request, cluster) is NEW


def test_excluded_resources_do_not_match() -> None:
    cluster = Cluster()
    match = {"resourceRules": rules(), "excludeResourceRules": rules(resources=["configmaps"])}
    assert matched(match, cluster.request(), cluster) is None


def test_other_versions_of_the_same_objects_match_unless_exactly_one_is_meant() -> None:
    cluster = Cluster()
    match = {"resourceRules": rules(apiGroups=["example.com"]), "matchPolicy": "Equivalent"}
    assert matched(match, cluster.request(OLD), cluster) is NEW
    assert matched({**match, "matchPolicy": "Exact"}, cluster.request(OLD), cluster) is None


@pytest.mark.parametrize(
    ("selector", "found"),
    [({}, True), ({"matchLabels": {"env": "test"}}, True), ({"matchLabels": {"env": "prod"}}, False)],
)
def test_namespaces_are_selected_by_their_labels(selector: dict[str, Any], found: bool) -> None:
    cluster = Cluster()
    match = {"namespaceSelector": selector, "resourceRules": rules()}
    assert (matched(match, cluster.request(), cluster) is not None) is found
    assert matched(match, cluster.request(NODES), cluster) is NODES


def test_a_namespace_that_must_be_known_must_be_there() -> None:
    cluster = Cluster()
    match = {"namespaceSelector": {"matchLabels": {"a": "b"}}, "resourceRules": rules()}
    with pytest.raises(StatusError) as caught:
        matched(match, cluster.request(namespace="gone"), cluster)
    assert caught.value.reason == "NotFound"


def test_objects_are_selected_as_they_were_or_as_they_will_be() -> None:
    cluster = Cluster()
    match = {"objectSelector": {"matchLabels": {"a": "b"}}, "resourceRules": rules()}
    labelled = {"metadata": {"name": "x", "labels": {"a": "b"}}}
    assert matched(match, cluster.request(), cluster) is None
    assert matched(match, cluster.request(old=labelled), cluster) is CONFIG_MAPS
    assert matched(match, cluster.request(object=labelled), cluster) is CONFIG_MAPS
