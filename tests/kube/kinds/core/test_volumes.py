"""PersistentVolumes and PersistentVolumeClaims."""

from typing import Any

import pytest

from sampan.kube.kinds.core import persistentvolume, persistentvolumeclaim
from sampan.kube.kinds.resource import Object
from tests.kube.kinds.core.checks import CONTEXT, cells, changed, errors, made
from tests.kube.kinds.golden import NOW

VOLUME, CLAIM = persistentvolume.RESOURCE, persistentvolumeclaim.RESOURCE
ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def volume(**spec: Any) -> Object:
    plain = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    return {"spec": plain | (spec or {"hostPath": {"path": "/x"}})}


def claim(size: str = "1Gi", **spec: Any) -> Object:
    plain = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"spec": plain | spec}


def test_defaults_of_a_volume() -> None:
    value = made(VOLUME, **volume(iscsi={"targetPortal": "a:1", "iqn": "iqn.2001-04.com.example:x"}))
    assert value["status"] == {"phase": "Pending", "lastPhaseTransitionTime": NOW}
    spec = value["spec"]
    assert (spec["persistentVolumeReclaimPolicy"], spec["volumeMode"]) == ("Retain", "Filesystem")
    assert spec["iscsi"]["iscsiInterface"] == "default"


@pytest.mark.parametrize(
    "source, texts",
    [
        ({"csi": {"driver": "a.b", "volumeHandle": "h"}}, []),
        (
            {"csi": {"driver": "a.b", "volumeHandle": "h", "nodeExpandSecretRef": {"name": "Bad_"}}},
            ["spec.csi.nodeExpandSecretRef.name", "spec.csi.nodeExpandSecretRef.namespace"],
        ),
        (
            {"local": {"path": "../x"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [{}]}}},
            ["spec.local.path"],
        ),
        (
            {"glusterfs": {"endpoints": "e", "path": "p", "endpointsNamespace": ""}},
            ["spec.glusterfs.endpointsNamespace"],
        ),
        (
            {"cinder": {"volumeID": "v", "secretRef": {}}},
            ["spec.cinder.secretRef.name", "spec.cinder.secretRef.namespace"],
        ),
        (
            {"azureFile": {"secretName": "s", "shareName": "t", "secretNamespace": ""}},
            ["spec.azureFile.secretNamespace"],
        ),
        ({"nfs": {"server": "s", "path": "/"}, "cephfs": {}, "fc": {}}, ["spec.cephFS", "spec.fc"]),
        ({"gcePersistentDisk": {}}, ["spec.persistentDisk.pdName"]),
        ({"storageClassName": "Bad_"}, ["spec", "spec.storageClassName"]),
        (
            {"hostPath": {"path": "/x"}, "volumeAttributesClassName": ""},
            ["spec.volumeAttributesClassName", "spec.csi"],
        ),
    ],
)
def test_what_is_wrong_with_a_volume(source: Object, texts: list[str]) -> None:
    assert [text.partition(": ")[0] for text in errors(VOLUME, **volume(**source))] == texts


def test_the_source_of_a_volume_stays() -> None:
    (text,) = changed(VOLUME, volume(), volume(hostPath={"path": "/y"}))
    assert text.startswith("spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable")
    assert '-  "Path": "/x",\n+  "Path": "/y",' in text
    csi: Object = {"driver": "a.b", "volumeHandle": "h"}
    secret = {"controllerExpandSecretRef": {"name": "a", "namespace": "b"}}
    assert changed(VOLUME, volume(csi=csi), volume(csi=csi | secret)) == []
    assert changed(VOLUME, volume(csi=csi | secret), volume(csi=csi)) != []


def affinity(key: str, *values: str) -> Object:
    expression = {"key": key, "operator": "In", "values": list(values)}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return volume(hostPath={"path": "/x"}, nodeAffinity={"required": terms})


def test_where_a_volume_is_stays_but_for_new_names_of_labels() -> None:
    old = affinity("failure-domain.beta.kubernetes.io/zone", "a")
    assert changed(VOLUME, volume(), old) == []
    assert changed(VOLUME, old, affinity("topology.kubernetes.io/zone", "a")) == []
    (text,) = changed(VOLUME, old, affinity("topology.kubernetes.io/zone", "b"))
    assert text.startswith(
        'nodeAffinity: Invalid value: {"Required":{"NodeSelectorTerms":[{"MatchExpressions"'
    )


def test_the_time_of_a_volumes_last_phase() -> None:
    part = next(one for one in VOLUME.subresources if one.name == "status")
    assert part.prepare_update is not None
    old = made(VOLUME, **volume()) | {"status": {"phase": "Pending", "lastPhaseTransitionTime": "t"}}
    for status, time in (
        ({"phase": "Pending"}, "t"),
        ({"phase": "Bound"}, NOW),
        ({"phase": "Bound", "lastPhaseTransitionTime": "t"}, NOW),
        ({"phase": "Bound", "lastPhaseTransitionTime": "u"}, "u"),
    ):
        new = made(VOLUME, **volume()) | {"status": dict(status)}
        part.prepare_update(new, old, CONTEXT)
        assert new["status"]["lastPhaseTransitionTime"] == time


def test_a_volume_that_will_not_work_is_warned_of() -> None:
    value = made(
        VOLUME, **volume(rbd={"monitors": ["a"], "image": "b"}, persistentVolumeReclaimPolicy="Recycle")
    )
    value["metadata"]["annotations"] = {ANNOTATION: "c"}
    assert VOLUME.warnings(value, None, CONTEXT) == [
        f"metadata.annotations[{ANNOTATION}]: deprecated since v1.8; "
        'use "storageClassName" attribute instead',
        "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
        "recommended approach is to use dynamic provisioning.",
        "spec.rbd: deprecated in v1.28, non-functional in v1.31+",
    ]


SNAPSHOT = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"}


def test_the_two_fields_for_a_claims_content_stand_for_each_other() -> None:
    spec = made(CLAIM, **claim(dataSource=SNAPSHOT))["spec"]
    assert spec["dataSourceRef"] == SNAPSHOT
    spec = made(CLAIM, **claim(dataSourceRef={"kind": "X", "name": "n", "apiGroup": "a.b"}))["spec"]
    assert spec["dataSource"] == {"kind": "X", "name": "n", "apiGroup": "a.b"}
    spec = made(CLAIM, **claim(dataSourceRef=SNAPSHOT | {"namespace": "m"}))["spec"]
    assert "dataSource" not in spec
    spec = made(CLAIM, **claim(dataSource={"kind": "Pod", "name": "p"}))["spec"]
    assert "dataSource" not in spec and "dataSourceRef" not in spec


def test_a_claim_is_bound_once() -> None:
    assert changed(CLAIM, claim(), claim(volumeName="v")) == []
    (text,) = changed(CLAIM, claim(volumeName="v"), claim(volumeName="w"))
    assert text.startswith("spec: Forbidden: spec is immutable after creation except resources.requests and")


BOUND = {"status": {"phase": "Bound", "capacity": {"storage": "2Gi"}}}


def test_a_bound_claim_may_grow_and_shrink_back_to_its_capacity() -> None:
    assert changed(CLAIM, claim("2Gi") | BOUND, claim("3Gi")) == []
    assert changed(CLAIM, claim("4Gi") | BOUND, claim("3Gi")) == []
    assert changed(CLAIM, claim("4Gi") | BOUND, claim("2Gi")) == [
        "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"
    ]


def test_a_claims_class_may_be_set_once_and_move_out_of_its_annotation() -> None:
    assert changed(CLAIM, claim(), claim(storageClassName="c")) == []
    assert changed(CLAIM, claim(storageClassName="c"), claim(storageClassName="d")) != []
    name = "volumeAttributesClassName"
    assert changed(CLAIM, claim(**{name: "c"}) | BOUND, claim()) != []
    assert changed(CLAIM, claim(**{name: "c"}) | BOUND, claim(**{name: "d"})) == []


def test_status_of_a_claim() -> None:
    status = {"allocatedResourceStatuses": {"cpu": "Odd"}, "allocatedResources": {"storage": "-1"}}
    assert [
        text.partition(":")[0] for text in changed(CLAIM, claim(), claim() | {"status": status}, "status")
    ] == [
        "status.allocatedResourceStatus",
        "status.allocatedResourceStatus",
        "status.allocatedResources[storage]",
    ]


def test_what_kubectl_shows() -> None:
    value = made(VOLUME, **volume(csi={}, accessModes=["ReadWriteMany", "ReadWriteOnce", "ReadWriteOnce"]))
    value["spec"]["claimRef"] = {"namespace": "n", "name": "c"}
    assert cells(VOLUME, value) == [
        "1Gi",
        "RWO,RWX",
        "Retain",
        "Pending",
        "n/c",
        "",
        "<unset>",
        "",
        "<unknown>",
        "Filesystem",
    ]
    value = made(CLAIM, **claim(storageClassName="fast"))
    assert cells(CLAIM, value) == ["Pending", "", "", "", "fast", "<unset>", "<unknown>", "Filesystem"]
    value["spec"]["volumeName"] = "v"
    value["status"] = {"phase": "Bound", "capacity": {"storage": "2Gi"}, "accessModes": ["ReadOnlyMany"]}
    value["metadata"]["deletionTimestamp"] = NOW
    assert cells(CLAIM, value)[:4] == ["Terminating", "v", "2Gi", "ROX"]
