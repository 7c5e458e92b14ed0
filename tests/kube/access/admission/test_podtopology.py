"""Labels of a node that its pods get."""

import pytest

from sampan.kube.access.admission.podtopology import LABELS, PodTopologyLabels
from sampan.kube.kinds.core.podbinding import bound
from tests.kube.access.admission.writes import changed, cluster, pod

ZONE, REGION = LABELS
NODE = {"metadata": {"name": "n", "labels": {ZONE: "a", REGION: "r", "other": "x"}}}
BARE = {"metadata": {"name": "bare"}}


def binding(node, kind="Node", **labels):
    metadata = {"name": "p", **({"labels": labels} if labels else {})}
    return {"metadata": metadata, "target": {"kind": kind, "name": node}}


@pytest.mark.parametrize(
    ("sentence", "value", "subresource", "expected"),
    [
        ("a binding gets them", binding("n"), "binding", {ZONE: "a", REGION: "r"}),
        (
            "but keeps its own",
            binding("n", **{ZONE: "mine", "x": "y"}),
            "binding",
            {ZONE: "mine", "x": "y", REGION: "r"},
        ),
        ("a node without labels gives none", binding("bare"), "binding", None),
        ("nor does one that is not there", binding("nosuch"), "binding", None),
        ("nor anything that is no node", binding("n", "Pod"), "binding", None),
        ("an eviction has none", binding("n"), "eviction", None),
    ],
)
async def test_bindings(sentence, value, subresource, expected):
    reader = cluster(("nodes", NODE), ("nodes", BARE))
    found = await changed(PodTopologyLabels(), reader, "pods", value, subresource=subresource)
    assert found["metadata"].get("labels") == expected, sentence


async def test_pods_that_have_their_node_from_the_start():
    reader = cluster(("nodes", NODE))
    one = pod()
    assert "labels" not in (await changed(PodTopologyLabels(), reader, "pods", one))["metadata"]
    one["spec"]["nodeName"] = "n"
    made = await changed(PodTopologyLabels(), reader, "pods", one)
    assert made["metadata"]["labels"] == {ZONE: "a", REGION: "r"}
    later = await changed(PodTopologyLabels(), reader, "pods", one, pod())
    assert "labels" not in later["metadata"], "only when it is created"


def test_what_is_bound_has_the_labels_of_the_binding():
    one = {"metadata": {"name": "p", "labels": {ZONE: "said before", "app": "x"}}, "spec": {}}
    found = bound(one, binding("n", **{ZONE: "a"}), "2026-01-01T00:00:00Z")
    assert found["metadata"]["labels"] == {ZONE: "a", "app": "x"}
    assert one["metadata"]["labels"][ZONE] == "said before"
