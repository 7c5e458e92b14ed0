"""Endpoints are shared out among zones by their processors."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.controllers.endpointslices.proportion import NO_ZONE, hint, ratios, shares


def node(zone: str, cpu: str = "4", ready: str = "True", **labels: str) -> Object:
    own = {"topology.kubernetes.io/zone": zone} if zone else {}
    status = {"conditions": [{"type": "Ready", "status": ready}], "allocatable": {"cpu": cpu}}
    return {"metadata": {"name": "n", "labels": {**own, **labels}}, "status": status}


def sliced(*zones: str, name: str = "a", ready: bool = True) -> Object:
    endpoints = [{"zone": zone, "conditions": {"ready": ready}} for zone in zones]
    return {"metadata": {"name": name}, "endpoints": endpoints}


def hinted(*slices: Object) -> list[str]:
    found = [one.get("hints") for value in slices for one in value["endpoints"] or ()]
    return ["".join(zone["name"] for zone in (one or {"forZones": []})["forZones"]) for one in found]


@pytest.mark.parametrize(
    ("nodes", "parts"),
    [
        ([node("a"), node("b", "12")], {"a": 0.25, "b": 0.75}),
        ([node("a"), node("a"), node("b", "8000m")], {"a": 0.5, "b": 0.5}),
        ([node("a")], {}),
        ([node("a"), node("")], {}),
        ([node("a"), node("b", "0")], {}),
        ([node("a"), node("b", "many")], {}),
        ([node("a"), node("b"), node("", ready="False")], {"a": 0.5, "b": 0.5}),
        (
            [node("a"), node("b"), node("", **{"node-role.kubernetes.io/control-plane": ""})],
            {"a": 0.5, "b": 0.5},
        ),
    ],
)
def test_the_zones_parts(nodes: list[Object], parts: dict[str, float]) -> None:
    assert ratios(nodes) == parts


def test_why_there_are_no_shares() -> None:
    assert str(shares({}, 5)).startswith("Insufficient Node information")
    assert shares({"a": 0.5, "b": 0.5}, 1) == "Insufficient number of endpoints (1 endpoints, 2 zones)"
    uneven = shares({"a": 0.8, "b": 0.1, "c": 0.1}, 3)
    assert uneven == (
        "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold "
        "(3 endpoints, 3 zones)"
    )


def test_endpoints_serve_their_own_zone_and_some_another() -> None:
    halves: dict[str, float] = {"a": 0.5, "b": 0.5}
    even = sliced("a", "b", "a", "b")
    assert hint(halves, [even], []) == ([], "") and hinted(even) == ["a", "b", "a", "b"]
    uneven = sliced("a", "a", "a", "b")
    assert hint(halves, [uneven], []) == ([], "") and sorted(hinted(uneven)) == ["a", "a", "b", "b"]


def test_what_is_even_enough_is_not_written() -> None:
    halves: dict[str, float] = {"a": 0.5, "b": 0.5}
    value = sliced("a", "b", "a", "b")
    hint(halves, [value], [])
    assert hint(halves, [], [value]) == ([], "")
    (changed,) = hint({"a": 0.9, "b": 0.1}, [], [value])[0]
    assert hinted(changed) != hinted(value)


def test_hints_go_where_they_cannot_be_right() -> None:
    halves: dict[str, float] = {"a": 0.5, "b": 0.5}
    value = sliced("a", "b")
    hint(halves, [value], [])
    (bare,) = hint({}, [], [value])[0]
    assert hinted(bare) == ["", ""]
    nowhere = sliced("a", "b", "b", "")
    assert hint(halves, [nowhere], []) == ([], NO_ZONE) and hinted(nowhere) == [""] * 4


@given(st.lists(st.sampled_from("abc"), min_size=3, max_size=40), st.data())
def test_no_endpoint_has_much_more_to_do_than_its_share(zones: list[str], data: Any) -> None:
    weights = [data.draw(st.integers(1, 9)) for _ in range(3)]
    parts = {zone: weight / sum(weights) for zone, weight in zip("abc", weights, strict=True)}
    value = sliced(*zones)
    more, why = hint(parts, [value], [])
    found = shares(parts, len(zones))
    assert (more, why) == ([], found if isinstance(found, str) else "")
    if not isinstance(found, str):
        counts = {zone: hinted(value).count(zone) for zone in "abc"}
        assert sum(counts.values()) == len(zones)
        assert all(counts[zone] >= found[zone].least - 1 for zone in "abc")
