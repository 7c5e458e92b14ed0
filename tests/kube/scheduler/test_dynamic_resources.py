"""Pods that claim devices, in upstream's words."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import judge
from sampan.kube.scheduler.podinfo import pod_info
from sampan.kube.scheduler.profile import DEFAULT
from sampan.kube.scheduler.surroundings import DEVICE_CLASSES, RESOURCE_CLAIMS
from tests.kube.scheduler.objects import node, pod
from tests.kube.scheduler.storage import Shelf

CLASS = {"metadata": {"name": "gpu"}}
NO_DEVICES = "cannot allocate all claims"


def claim(*requests: Object, name: str = "c", status: Object | None = None, **metadata: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": {"devices": {"requests": list(requests)}},
        "status": status or {},
    }


def given(*nodes: str, reserved: int = 0) -> Object:
    field = {"key": "metadata.name", "operator": "In"}
    terms = [{"matchFields": [{**field, "values": [name]}]} for name in nodes]
    allocation: Object = {"devices": {}, **({"nodeSelector": {"nodeSelectorTerms": terms}} if nodes else {})}
    return {"allocation": allocation, "reservedFor": [{"uid": f"u{at}"} for at in range(reserved)]}


EXACT = {"name": "r", "exactly": {"deviceClassName": "gpu"}}
FIRST = {"name": "r", "firstAvailable": [{"name": "s", "deviceClassName": "none"}]}
ELSEWHERE = "resourceclaim not available on the node"

CASES: list[tuple[str, list[Object], list[Object], Any]] = [
    ("no such claim", [], [CLASS], 'resourceclaim.resource.k8s.io "c" not found'),
    ("no such class", [claim(EXACT)], [], "request r: device class gpu does not exist"),
    (
        "no such class of one of several",
        [claim(FIRST)],
        [CLASS],
        "request r/s: device class none does not exist",
    ),
    ("no devices yet", [claim(EXACT)], [CLASS], {"a": NO_DEVICES, "b": NO_DEVICES}),
    ("nothing is asked for", [claim()], [], {}),
    ("devices of one node", [claim(EXACT, status=given("a"))], [], {"b": ELSEWHERE}),
    ("devices for all", [claim(EXACT, status=given())], [], {}),
    (
        "so many pods use it that no more can",
        [claim(EXACT, status=given(reserved=256))],
        [],
        "resourceclaim in use",
    ),
    ("it is going", [claim(EXACT, deletionTimestamp="x")], [CLASS], 'resourceclaim "c" is being deleted'),
]


@pytest.mark.parametrize(
    ("claims", "classes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_claims_keep_pods_off_nodes(claims: list[Object], classes: list[Object], expected: Any) -> None:
    around = Shelf(**{RESOURCE_CLAIMS: claims, DEVICE_CLASSES: classes})
    assert told(around, pod("q", resourceClaims=[{"name": "r", "resourceClaimName": "c"}])) == expected


def told(around: Shelf, wanted: Object) -> Any:
    cluster = Cluster(around)
    for name in "ab":
        cluster.put_node(node(name))
    verdict = judge(cluster, pod_info(wanted), DEFAULT, explain=True)
    if verdict.refused:
        assert verdict.refused.plugin == "DynamicResources"
        return verdict.refused.text
    rows = {
        int(row): text for one in verdict.failures for text, rows in one.texts for row in rows.nonzero()[0]
    }
    assert all(one.unresolvable[row] for one in verdict.failures for row in rows)
    return {cluster.node_name(row): text for row, text in rows.items()}


def test_a_claim_of_a_template_is_the_one_that_was_made_for_the_pod() -> None:
    wanted = pod("q", resourceClaims=[{"name": "r", "resourceClaimTemplateName": "t"}])
    around = Shelf(**{RESOURCE_CLAIMS: [claim(name="made")]})
    assert told(around, wanted) == 'pod "default/q": ResourceClaim not created yet'
    wanted["status"] = {"resourceClaimStatuses": [{"name": "r", "resourceClaimName": "made"}]}
    stranger = "ResourceClaim default/made was not created for pod default/q (pod is not owner)"
    assert told(around, wanted) == stranger
    owners = [{"controller": True, "uid": wanted["metadata"]["uid"]}]
    around.put(RESOURCE_CLAIMS, claim(name="made", ownerReferences=owners))
    assert told(around, wanted) == {}
    wanted["status"] = {"resourceClaimStatuses": [{"name": "r"}]}
    assert told(around, wanted) == {}, "none was needed"
