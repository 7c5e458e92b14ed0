"""Where the volumes of a pod let it be, in upstream's words."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import judge
from sampan.kube.scheduler.podinfo import pod_info
from sampan.kube.scheduler.profile import DEFAULT
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.surroundings import (
    ATTACHMENTS,
    CAPACITIES,
    CLAIMS,
    CSI_DRIVERS,
    CSI_NODES,
)
from sampan.kube.scheduler.trials import NodeTrials
from sampan.kube.scheduler.volumes import plan
from tests.kube.scheduler.objects import node, pod
from tests.kube.scheduler.storage import Shelf, claim, shelf, storage_class, volume

ZONE = "topology.kubernetes.io/zone"
NODES = [node(name, labels={ZONE: zone}) for name, zone in (("a", "z1"), ("b", "z2"), ("c", "z2"))]


def using(*names: str, **spec: Any) -> Object:
    volumes = [
        {"name": f"v{at}", "persistentVolumeClaim": {"claimName": name}} for at, name in enumerate(names)
    ]
    return pod("q", volumes=volumes, **spec)


def cluster_of(around: Shelf, *pods: Object) -> Cluster:
    cluster = Cluster(around)
    for one in NODES:
        cluster.put_node(one)
    for one in pods:
        cluster.put_pod(one)
    return cluster


def told(cluster: Cluster, wanted: Object) -> Any:
    """By node what keeps the pod off; or why it can be nowhere."""
    verdict = judge(cluster, pod_info(wanted), DEFAULT, explain=True)
    if verdict.refused:
        return f"{verdict.refused.plugin}: {verdict.refused.text}"
    found: dict[str, str] = {}
    for failure in verdict.failures:
        for text, rows in failure.texts:
            for row in rows.nonzero()[0]:
                name = cluster.node_name(int(row))
                found[name] = f"{found[name]}; {text}" if name in found else text
    return found


ELSEWHERE = "node(s) had volume node affinity conflict"
NONE = "node(s) didn't find available persistent volumes to bind"
ON_A, IN_Z2 = {"kubernetes.io/hostname": "a"}, {ZONE: "z2"}

CASES = [
    ("a claim that is not there", shelf(), ["c"], 'VolumeRestrictions: persistentvolumeclaim "c" not found'),
    (
        "a claim that the controller has not bound yet",
        shelf(claims=[claim("c")]),
        ["c"],
        "VolumeBinding: pod has unbound immediate PersistentVolumeClaims",
    ),
    (
        "a claim that has lost its volume",
        shelf(claims=[claim("c", volume="v", status={"phase": "Lost"})]),
        ["c"],
        'VolumeBinding: persistentvolumeclaim "c" bound to non-existent persistentvolume "v"',
    ),
    (
        "a claim that is going",
        shelf(claims=[claim("c", volume="v", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})]),
        ["c"],
        'VolumeBinding: persistentvolumeclaim "c" is being deleted',
    ),
    (
        "a claim whose volume is unknown",
        shelf(claims=[claim("c", volume="v")]),
        ["c"],
        'VolumeZone: persistentvolume "v" not found',
    ),
    (
        "a bound volume that can be used from one node",
        shelf(claims=[claim("c", volume="v")], volumes=[volume("v", at=ON_A)]),
        ["c"],
        {"b": ELSEWHERE, "c": ELSEWHERE},
    ),
    (
        "volumes of which one is here and one there",
        shelf(
            claims=[claim("c", volume="v"), claim("d", volume="w")],
            volumes=[volume("v", at=ON_A), volume("w", at=IN_Z2)],
        ),
        ["c", "d"],
        {"a": ELSEWHERE, "b": ELSEWHERE, "c": ELSEWHERE},
    ),
    (
        "a volume with a label of a zone",
        shelf(claims=[claim("c", volume="v")], volumes=[volume("v", labels={ZONE: "z2__z3"})]),
        ["c"],
        {"a": "node(s) had no available volume zone"},
    ),
    (
        "a volume with the label that zones had once",
        shelf(
            claims=[claim("c", volume="v")],
            volumes=[volume("v", labels={"failure-domain.beta.kubernetes.io/zone": "z1"})],
        ),
        ["c"],
        dict.fromkeys("bc", "node(s) had no available volume zone"),
    ),
    (
        "a waiting claim, and a volume that is free on one node",
        shelf(
            claims=[claim("c", of="local")],
            volumes=[volume("v", of="local", at=ON_A)],
            classes=[storage_class("local")],
        ),
        ["c"],
        {"b": NONE, "c": NONE},
    ),
    (
        "a waiting claim, and volumes that are too small, of another class, or somebody's",
        shelf(
            claims=[claim("c", of="local")],
            volumes=[
                volume("v", of="local", size="500Mi"),
                volume("w", of="other"),
                volume("x", of="local", claimRef={"name": "other", "namespace": "default"}),
            ],
            classes=[storage_class("local")],
        ),
        ["c"],
        {"a": NONE, "b": NONE, "c": NONE},
    ),
    (
        "two waiting claims, of which only one can have the volume",
        shelf(
            claims=[claim("c", of="local"), claim("d", of="local")],
            volumes=[
                volume("v", of="local", at=ON_A),
                *(volume(name, of="local", at=IN_Z2) for name in "wx"),
            ],
            classes=[storage_class("local")],
        ),
        ["c", "d"],
        {"a": NONE},
    ),
    (
        "a waiting claim whose class makes volumes in one zone",
        shelf(
            claims=[claim("c", of="fast")],
            classes=[
                storage_class(
                    "fast",
                    "csi.example",
                    allowedTopologies=[{"matchLabelExpressions": [{"key": ZONE, "values": ["z2"]}]}],
                )
            ],
        ),
        ["c"],
        {"a": NONE},
    ),
    (
        "a waiting claim that another node was chosen for",
        shelf(
            claims=[claim("c", of="fast", annotations={"volume.kubernetes.io/selected-node": "b"})],
            classes=[storage_class("fast", "csi.example")],
        ),
        ["c"],
        {"a": NONE, "c": NONE},
    ),
    (
        "a driver that tells how much space there is where",
        shelf(
            claims=[claim("c", of="fast", size="10Gi")],
            classes=[storage_class("fast", "csi.example")],
            **{
                CSI_DRIVERS: [{"metadata": {"name": "csi.example"}, "spec": {"storageCapacity": True}}],
                CAPACITIES: [
                    {
                        "metadata": {"name": zone, "namespace": "kube-system"},
                        "storageClassName": "fast",
                        "nodeTopology": {"matchLabels": {ZONE: zone}},
                        "capacity": size,
                    }
                    for zone, size in (("z1", "9Gi"), ("z2", "10Gi"))
                ],
            },
        ),
        ["c"],
        {"a": "node(s) did not have enough free storage"},
    ),
]


@pytest.mark.parametrize(
    ("around", "names", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_volumes_keep_pods_off_nodes(around: Shelf, names: list[str], expected: Any) -> None:
    assert told(cluster_of(around), using(*names)) == expected


def test_what_volumes_refuse_preemption_does_not_help() -> None:
    around = shelf(claims=[claim("c", volume="v")], volumes=[volume("v", at=ON_A)])
    verdict = judge(cluster_of(around), pod_info(using("c")), DEFAULT, explain=True)
    assert [one.plugin for one in verdict.failures] == ["VolumeBinding"]
    assert (verdict.failures[0].unresolvable == verdict.failures[0].rows).all()


def test_the_plan_takes_the_smallest_volume_and_makes_what_there_is_none_of() -> None:
    around = shelf(
        claims=[claim("large", of="fast", size="5Gi"), claim("small", of="fast", size="1Gi")],
        volumes=[
            volume("w8", of="fast", size="8Gi", at=IN_Z2),
            volume("w2", of="fast", size="2Gi", at=IN_Z2),
        ],
        classes=[storage_class("fast", "csi.example")],
    )
    cluster = cluster_of(around)
    query = Query(cluster, pod_info(using("large", "small")), DEFAULT)

    def planned(name: str) -> tuple[list[tuple[str, str]], list[str]]:
        row = cluster.row_of(name)
        assert row is not None
        found = plan(query, row)
        pairs = [(one["metadata"]["name"], other["metadata"]["name"]) for one, other in found.bindings]
        return sorted(pairs), sorted(one["metadata"]["name"] for one in found.provisions)

    assert planned("b") == ([("large", "w8"), ("small", "w2")], [])
    assert planned("a") == ([], ["large", "small"])


def test_a_volume_that_is_kept_for_a_claim_goes_to_it() -> None:
    kept = {"name": "c", "namespace": "default"}
    around = shelf(
        claims=[claim("c", of="local"), claim("d", of="local")],
        volumes=[volume("big", of="local", size="9Gi", claimRef=kept), volume("v", of="local")],
        classes=[storage_class("local")],
    )
    cluster = cluster_of(around)
    found = plan(Query(cluster, pod_info(using("c", "d")), DEFAULT), 0)
    names = {one["metadata"]["name"]: other["metadata"]["name"] for one, other in found.bindings}
    assert names == {"c": "big", "d": "v"}


def test_a_claim_for_one_pod_only_is_free_when_that_pod_is_gone() -> None:
    around = shelf(claims=[claim("c", volume="v", modes=["ReadWriteOncePod"])], volumes=[volume("v")])
    other = using("c")
    other["metadata"] |= {"name": "other", "uid": "other"}
    other["spec"]["nodeName"] = "a"
    cluster = cluster_of(around, other)
    text = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
    assert told(cluster, using("c")) == dict.fromkeys("abc", text)
    row = cluster.row_of("a")
    assert row is not None
    with NodeTrials(cluster, pod_info(using("c")), DEFAULT).without(row, [other]) as emptied:
        assert not emptied.reasons()
    cluster.remove_pod("other")
    assert told(cluster, using("c")) == {}


DISKS = [
    (
        "one disk for two pods",
        {"awsElasticBlockStore": {"volumeID": "x"}},
        {"awsElasticBlockStore": {"volumeID": "x"}},
        True,
    ),
    (
        "two disks",
        {"awsElasticBlockStore": {"volumeID": "x"}},
        {"awsElasticBlockStore": {"volumeID": "y"}},
        False,
    ),
    (
        "both only read",
        {"gcePersistentDisk": {"pdName": "x", "readOnly": True}},
        {"gcePersistentDisk": {"pdName": "x", "readOnly": True}},
        False,
    ),
    (
        "one of them writes",
        {"gcePersistentDisk": {"pdName": "x", "readOnly": True}},
        {"gcePersistentDisk": {"pdName": "x"}},
        True,
    ),
    ("one target", {"iscsi": {"iqn": "x"}}, {"iscsi": {"iqn": "x", "readOnly": True}}, True),
    (
        "an image that is reached by one monitor of each",
        {"rbd": {"monitors": ["m", "n"], "image": "i"}},
        {"rbd": {"monitors": ["n"], "image": "i", "pool": "rbd"}},
        True,
    ),
    (
        "an image of another pool",
        {"rbd": {"monitors": ["m"], "image": "i"}},
        {"rbd": {"monitors": ["m"], "image": "i", "pool": "p"}},
        False,
    ),
    ("different kinds", {"iscsi": {"iqn": "x"}}, {"gcePersistentDisk": {"pdName": "x"}}, False),
]


@pytest.mark.parametrize(
    ("one", "other", "conflict"), [case[1:] for case in DISKS], ids=[c[0] for c in DISKS]
)
def test_disks_that_cannot_be_shared(one: Object, other: Object, conflict: bool) -> None:
    there = pod("p", on="a", volumes=[{"name": "d", **one}])
    cluster = cluster_of(shelf(), there)
    expected = {"a": "node(s) had no available disk"} if conflict else {}
    assert told(cluster, pod("q", volumes=[{"name": "d", **other}])) == expected
    cluster.remove_pod(there["metadata"]["uid"])
    assert told(cluster, pod("q", volumes=[{"name": "d", **other}])) == {}


def test_an_ephemeral_claim_must_be_there_and_the_pods_own() -> None:
    wanted = pod("q", volumes=[{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}])
    around = shelf(volumes=[volume("v")])
    waiting = "waiting for ephemeral volume controller to create the persistentvolumeclaim"
    assert told(cluster_of(around), wanted) == f'VolumeBinding: {waiting} "q-scratch"'
    around.put(CLAIMS, claim("q-scratch", volume="v"))
    stranger = "PVC default/q-scratch was not created for pod default/q (pod is not owner)"
    assert told(cluster_of(around), wanted) == f"VolumeBinding: {stranger}"
    owners = [{"controller": True, "kind": "Pod", "name": "q", "uid": wanted["metadata"]["uid"]}]
    around.put(CLAIMS, claim("q-scratch", volume="v", metadata={"ownerReferences": owners}))
    assert told(cluster_of(around), wanted) == {}


def of_driver(name: str, **more: Any) -> Object:
    return volume(name, csi={"driver": "csi.example", "volumeHandle": name}, **more)


def limited(count: int, *names: str, **more: Any) -> Shelf:
    """Node a can have so many volumes; each name is a claim and its volume."""
    drivers = [{"name": "csi.example", "allocatable": {"count": count}}, {"name": "other.example"}]
    return shelf(
        claims=[claim(name, volume=name) for name in names],
        volumes=[of_driver(name) for name in names],
        **{CSI_NODES: [{"metadata": {"name": "a"}, "spec": {"drivers": drivers}}], **more},
    )


FULL = {"a": "node(s) exceed max volume count"}


def test_a_node_takes_no_more_volumes_than_its_driver_says() -> None:
    there = [using("c"), using("d")]
    for at, one in enumerate(there):
        one["metadata"] |= {"uid": f"p{at}", "name": f"p{at}"}
        one["spec"]["nodeName"] = "a"
    around = limited(2, "c", "d", "e")
    assert told(cluster_of(around, *there), using("e")) == FULL
    assert told(cluster_of(around, *there), using("d")) == {}, "it is attached already"
    assert told(cluster_of(around, there[0]), using("e")) == {}
    assert told(cluster_of(limited(3, "c", "d", "e"), *there), using("e")) == {}


def test_volumes_that_are_attached_count_without_a_pod() -> None:
    attachment = {
        "metadata": {"name": "x"},
        "spec": {"nodeName": "a", "source": {"persistentVolumeName": "c"}, "attacher": "csi.example"},
    }
    around = limited(1, "c", "d", **{ATTACHMENTS: [attachment]})
    assert told(cluster_of(around), using("d")) == FULL
    assert told(cluster_of(around), using("c")) == {}


def test_claims_without_a_volume_count_for_the_driver_of_their_class() -> None:
    around = limited(1, "c")
    around.put("storageclasses", storage_class("fast", "csi.example"))
    around.put(CLAIMS, claim("new", of="fast"))
    there = using("c", on="a")
    assert told(cluster_of(around, there), using("new", labels={"not": "the same"})) == FULL
