"""The kinds of group resource.k8s.io: what no recording shows."""

from collections.abc import Sequence
from typing import Any

import pytest

from sampan.kube.kinds.dynamicresources import (
    deviceclass,
    resourceclaim,
    resourceclaimtemplate,
    resourceslice,
)
from sampan.kube.kinds.resource import Context, Object
from tests.kube.kinds.judging import CONTEXT, made, wrong, wrong_update

CLAIM, SLICE, CLASS = resourceclaim.RESOURCE, resourceslice.RESOURCE, deviceclass.RESOURCE
TEMPLATE = resourceclaimtemplate.RESOURCE
EXACTLY = {"deviceClassName": "c"}
DEVICES = "spec.devices"


def _claim(*requests: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"devices": {"requests": list(requests), **more}}


def _one(**exactly: Any) -> dict[str, Any]:
    return _claim({"name": "r", "exactly": {**EXACTLY, **exactly}})


REFERENCE = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)
PARTS = {"name": "p", "firstAvailable": [{"name": "s", **EXACTLY}]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (_one(), []),
        (_claim(PARTS, constraints=[{"requests": ["p/s"], "matchAttribute": "d.example.com/a"}]), []),
        (
            _one(allocationMode="All", count=2),
            [
                f"{DEVICES}.requests[0].exactly.count: Invalid value: 2: "
                "must not be specified when allocationMode is 'All'"
            ],
        ),
        (
            _claim({"name": "r", "exactly": EXACTLY, "firstAvailable": [{"name": "s", **EXACTLY}]}),
            [
                f"{DEVICES}.requests[0]: Invalid value: null: exactly one of `exactly` or `firstAvailable` "
                "is required, but multiple fields are set"
            ],
        ),
        (
            _claim(*[{"name": "r", "exactly": EXACTLY}] * 2),
            [f'{DEVICES}.requests[1]: Duplicate value: "r"'],
        ),
        (
            _claim(*[{"name": f"r{at}", "exactly": EXACTLY} for at in range(33)]),
            [f"{DEVICES}.requests: Too many: 33: must have at most 32 items"],
        ),
        (
            _claim(PARTS, constraints=[{"requests": ["x"], "matchAttribute": "d.example.com/a"}]),
            [f'{DEVICES}.constraints[0].requests[0]: Invalid value: "x": {REFERENCE}'],
        ),
        (
            _claim(PARTS, constraints=[{"matchAttribute": "d.example.com/"}]),
            [f'{DEVICES}.constraints[0].matchAttribute: Invalid value: "": the name must not be empty'],
        ),
        (
            _claim(PARTS, config=[{"opaque": {"driver": "d", "parameters": [1]}}]),
            [
                f'{DEVICES}.config[0].opaque.parameters: Invalid value: "<value omitted>": '
                "must be a valid JSON object"
            ],
        ),
        (_claim(PARTS, config=[{}]), [f"{DEVICES}.config[0].opaque: Required value"]),
        (
            _one(selectors=[{"cel": {"expression": "1"}}]),
            [
                f'{DEVICES}.requests[0].exactly.selectors[0].cel.expression: Invalid value: "1": '
                "must evaluate to bool or the unknown type, not int"
            ],
        ),
        (_one(selectors=[{"cel": {"expression": "device.attributes['d'].x"}}]), []),
        (
            _one(selectors=[{"cel": {"expression": f"'{'x' * 10240}' == ''"}}]),
            [
                f"{DEVICES}.requests[0].exactly.selectors[0].cel.expression: "
                "Too long: may not be more than 10240 bytes"
            ],
        ),
    ],
)
def test_claim_says_what_is_wrong(spec: dict[str, Any], expected: list[str]) -> None:
    assert wrong(CLAIM, spec=spec) == expected
    inner = [error.replace("spec.devices", "spec.spec.devices") for error in expected]
    assert wrong(TEMPLATE, spec={"spec": spec}) == inner


class _Namespaces:
    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return {"metadata": {"name": name, "labels": self.labels}}

    def list(self, resource: str, namespace: str = "") -> Sequence[Object]:
        return []


def test_only_labelled_namespaces_have_admin_access() -> None:
    spec = _one(adminAccess=True)
    plain = Context(now=CONTEXT.now, reader=_Namespaces({}))
    assert wrong(CLAIM, plain, spec=spec) == [
        "spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the "
        "`resource.kubernetes.io/admin-access: true` label on the containing namespace"
    ]
    labelled = _Namespaces({"resource.kubernetes.io/admin-access": "true"})
    assert wrong(CLAIM, Context(now=CONTEXT.now, reader=labelled), spec=spec) == []


RESULT = {"request": "r", "driver": "d", "pool": "p", "device": "x"}
ALLOCATION = {"devices": {"results": [RESULT]}}
USER = {"resource": "pods", "name": "p", "uid": "1"}


def _with(**status: Any) -> Object:
    new = made(CLAIM, spec=_one())
    new["status"] = status
    return new


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (_with(), _with(allocation=ALLOCATION, reservedFor=[USER]), []),
        (
            _with(),
            _with(reservedFor=[USER]),
            ["status.reservedFor: Forbidden: may not be specified when `allocated` is not set"],
        ),
        (
            _with(allocation=ALLOCATION),
            _with(allocation=ALLOCATION, reservedFor=[USER, USER]),
            ['status.reservedFor[1]: Duplicate value: "1"'],
        ),
        (
            _with(allocation=ALLOCATION),
            _with(allocation={"devices": {"results": [{**RESULT, "pool": "q"}]}}),
            [
                'status.allocation: Invalid value: {"Devices":{"Results":[{"Request":"r","Driver":"d",'
                '"Pool":"q","Device":"x","AdminAccess":null,"Tolerations":null,"BindingConditions":null,'
                '"BindingFailureConditions":null,"ShareID":null,"ConsumedCapacity":null}],"Config":null},'
                '"NodeSelector":null,"AllocationTimestamp":null}: field is immutable'
            ],
        ),
        (
            _with(),
            _with(allocation={"devices": {"results": [{**RESULT, "request": "s", "pool": "Q"}]}}),
            [
                f'status.allocation.devices.results[0].request: Invalid value: "s": {REFERENCE}',
                'status.allocation.devices.results[0].pool: Invalid value: "Q": '
                "a lowercase RFC 1123 subdomain",
            ],
        ),
        (
            _with(),
            _with(devices=[{"driver": "d", "pool": "p", "device": "x"}]),
            [
                'status.devices[0]: Invalid value: {"Driver":{},"Pool":{},"Device":{},"ShareID":{}}: '
                "must be an allocated device in the claim"
            ],
        ),
        (
            _with(allocation=ALLOCATION),
            _with(
                allocation=ALLOCATION,
                devices=[
                    {"driver": "d", "pool": "p", "device": "x", "networkData": {"ips": ["010.0.0.1/8"]}}
                ],
            ),
            [
                'status.devices[0].networkData.ips[0]: Invalid value: "010.0.0.1/8": '
                'must be in canonical form ("10.0.0.1/8")'
            ],
        ),
    ],
)
def test_status_says_what_is_wrong(old: Object, new: Object, expected: list[str]) -> None:
    assert wrong_update(CLAIM, old, new, "status") == expected


def test_nothing_is_kept_of_devices_that_are_taken_away() -> None:
    device = {"driver": "d", "pool": "p", "device": "x"}
    old, new = _with(allocation=ALLOCATION, devices=[device]), _with(devices=[device])
    prepare = CLAIM.subresources[0].prepare_update
    assert prepare is not None
    prepare(new, old, CONTEXT)
    assert new["status"] == {}


def test_claim_shows_its_state() -> None:
    assert CLAIM.cells is not None
    assert CLAIM.cells(_with(), 0.0)[0] == "pending"
    reserved = _with(allocation=ALLOCATION, reservedFor=[USER])
    assert CLAIM.cells(reserved, 0.0)[0] == "allocated,reserved"
    reserved["metadata"]["deletionTimestamp"] = CONTEXT.now
    assert CLAIM.cells(reserved, 0.0)[0] == "deleted,allocated,reserved"


def _slice(*devices: dict[str, Any], **more: Any) -> dict[str, Any]:
    pool = {"name": "p", "resourceSliceCount": 1}
    return {"driver": "d", "pool": pool, "nodeName": "n", "devices": list(devices), **more}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            _slice(
                {"name": "x", "attributes": {"a": {"int": 1}, "d.example.com/v": {"version": "1.2.3-a+b"}}}
            ),
            [],
        ),
        (
            _slice(allNodes=True),
            [
                'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, '
                "`allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set"
            ],
        ),
        (
            _slice({"name": "x", "attributes": {"a": {"int": 1, "bool": True}}}),
            [
                'spec.devices[0].attributes[a]: Invalid value: {"IntValue":1,"BoolValue":true,'
                '"StringValue":null,"VersionValue":null}: exactly one value must be specified'
            ],
        ),
        (
            _slice({"name": "x", "attributes": {"a": {"version": "01.2.3"}}}),
            [
                'spec.devices[0].attributes[a].version: Invalid value: "01.2.3": '
                "must be a string compatible with semver.org spec 2.0.0"
            ],
        ),
        (
            _slice({"name": "x", "capacity": {"a-b": {"value": "1"}}}),
            ['spec.devices[0].capacity[a-b]: Invalid value: "a-b": a valid C identifier must start with'],
        ),
        (
            _slice({"name": "x", "attributes": {f"a{at}": {"int": 1} for at in range(33)}}),
            [
                "spec.devices[0]: Invalid value: 33: "
                "the total number of attributes and capacities must not exceed 32"
            ],
        ),
        (
            _slice({"name": "x"}, {"name": "x"}),
            ['spec.devices[1]: Duplicate value: "x"'],
        ),
        (
            _slice(*[{"name": f"x{at}"} for at in range(129)]),
            ["spec.devices: Too many: 129: must have at most 128 items"],
        ),
    ],
)
def test_slice_says_what_is_wrong(spec: dict[str, Any], expected: list[str]) -> None:
    found = [line.partition(" alphabetic")[0] for line in wrong(SLICE, spec=spec)]
    assert found == expected


def test_slice_stays_with_its_driver() -> None:
    old, new = made(SLICE, spec=_slice()), made(SLICE, spec=_slice(driver="e", nodeName="m"))
    assert wrong_update(SLICE, old, new) == [
        'spec.driver: Invalid value: "e": field is immutable',
        'spec.nodeName: Invalid value: "m": field is immutable',
    ]


def test_class_takes_selectors_that_compile() -> None:
    spec = {"selectors": [{"cel": {"expression": "device.driver == 'd' && device.nosuch"}}, {}]}
    found = wrong(CLASS, spec=spec)
    assert found[0].startswith("spec.selectors[0].cel.expression: Invalid value: ")
    assert "undefined field 'nosuch'" in found[0]
    assert found[1:] == ["spec.selectors[1].cel: Required value"]
