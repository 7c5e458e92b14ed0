"""What is written into claims."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.devices.allocator import allocate
from sampan.kube.scheduler.devices.asking import asked
from sampan.kube.scheduler.devices.effort import Effort
from sampan.kube.scheduler.devices.pools import Inventory
from sampan.kube.scheduler.devices.results import allocated, allocation_of, deallocated, used_by
from tests.kube.scheduler.devices.objects import claim, device, device_class, exactly, first_of, slice_, way

CLASSES = {
    one["metadata"]["name"]: one
    for one in (
        device_class(),
        device_class("set", config=[{"opaque": {"driver": "d.io", "parameters": {"of": "set"}}}]),
    )
}
IN_RACK = {"key": "rack", "operator": "In", "values": ["1", "2"]}
HAS_PORT = {"key": "port", "operator": "Exists"}


def opaque(of: str, *requests: str) -> Object:
    found: Object = {"opaque": {"driver": "d.io", "parameters": {"of": of}}}
    return {**found, "requests": list(requests)} if requests else found


def allocation(wanted: Object, *slices: Object) -> Any:
    inventory = Inventory(slices or [slice_("s", *(device(name) for name in "abc"))])
    claims = [asked(wanted, CLASSES.get)]
    found = allocate(claims, inventory.pools("x", range(len(inventory.selectors))), (), Effort())
    assert not isinstance(found, str)
    return allocation_of(claims[0], found[0])


def test_devices_are_listed_by_request() -> None:
    found = allocation(claim(exactly("r"), first_of("q", way(9), way(1)), exactly("t", adminAccess=True)))
    own = {"driver": "d.io", "pool": "p"}
    assert found == {
        "devices": {
            "results": [
                {"request": "r", **own, "device": "a"},
                {"request": "q/1", **own, "device": "b"},
                {"request": "t", **own, "device": "c", "adminAccess": True},
            ]
        }
    }


def test_a_claim_that_asks_for_nothing_has_an_allocation() -> None:
    assert allocation(claim()) == {"devices": {}}


CONFIGURATIONS: list[tuple[str, list[Object], list[Object], list[Object]]] = [
    ("of a class, for all", [exactly("r", of="set")], [], [{"source": "FromClass", **opaque("set")}]),
    (
        "of a class, for some",
        [exactly("r", of="set"), exactly("q"), exactly("t", of="set")],
        [],
        [{"source": "FromClass", **opaque("set", "r", "t")}],
    ),
    ("of the claim, for all", [exactly("r")], [opaque("own")], [{"source": "FromClaim", **opaque("own")}]),
    (
        "of the claim, for one",
        [exactly("r"), exactly("q")],
        [opaque("own", "q")],
        [{"source": "FromClaim", **opaque("own", "q")}],
    ),
    (
        "of the claim, for the way that was gone",
        [first_of("r", way(1), way(1)), exactly("q")],
        [opaque("yes", "r/0"), opaque("no", "r/1")],
        [{"source": "FromClaim", **opaque("yes", "r/0")}],
    ),
    (
        "both",
        [exactly("r", of="set")],
        [opaque("own", "r")],
        [{"source": "FromClass", **opaque("set")}, {"source": "FromClaim", **opaque("own")}],
    ),
]


@pytest.mark.parametrize(
    ("requests", "own", "expected"),
    [one[1:] for one in CONFIGURATIONS],
    ids=[one[0] for one in CONFIGURATIONS],
)
def test_drivers_are_told_how_to_set_devices_up(
    requests: list[Object], own: list[Object], expected: list[Object]
) -> None:
    assert allocation(claim(*requests, devices={"config": own}))["devices"]["config"] == expected


def _selecting(*expressions: Object, **more: Any) -> Object:
    return {"nodeSelector": {"nodeSelectorTerms": [{"matchExpressions": list(expressions), **more}]}}


SELECTORS: list[tuple[str, list[Object], Any]] = [
    ("everywhere", [{"allNodes": True}], None),
    (
        "on one node, whatever else there is",
        [_selecting(IN_RACK), {"nodeName": "x"}],
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["x"]}]},
    ),
    (
        "where all can be",
        [_selecting(IN_RACK), _selecting(HAS_PORT, {**IN_RACK, "values": ["2", "1"]})],
        {"matchExpressions": [IN_RACK, HAS_PORT]},
    ),
]


@pytest.mark.parametrize(
    ("places", "expected"), [one[1:] for one in SELECTORS], ids=[one[0] for one in SELECTORS]
)
def test_nodes_are_those_from_where_all_devices_can_be_used(places: list[Object], expected: Any) -> None:
    slices = [slice_(f"s{at}", device("a"), pool=f"p{at}", **place) for at, place in enumerate(places)]
    found = allocation(claim(exactly("r", len(slices))), *slices)
    terms = None if expected is None else {"nodeSelectorTerms": [expected]}
    assert found.get("nodeSelector") == terms


def test_a_claim_is_kept_while_it_has_devices() -> None:
    before = claim(exactly("r"))
    found = allocated(before, {"devices": {}})
    assert found["metadata"]["finalizers"] == ["resource.kubernetes.io/delete-protection"]
    assert allocated(found, {"devices": {}})["metadata"] is found["metadata"]
    assert "finalizers" not in before["metadata"] and "status" not in before
    used = used_by(found, {"metadata": {"name": "pod", "uid": "u"}})
    assert used["status"]["reservedFor"] == [{"resource": "pods", "name": "pod", "uid": "u"}]
    assert deallocated({**used, "status": {**used["status"], "x": 1}})["status"] == {"x": 1}
