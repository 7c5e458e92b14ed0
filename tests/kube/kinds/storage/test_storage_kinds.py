"""The kinds of group storage.k8s.io: what no recording shows."""

from typing import Any

import pytest

from sampan.kube.kinds.storage import (
    csidriver,
    csinode,
    csistoragecapacity,
    storageclass,
    volumeattachment,
    volumeattributesclass,
)
from tests.kube.kinds.judging import CONTEXT, made, wrong, wrong_update

CLASS, DRIVER, NODE = storageclass.RESOURCE, csidriver.RESOURCE, csinode.RESOURCE
ATTACHMENT, CAPACITY, ATTRIBUTES = (
    volumeattachment.RESOURCE,
    csistoragecapacity.RESOURCE,
    volumeattributesclass.RESOURCE,
)


def _terms(*terms: Any) -> dict[str, Any]:
    return {"provisioner": "p", "allowedTopologies": [{"matchLabelExpressions": list(one)} for one in terms]}


ZONE = {"key": "zone", "values": ["a"]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (_terms([ZONE]), []),
        (
            _terms([ZONE], [ZONE]),
            ['allowedTopologies[1].matchLabelExpressions: Duplicate value: ""'],
        ),
        # Two empty terms are like each of the two that upstream begins with, and the second like the first.
        (
            _terms([], []),
            ['allowedTopologies[0].matchLabelExpressions: Duplicate value: ""'] * 2
            + ['allowedTopologies[1].matchLabelExpressions: Duplicate value: ""'] * 3,
        ),
        (
            _terms([{"key": "zone", "values": ["a", "a"]}, ZONE]),
            [
                'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"',
                'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "zone"',
            ],
        ),
        (
            {"provisioner": "p", "parameters": {str(at): "" for at in range(513)}},
            ["parameters: Too long: may not be more than 512 bytes"],
        ),
        (
            {"provisioner": "p", "parameters": {"a": "x" * (256 << 10)}},
            ["parameters: Too long: may not be more than 262144 bytes"],
        ),
    ],
)
def test_class_says_what_is_wrong(body: dict[str, Any], expected: list[str]) -> None:
    assert wrong(CLASS, **body) == expected


def test_default_class_is_marked() -> None:
    new = made(CLASS, provisioner="p")
    assert CLASS.title is not None
    assert CLASS.title(new) == "x"
    new["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    assert CLASS.title(new) == "x (default)"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"tokenRequests": [{"audience": "a", "expirationSeconds": 599}]},
            [
                "spec.tokenRequests[0].expirationSeconds: Invalid value: 599: "
                "may not specify a duration less than 10 minutes"
            ],
        ),
        (
            {"tokenRequests": [{"audience": "a", "expirationSeconds": 2**32 + 1}]},
            [
                "spec.tokenRequests[0].expirationSeconds: Invalid value: 4294967297: "
                "may not specify a duration larger than 2^32 seconds"
            ],
        ),
        (
            {"nodeAllocatableUpdatePeriodSeconds": 9},
            [
                "spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: "
                "must be greater than or equal to 10 seconds"
            ],
        ),
        (
            {"serviceAccountTokenInSecrets": True},
            [
                "spec.serviceAccountTokenInSecrets: Invalid value: true: "
                "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
            ],
        ),
    ],
)
def test_driver_says_what_is_wrong(spec: dict[str, Any], expected: list[str]) -> None:
    assert wrong(DRIVER, spec=spec) == expected


def test_driver_has_a_generation_once_it_has_changed() -> None:
    old, new = made(DRIVER, spec={}), made(DRIVER, spec={"podInfoOnMount": True})
    assert "generation" not in old["metadata"]
    DRIVER.prepare_update(new, old, CONTEXT)
    assert new["metadata"]["generation"] == 1


def test_driver_shows_whose_tokens_it_asks_for() -> None:
    new = made(DRIVER, spec={"tokenRequests": [{"audience": "a"}, {"audience": "b"}]})
    assert DRIVER.cells is not None
    assert DRIVER.cells(new, 0.0)[:6] == [True, False, False, "a,b", False, "Persistent"]


def _driver(**more: Any) -> dict[str, Any]:
    return {"name": "d.example.com", "nodeID": "n", **more}


@pytest.mark.parametrize(
    ("drivers", "expected"),
    [
        ([_driver(), _driver()], ['spec.drivers[1].name: Duplicate value: "d.example.com"']),
        (
            [_driver(nodeID="n" * 257)],
            [f'spec.drivers[0].nodeID: Invalid value: "{"n" * 257}": must be 256 characters or less'],
        ),
        (
            [{"nodeID": ""}],
            ["spec.drivers[0].name: Required value", "spec.drivers[0].nodeID: Required value"],
        ),
        (
            [_driver(allocatable={"count": -1}, topologyKeys=["a", "a"])],
            [
                "spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0",
                'spec.drivers[0]: Duplicate value: "a"',
            ],
        ),
    ],
)
def test_node_says_what_is_wrong(drivers: list[Any], expected: list[str]) -> None:
    assert wrong(NODE, spec={"drivers": drivers}) == expected


def test_node_lets_only_the_number_of_volumes_change() -> None:
    old = made(NODE, spec={"drivers": [_driver(allocatable={"count": 1})]})
    more = made(NODE, spec={"drivers": [_driver(allocatable={"count": 2})]})
    other = made(NODE, spec={"drivers": [_driver(nodeID="m")]})
    assert wrong_update(NODE, old, more) == []
    assert wrong_update(NODE, old, other) == [
        'spec.drivers: Invalid value: {"Name":"d.example.com","NodeID":"m","TopologyKeys":null,'
        '"Allocatable":null}: field is immutable'
    ]


def _attachment(**more: Any) -> dict[str, Any]:
    return {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "p"}, **more}


def test_attachment_keeps_its_spec() -> None:
    old, new = made(ATTACHMENT, spec=_attachment()), made(ATTACHMENT, spec=_attachment(nodeName="m"))
    assert wrong_update(ATTACHMENT, old, new) == [
        'spec: Invalid value: {"Attacher":"a","Source":{"PersistentVolumeName":"p","InlineVolumeSpec":null},'
        '"NodeName":"m"}: field is immutable'
    ]


def test_attachment_says_what_is_wrong_with_its_status() -> None:
    old = made(ATTACHMENT, spec=_attachment())
    status = {"attached": False, "attachError": {"message": "x" * 1025, "errorCode": -1}}
    # As often as upstream looks at it.
    assert (
        wrong_update(ATTACHMENT, old, {**old, "status": status}, "status")
        == [
            "status.attachError.message: Too long: may not be more than 262144 bytes",
            "status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive",
        ]
        * 2
    )


def test_status_of_an_attachment_takes_no_labels() -> None:
    old = made(ATTACHMENT, spec=_attachment())
    new = made(ATTACHMENT, spec=_attachment(nodeName="m"))
    new["metadata"]["labels"] = {"a": "b"}
    new["status"] = {"attached": True}
    prepare = ATTACHMENT.subresources[0].prepare_update
    assert prepare is not None
    prepare(new, old, CONTEXT)
    assert (new["spec"], new["metadata"]) == (old["spec"], old["metadata"])
    assert new["status"] == {"attached": True}


def test_capacity_keeps_what_it_is_of() -> None:
    old = made(CAPACITY, storageClassName="sc", nodeTopology={"matchLabels": {"a": "b"}})
    new = made(CAPACITY, storageClassName="sd", nodeTopology={"matchLabels": {"a": "c"}}, capacity="1")
    assert wrong_update(CAPACITY, old, new) == [
        'nodeTopology: Invalid value: {"matchLabels":{"a":"c"}}: field is immutable',
        'storageClassName: Invalid value: "sd": field is immutable',
    ]
    assert wrong(CAPACITY, storageClassName="sc", capacity="-1Gi") == [
        'capacity: Invalid value: "-1Gi": must be greater than or equal to 0'
    ]


def test_attributes_never_change() -> None:
    old = made(ATTRIBUTES, driverName="d", parameters={"a": "b"})
    new = made(ATTRIBUTES, driverName="e", parameters={"a": "c"})
    assert wrong_update(ATTRIBUTES, old, new) == [
        "driverName: Forbidden: updates to driverName are forbidden.",
        "parameters: Forbidden: updates to parameters are forbidden.",
    ]


def test_inline_volumes() -> None:
    csi = {"driver": "d", "volumeHandle": "h"}

    def attachment(**inline: Any) -> dict[str, Any]:
        source = {"inlineVolumeSpec": {"accessModes": ["ReadWriteOnce"], **inline}}
        return {"spec": {"attacher": "a", "nodeName": "n", "source": source}}

    assert wrong(ATTACHMENT, **attachment(csi=csi, persistentVolumeReclaimPolicy="Retain")) == []
    assert wrong(ATTACHMENT, **attachment(csi=csi, volumeMode="Filesystem")) == []
    path, where = "spec.source.inlineVolumeSpec", "in the context of inline volumes"
    assert wrong(
        ATTACHMENT,
        **attachment(
            claimRef={"name": "c"},
            capacity={"storage": "1"},
            accessModes=[],
            hostPath={"path": "/a"},
            persistentVolumeReclaimPolicy="Delete",
            nodeAffinity={},
            storageClassName="s",
            volumeMode="Block",
        ),
    ) == [
        f"{path}.claimRef: Forbidden: may not be specified {where}",
        f"{path}.capacity: Forbidden: may not be specified {where}",
        f"{path}.csi: Required value: has to be specified {where}",
        f"{path}.accessModes: Required value",
        f"{path}.persistentVolumeReclaimPolicy: Forbidden: may only be Retain {where}",
        f"{path}.nodeAffinity: Forbidden: may not be specified {where}",
        f"{path}.storageClassName: Forbidden: may not be specified {where}",
        f"{path}.volumeMode: Forbidden: may not specify volumeMode other than Filesystem {where}",
    ]
